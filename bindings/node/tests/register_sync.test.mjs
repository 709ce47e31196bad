// SPDX-License-Identifier: BSD-2-Clause
/* The drop-in's sync calls, and launches with other ids. Node only. */
import assert from 'node:assert/strict';
import cp from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { DIR, isNode, openFds, script, skip, temporary, test } from './support.mjs';

const run = isNode ? test : () => {};
if (!isNode) test('there is no drop-in outside of Node', () => {});

const register = isNode ?
    await import(pathToFileURL(path.join(DIR, 'register.mjs')).href) : null;

/** The result without what differs between any two runs; and what stats() has counted. */
function counted(args) {
    const before = register.stats();
    const { pid, error, ...result } = cp.spawnSync(...args);
    const after = register.stats();
    assert.ok(pid > 0 || error);
    const fallback = Object.keys(after.fallback).filter((why) =>
        after.fallback[why] !== before.fallback[why]);
    return { result: { ...result, error: error && { ...error, message: error.message } },
        cold: after.cold - before.cold, fallback };
}

/** Runs it through a template and as without the drop-in, and compares the results. */
function same(args, want = {}, ...fallback) {
    const ours = counted(args);
    register.uninstall();
    const original = counted(args);
    register.install();
    assert.deepEqual(ours.result, original.result);
    assert.deepEqual(ours.fallback, fallback);
    assert.equal(ours.cold, fallback.length ? 0 : 1);
    assert.equal(original.cold, 0);
    for (const [name, value] of Object.entries(want)) {
        assert.deepEqual(ours.result[name], value, name);
    }
    return ours.result;
}

const sh = (command, options) => ['sh', ['-c', command], { encoding: 'utf8', ...options }];

run('spawnSync gives input, output, status and signal as the original', () => {
    same(sh('read x; echo $x $A; pwd; echo err >&2; exit 3',
        { input: 'line\n', cwd: '/usr', env: { ...process.env, A: 'a' } }),
    { status: 3, signal: null, stdout: 'line a\n/usr\n', stderr: 'err\n' });
    same(sh('kill -USR1 $$'), { status: null, signal: 'SIGUSR1' });
    same(['true', [], { encoding: 'buffer' }], { stdout: Buffer.alloc(0) });
    same(['sh', ['-c', 'echo $0'], { argv0: 'other', encoding: 'utf8' }]);
    same([`echo $0`, { shell: true, encoding: 'utf8' }]);
});

run('execSync and execFileSync launch through templates, and throw as the original', () => {
    const before = register.stats().cold;
    assert.equal(cp.execSync('echo $((1+2))', { encoding: 'utf8' }), '3\n');
    assert.equal(cp.execFileSync('echo', ['x'], { encoding: 'utf8' }), 'x\n');
    assert.throws(() => cp.execFileSync('sh', ['-c', 'echo why >&2; exit 9'],
        { stdio: 'pipe' }), { status: 9, message: /why/ });
    assert.equal(register.stats().cold - before, 3);
});

run('large input and output go through spawnSync whole', () => {
    const input = Buffer.alloc(3 << 20, 'text\n');
    const result = same(['cat', [], { input, maxBuffer: Infinity }], { status: 0 });
    assert.ok(input.equals(result.stdout));
});

run('spawnSync tells of a program that does not read its input', () => {
    const { error } = same(['true', [], { input: Buffer.alloc(3 << 20) }], { status: 0 });
    assert.equal(error.code, 'EPIPE');
});

run('spawnSync ends at maxBuffer, with the output until then', () => {
    for (const install of [register.uninstall, register.install]) {
        install();
        const { error, signal, stdout } = cp.spawnSync('head', ['-c', '3000000', '/dev/zero'],
            { maxBuffer: 70000 });
        assert.deepEqual([error.code, signal], ['ENOBUFS', 'SIGTERM']);
        assert.ok(stdout.length > 70000 && stdout.length <= 70000 + 65536);
    }
});

run('spawnSync signals the program when the time is up, and waits for its end', () => {
    const { error } = same(['sleep', ['60'], { timeout: 50 }], { signal: 'SIGTERM' });
    assert.equal(error.code, 'ETIMEDOUT');
    same(['sleep', ['60'], { timeout: 50, killSignal: 'SIGKILL' }], { signal: 'SIGKILL' });
    same(sh('trap "exit 5" TERM; echo on; while :; do sleep 0.1; done', { timeout: 500 }),
        { status: 5, signal: null, stdout: 'on\n' });
});

