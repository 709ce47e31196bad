// SPDX-License-Identifier: BSD-2-Clause
/* Template.spawn(): children of child_process from a template. */
import assert from 'node:assert/strict';
import childProcess from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { eventually, isAlive, isNode, openFds, sleep, st, temporary, test } from './support.mjs';

function text(stream) {
    let all = '';
    stream.on('data', (data) => { all += data; });
    return once(stream, 'end').then(() => all);
}

const shell = isNode ? new st.Template('/bin/sh') : null;

/* A child whose own child has told its pid. */
async function family(options) {
    const child = shell.spawn(['sh', '-c', 'sleep 60 & echo $!; wait'], options);
    const [first] = await once(child.stdout, 'data');
    return [child, Number(first)];
}

if (!isNode) {
    test('a runtime without a child of its own is told so', () => {
        const template = new st.Template('/bin/sh');
        assert.throws(() => template.spawn(['sh']), { code: 'ENOSYS' });
    });
} else {
    test('a child has streams, a pid, a pidfd and an end to wait for', async () => {
        const child = shell.spawn(['name', '-c', 'echo $0; cat; exit 3']);
        assert.ok(child instanceof childProcess.ChildProcess);
        assert.ok(isAlive(child.pid));
        const info = fs.readFileSync(`/proc/self/fdinfo/${child.pidfd}`, 'latin1');
        assert.match(info, new RegExp(`^Pid:\\s+${child.pid}$`, 'm'));
        child.stdin.end('input');
        assert.equal(await text(child.stdout), 'name\ninput');
        assert.deepEqual(await child.wait(), { code: 3, signal: null });
        assert.deepEqual(await child.wait(), { code: 3, signal: null });
        assert.equal(child.pidfd, -1);
    });

    test('options are those of child_process', async () => {
        const child = shell.spawn(['sh', '-c', 'pwd; echo $A; ps -o sid= -p $$; echo a >&3'],
            { cwd: '/', env: { A: 'b', PATH: process.env.PATH }, detached: true,
                stdio: ['ignore', 'pipe', 'inherit', 'pipe'] });
        const extra = text(child.stdio[3]);
        assert.deepEqual((await text(child.stdout)).split(/\s+/),
            ['/', 'b', String(child.pid), '']);
        assert.equal(await extra, 'a\n');
        const late = shell.spawn(['sh', '-c', 'sleep 60'], { timeout: 50 });
        assert.equal((await late.wait()).signal, 'SIGTERM');
        assert.throws(() => shell.spawn(['sh'], { shell: true }), /shell/);
        assert.throws(() => shell.spawn([]), TypeError);
    });

    test('killTree() reaches the descendants, and kill() the child only', async () => {
        const [child, inner] = await family();
        assert.equal(child.killTree(), true);
        assert.deepEqual(await child.wait(), { code: null, signal: 'SIGKILL' });
        assert.ok(await eventually(() => !isAlive(inner)));
        assert.equal(child.killTree(), false);
        const [other, left] = await family();
        assert.equal(other.kill(), true);
        await other.wait();
        assert.ok(isAlive(left));
        process.kill(left);
        assert.throws(() => other.killTree('SIGNONE'), { code: 'ERR_UNKNOWN_SIGNAL' });
    });

    test('killTree() takes another signal', async () => {
        const [child, inner] = await family({ detached: true });
        child.killTree('sigterm');
        assert.equal((await child.wait()).signal, 'SIGTERM');
        assert.ok(await eventually(() => !isAlive(inner)));
    });

    test('a child has the terminal of pty as its own, with the size', async () => {
        const child = shell.spawn(['sh', '-c',
            'stty size; ps -o sid=,tpgid= -p $$; read x; stty size; cat; exit 3'],
        { pty: { rows: 30, columns: 100 } });
        assert.equal(child.stdout, child.terminal);
        assert.equal(child.stdin, null);
        const all = text(child.terminal);
        const closed = once(child, 'close');
        let seen = '';
        child.terminal.on('data', (data) => { seen += data; });
        assert.ok(await eventually(() => seen.split('\n').length > 2));
        child.terminal.resize({ rows: 40, columns: 50 });
        child.terminal.write('line\n');
        await sleep(200);
        child.terminal.end('last\n');
        assert.deepEqual(await child.wait(), { code: 3, signal: null });
        const { pid } = child;
        // what is typed is shown, too
        const lines = (await all).replace(/\r/g, '').replace(/ +/g, ' ').split('\n');
        assert.deepEqual(lines.map((line) => line.trim()).filter((line) => line !== 'last'),
        ['30 100', `${pid} ${pid}`, 'line', '40 50', '']);
        assert.deepEqual(await closed, [3, null]);
        assert.throws(() => child.terminal.resize({}), { code: 'EBADF' });
        assert.throws(() => shell.spawn(['sh'], { pty: {}, stdio: 'ignore' }), TypeError);
        assert.throws(() => shell.spawn(['sh'], { pty: { rows: 0 } }), RangeError);
    });

    test('what a terminal shows is whole, however slowly it is read', async () => {
        for (const size of [5000, 20000, 100000]) {
            const child = shell.spawn(
                ['sh', '-c', `head -c ${size} /dev/zero | tr '\\0' x`], { pty: {} });
            const closed = once(child.terminal, 'close');
            let seen = 0;
            for await (const data of child.terminal) {
                seen += data.length;
                await sleep(2);
            }
            assert.equal(seen, size);
            await closed;
        }
    });

    test('a terminal that its child has left is not an error, and stays open for others',
        async () => {
            const child = shell.spawn(['sh', '-c', 'trap "" HUP; (sleep 0.3; echo late) &'],
                { pty: {} });
            await child.wait();
            assert.equal(await text(child.terminal), 'late\r\n');
        });

    test('terminals that nobody reads, or whose launch fails, leave no descriptor', async () => {
        const several = async () => {
            for (let i = 0; i < 5; i++) {
                await once(shell.spawn(['sh', '-c', 'echo text'], { pty: {} }), 'close');
                assert.throws(() => shell.spawn(['sh'], { pty: {}, cwd: '/no such' }));
                await shell.spawn(['sh', 'a'.repeat(200000)], { pty: {} }).wait()
                    .catch((error) => assert.equal(error.code, 'E2BIG'));
            }
        };
        await several();
        const before = openFds();
        await several();
        assert.ok(await eventually(() => openFds() <= before), `${openFds()} of ${before}`);
    });

    test('a launch that fails throws a LaunchError, or rejects what waits', async () => {
        const file = path.join(temporary(), 'program');
        fs.copyFileSync('/bin/true', file);
        fs.chmodSync(file, 0o755);
        const template = new st.Template(file);
        fs.writeFileSync(file, '#!/bin/true\n# another\n');
        assert.throws(() => template.spawn(['true']), { name: 'LaunchError', code: 'ESTALE' });
        template.close();
        assert.throws(() => template.spawn(['true']), { code: 'EBADF' });
        assert.throws(() => shell.spawn(['sh'], { cwd: '/no such directory' }),
            { name: 'LaunchError', code: 'ENOENT', stage: 'action', action: 'chdir' });
        // only exec finds the argument too long
        const long = shell.spawn(['sh', 'a'.repeat(200000)]);
        await assert.rejects(long.wait(), { code: 'E2BIG' });
        await assert.rejects(long.wait(), { code: 'E2BIG' });
        const other = shell.spawn(['sh', 'a'.repeat(200000)]);
        const [error] = await once(other, 'error').catch((one) => [one]);
        assert.equal(error.code, 'E2BIG');
        await assert.rejects(other.wait(), { code: 'E2BIG' });
        const third = shell.spawn(['sh', 'a'.repeat(200000)]);
        assert.equal(third.killTree(), false);
        await assert.rejects(third.wait(), { code: 'E2BIG' });
    });

    test('child_process is as before, during and after a child of a template', async () => {
        const child = shell.spawn(['sh', '-c', 'exit 4']);
        const other = childProcess.spawn('sh', ['-c', 'exit 5']);
        assert.equal(other.killTree, undefined);
        assert.equal((await once(other, 'exit'))[0], 5);
        assert.equal((await child.wait()).code, 4);
    });

    test('children of templates leave no descriptor', async () => {
        await shell.spawn(['sh', '-c', 'true']).wait();
        await sleep(50);
        const before = openFds();
        for (let i = 0; i < 20; i++) {
            const child = shell.spawn(['sh', '-c', 'true'], { stdio: 'ignore' });
            await child.wait();
        }
        assert.ok(await eventually(() => openFds() <= before));
    });
}