run('spawnSync waits for who holds the output, and not when the time is up', () => {
    const command = 'sleep 0.6 & echo on';
    const start = Date.now();
    same(sh(command), { status: 0, stdout: 'on\n' });
    assert.ok(Date.now() - start >= 1200);
    const { error } = same(sh(command, { timeout: 100 }), { status: 0, stdout: 'on\n' });
    assert.equal(error.code, 'ETIMEDOUT');
});

run('spawnSync leaves alive what the program leaves behind', () => {
    const file = path.join(temporary(), 'pids');
    same(sh(`sleep 30 >&- 2>&- & echo $! >> ${file}; echo on`), { stdout: 'on\n' });
    const pids = fs.readFileSync(file, 'utf8').trim().split('\n').map(Number);
    assert.equal(pids.length, 2);
    for (const pid of pids) process.kill(pid, 'SIGKILL');
});

run('stdio of spawnSync may be inherited, ignored, a descriptor, and more than three', () => {
    const file = path.join(temporary(), 'out');
    const fd = fs.openSync(file, 'w');
    const result = same(sh('cat; echo err >&2; echo four >&4; echo no >&3',
        { stdio: ['ignore', fd, fd, 'ignore', 'pipe'] }));
    fs.closeSync(fd);
    assert.deepEqual(result.output, [null, null, null, null, 'four\n']);
    assert.match(fs.readFileSync(file, 'utf8'), /^err\n.*3/);
});

run('what the sync calls do not cover goes to the original', () => {
    same(['no-such-program', []], { status: null, output: null }, 'create: ENOENT');
    same(['true', [], { cwd: '/no/such' }], { status: null }, 'no directory');
    const file = path.join(temporary(), 'tool');
    fs.writeFileSync(file, 'echo plain\n', { mode: 0o755 });
    same([file, []], {}, 'create: ENOEXEC');
    same(['true', [Array(40).fill('x'.repeat(100000)).join('')]], { status: null },
        'launch: E2BIG');
});

run('signals of the host do not end a sync call early', async () => {
    const { out } = await script(`
        import { spawnSync } from 'node:child_process';
        import { stats } from ${JSON.stringify(path.join(DIR, 'register.mjs'))};
        let signals = 0;
        process.on('SIGUSR2', () => { signals++; });
        const { stdout } = spawnSync('sh', ['-c',
            'for i in 1 2 3; do kill -USR2 $PPID; sleep 0.1; done; echo end']);
        setTimeout(() => console.log(String(stdout).trim(), signals > 0, stats().cold), 50);`);
    assert.equal(out, 'end true 1\n');
});

run('sync calls leave no descriptor and no child', () => {
    const calls = () => {
        cp.spawnSync('cat', { input: 'x' });
        cp.spawnSync('no-such-program');
        cp.spawnSync('sleep', ['60'], { timeout: 1 });
        cp.spawnSync('true', [Array(40).fill('x'.repeat(100000)).join('')]);
    };
    calls();
    const before = openFds();
    for (let i = 0; i < 20; i++) calls();
    assert.equal(openFds(), before);
    const children = fs.readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8');
    assert.equal(children.trim(), '');
});

run('installing warns of nothing, under --pending-deprecation neither', async () => {
    const { out, err } = await script(`
        import { spawnSync } from 'node:child_process';
        import { stats } from ${JSON.stringify(path.join(DIR, 'register.mjs'))};
        spawnSync('true');
        console.log(stats().cold);`, { args: ['--pending-deprecation'] });
    assert.deepEqual([out, err], ['1\n', '']);
});

run('sync calls of a Worker go through templates', async () => {
    const { out, err } = await script(`
        const { Worker } = require('node:worker_threads');
        new Worker(\`
            const { stats } = require(\${JSON.stringify(${JSON.stringify(DIR)})} +
                '/register.cjs');
            const { stdout } = require('node:child_process').spawnSync('echo', ['x']);
            console.log(String(stdout).trim(), stats().cold);\`, { eval: true });`,
    { type: 'cjs' });
    assert.equal(out, 'x 1\n', err);
});

/* Runs a program without one system call, which fails with EPERM. */
const DENY = `
    #include <errno.h>
    #include <linux/filter.h>
    #include <linux/seccomp.h>
    #include <stddef.h>
    #include <sys/prctl.h>
    #include <sys/syscall.h>
    #include <unistd.h>
    int main(int argc, char **argv)
    {
        struct sock_filter filter[] = {
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, DENIED, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = { 4, filter };
        if (argc < 2 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
            prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) return 77;
        execvp(argv[1], argv + 1);
        return 77;
    }`;

run('where a sandbox denies calls on pidfds, the original makes the launches', async () => {
    const deny = path.join(temporary(), 'deny');
    fs.writeFileSync(`${deny}.c`, DENY);
    for (const call of ['SYS_pidfd_open', 'SYS_pidfd_send_signal']) {
        const made = cp.spawnSync('cc', [`-DDENIED=${call}`, '-o', deny, `${deny}.c`]);
        if (made.status !== 0) skip('there is no C compiler with these calls');
        const { out, err, code } = await script(`
            import cp from 'node:child_process';
            import { stats } from ${JSON.stringify(path.join(DIR, 'register.mjs'))};
            const { error, signal } = cp.spawnSync('sleep', ['60'], { timeout: 50 });
            const child = cp.spawn('sleep', ['60']);
            child.on('exit', (...end) => console.log(error.code, signal, ...end,
                JSON.stringify(stats())));
            child.kill();`, { prefix: [deny] });
        if (code === 77) skip('no filter of system calls can be set');
        assert.equal(out, 'ETIMEDOUT SIGTERM null SIGTERM ' +
            '{"cold":0,"warm":0,"stale":0,"fallback":{"launch: ENOSYS":2}}\n', err);
    }
});

/* ---- other ids */

const IDS = 'grep -E "^(Uid|Gid|Groups)" /proc/self/status';

function needRoot() {
    if (process.getuid() !== 0) skip('needs root');
}

run('uid and gid drop all groups, as by the original', async () => {
    needRoot();
    for (const ids of [{ uid: 65534, gid: 65533 }, { uid: 65534 }, { gid: 65533 }]) {
        const { stdout } = same(sh(IDS, ids), { status: 0 });
        assert.match(stdout, /Groups:\t *\n/);
        const before = register.stats().cold;
        const child = cp.spawn('sh', ['-c', IDS], ids);
        let text = '';
        child.stdout.on('data', (data) => { text += data; });
        await once(child, 'close');
        assert.equal(text, stdout);
        assert.equal(register.stats().cold, before + 1);
    }
});

run('uid without the right to it gives the error of the original', async () => {
    needRoot();
    const { out, err, code } = await script(`
        import cp from 'node:child_process';
        import { stats } from ${JSON.stringify(path.join(DIR, 'register.mjs'))};
        process.setgid(65534);
        process.setuid(65534);
        const { error } = cp.spawnSync('true', { uid: 1 });
        let thrown;
        try {
            cp.spawn('true', { uid: 1 });
        } catch (error) {
            thrown = error.code;
        }
        console.log(error.code, thrown, JSON.stringify(stats()));`);
    assert.equal(out, 'EPERM EPERM ' +
        '{"cold":0,"warm":0,"stale":0,"fallback":{"launch: EPERM":2}}\n', err);
    assert.equal(code, 0);
});

run('with the permission model, the original makes all launches', async () => {
    const flag = process.allowedNodeEnvironmentFlags.has('--permission') ?
        '--permission' : '--experimental-permission';
    if (!process.allowedNodeEnvironmentFlags.has(flag)) skip('there is no permission model');
    const file = path.join(temporary(), 'program.cjs');
    fs.writeFileSync(file, `
        const cp = require('node:child_process');
        const { stats } = require(${JSON.stringify(path.join(DIR, 'register.cjs'))});
        cp.spawn('true').on('exit', (code) => {
            console.log(code, cp.spawnSync('true').status, JSON.stringify(stats()));
        });`);
    const { status, stdout } = cp.spawnSync(process.execPath,
        [flag, '--allow-fs-read=*', '--allow-child-process', file], { encoding: 'utf8' });
    assert.equal(stdout, '0 0 {"cold":0,"warm":0,"stale":0,"fallback":{"permission model":1}}\n');
    assert.equal(status, 0);
});
