// SPDX-License-Identifier: BSD-2-Clause
/* The drop-in: child_process behaves as without it. Node only. */
import assert from 'node:assert/strict';
import cp from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { AsyncLocalStorage } from 'node:async_hooks';
import { DIR, eventually, isNode, openFds, script, skip, temporary, test }
    from './support.mjs';

const run = isNode ? test : () => {};
if (!isNode) test('there is no drop-in outside of Node', () => {});

const register = isNode ?
    await import(pathToFileURL(path.join(DIR, 'register.mjs')).href) : null;

/** Expects so many launches through templates, and the reasons of others. */
async function counted(cold, fallback, fn) {
    const before = register.stats();
    await fn();
    const after = register.stats();
    assert.equal(after.cold - before.cold, cold);
    const more = {};
    for (const [why, n] of Object.entries(after.fallback)) {
        if (n > (before.fallback[why] ?? 0)) more[why] = n - (before.fallback[why] ?? 0);
    }
    assert.deepEqual(more, fallback);
}

/** Waits as eventually() does, while the loop stands still. */
function waitHere(condition, seconds = 10) {
    const end = Date.now() + seconds * 1000;
    while (!condition()) if (Date.now() > end) return false;
    return true;
}

async function output(child) {
    let text = '';
    child.stdout.on('data', (data) => { text += data; });
    const [code, signal] = await once(child, 'close');
    return { text, code, signal };
}

run('spawn launches through a template, with pipes, env and cwd', () =>
    counted(1, {}, async () => {
        const child = cp.spawn('sh', ['-c', 'read x; echo $x $A; pwd; exit 3'],
            { env: { ...process.env, A: 'a' }, cwd: '/usr' });
        child.stdin.end('line\n');
        assert.ok(child.pid > 0);
        assert.deepEqual(await output(child), { text: 'line a\n/usr\n', code: 3, signal: null });
        assert.equal(child.exitCode, 3);
    }));

run('the output of a child comes before its exit, and none of it is lost', async () => {
    for (let i = 0; i < 30; i++) {
        const child = cp.spawn('echo', ['one']);
        const order = [];
        const exit = once(child, 'exit').then(() => order.push('exit'));
        let text = '';
        // as some packages do, it reads one stream after the other
        for await (const part of child.stderr) text += part;
        for await (const part of child.stdout) text += part;
        await exit;
        assert.equal(text, 'one\n');
        const other = cp.spawn('echo', ['two']);
        other.stdout.once('data', () => order.push('data'));
        await once(other, 'exit');
        assert.deepEqual(order, ['exit', 'data']);
    }
});

run('exec and execFile launch through templates', () => counted(2, {}, async () => {
    assert.equal((await promisify(cp.exec)('echo $((1+2))')).stdout, '3\n');
    assert.equal((await promisify(cp.execFile)('echo', ['x'])).stdout, 'x\n');
}));

run('fork talks, and passes handles', () => counted(1, {}, async () => {
    const file = path.join(temporary(), 'child.cjs');
    fs.writeFileSync(file, `process.on('message', (m, server) => {
        process.send({ got: m, port: server?.address().port }, () => process.exit(0)); });`);
    const net = await import('node:net');
    const server = net.createServer().listen(0);
    await once(server, 'listening');
    const child = cp.fork(file);
    child.send('hello', server);
    const [message] = await once(child, 'message');
    assert.deepEqual(message, { got: 'hello', port: server.address().port });
    const [code] = await once(child, 'exit');
    assert.equal(code, 0);
    server.close();
}));

run('a cluster\'s workers share a port, and end', async () => {
    const { out, err } = await script(`
        import cluster from 'node:cluster';
        import http from 'node:http';
        import { stats } from ${JSON.stringify(path.join(DIR, 'register.mjs'))};
        if (cluster.isPrimary) {
            const workers = [cluster.fork(), cluster.fork()];
            const addresses = await Promise.all(workers.map((worker) =>
                new Promise((resolve) => worker.on('listening', resolve))));
            const { port } = addresses[0];
            const texts = new Set();
            while (texts.size < 2) {
                const answer = await new Promise((resolve) =>
                    http.get({ port, agent: false }, resolve));
                texts.add(String(await answer.toArray()));
            }
            const ends = workers.map((worker) =>
                new Promise((resolve) => worker.on('exit', resolve)));
            cluster.disconnect();
            console.log(addresses[1].port === port, await Promise.all(ends),
                JSON.stringify(stats()));
        } else {
            http.createServer((_, answer) => answer.end(String(cluster.worker.id)))
                .listen(0, 'localhost');
        }`);
    assert.equal(out, 'true [ 0, 0 ] {"cold":2,"warm":0,"stale":0,"fallback":{}}\n', err);
});

run('a program that is missing, or a directory, gives the error of the original', () =>
    counted(0, { 'create: ENOENT': 1, 'no directory': 1 }, async () => {
        const [error] = await once(cp.spawn('no-such-program', ['a']), 'error');
        assert.equal(error.code, 'ENOENT');
        assert.equal(error.syscall, 'spawn no-such-program');
        assert.deepEqual(error.spawnargs, ['a']);
        const [chdir] = await once(cp.spawn('true', { cwd: '/no/such' }), 'error');
        assert.equal(chdir.code, 'ENOENT');
    }));

run('a file without #! goes to the original', () => counted(0, { 'create: ENOEXEC': 1 },
    async () => {
        const file = path.join(temporary(), 'tool');
        fs.writeFileSync(file, 'echo plain\n', { mode: 0o755 });
        const child = cp.spawn(file);
        await Promise.race([once(child, 'exit'), once(child, 'error')]);
    }));

run('a launch that fails after begin gives an error event', () => counted(1, {}, async () => {
    const file = path.join(temporary(), 'tool');
    fs.copyFileSync('/bin/true', file);
    fs.chmodSync(file, 0o755);
    // more arguments than exec takes
    const child = cp.spawn(file, Array(40).fill('x'.repeat(100000)));
    const [error] = await once(child, 'error');
    assert.equal(error.code, 'E2BIG');
    assert.equal(error.syscall, `spawn ${file}`);
}));

run('kill() that finds a failed launch emits the error later', () => counted(1, {}, async () => {
    // this process ignores SIGPIPE, so that it has to wait for exec
    const child = cp.spawn('true', Array(40).fill('x'.repeat(100000)));
    assert.equal(child.kill('SIGPIPE'), false);
    assert.equal(child.kill(), false);
    const [error] = await once(child, 'error');
    assert.equal(error.code, 'E2BIG');
}));

run('kill reaches the program, and a second one finds none', () => counted(2, {}, async () => {
    const child = cp.spawn('sleep', ['60']);
    assert.equal(child.kill('SIGUSR1'), true);
    const [code, signal] = await once(child, 'exit');
    assert.deepEqual([code, signal], [null, 'SIGUSR1']);
    assert.equal(child.kill(), false);
    const late = cp.spawn('sleep', ['60'], { timeout: 50 });
    assert.deepEqual(await once(late, 'exit'), [null, 'SIGTERM']);
}));

run('kill does not wait for exec, and a child that it ends there has the signal', async () => {
    for (let i = 0; i < 30; i++) {
        const child = cp.spawn('sleep', ['60']);
        // most of these have not passed exec yet, and will not before they go on
        process.kill(child.pid, 'SIGSTOP');
        assert.equal(child.kill(i % 2 ? 'SIGKILL' : 'SIGTERM'), true);
        process.kill(child.pid, 'SIGCONT');
        assert.deepEqual(await once(child, 'exit'), [null, i % 2 ? 'SIGKILL' : 'SIGTERM']);
    }
});

run('a signal that this process ignores reaches a child that has just begun', async () => {
    for (let i = 0; i < 30; i++) {
        const child = cp.spawn('sleep', ['60']);
        assert.equal(child.kill('SIGPIPE'), true);
        assert.deepEqual(await once(child, 'exit'), [null, 'SIGPIPE']);
    }
});

run('a signal that dumps core waits for exec, since before the core is the host\'s', async () => {
    const cwd = temporary();        // for the cores
    for (let i = 0; i < 10; i++) {
        const child = cp.spawn('sleep', ['60'], { cwd });
        // most of these have not passed exec yet, and will not before they go on
        process.kill(child.pid, 'SIGSTOP');
        const other = cp.spawn('sh', ['-c', `sleep 0.05; kill -CONT ${child.pid}`]);
        assert.equal(child.kill('SIGQUIT'), true);
        const proc = (name) => fs.readFileSync(`/proc/${child.pid}/${name}`, 'latin1');
        assert.ok(waitHere(() => proc('status').includes('\nState:\tZ')));
        assert.equal(proc('comm'), 'sleep\n');
        assert.deepEqual(await once(child, 'exit'), [null, 'SIGQUIT']);
        if (other.exitCode === null) await once(other, 'exit');
    }
});

run('a child that another program ends before exec gives exit, and no error', async () => {
    for (let i = 0; i < 30; i++) {
        const child = cp.spawn('sleep', ['60']);
        process.kill(child.pid, 'SIGTERM');
        assert.deepEqual(await once(child, 'exit'), [null, 'SIGTERM']);
    }
});

run('a launch that cannot be watched goes to the original', async () => {
    const { out, err } = await script(`
        import { spawn } from 'node:child_process';
        import { once } from 'node:events';
        import fs from 'node:fs';
        import { stats } from ${JSON.stringify(path.join(DIR, 'register.mjs'))};
        await once(spawn('true'), 'exit');
        const held = [];
        const errors = new Set();
        for (let left = 0; left < 16; left++) {
            try {
                for (;;) held.push(fs.openSync('/dev/null'));
            } catch { /* none is left */ }
            for (let i = 0; i < left; i++) fs.closeSync(held.pop());
            const child = spawn('true', { stdio: 'ignore' });
            const end = await new Promise((resolve) => child.on('exit', resolve)
                .on('error', (error) => resolve(error.code)));
            errors.add(end);
        }
        for (const fd of held) fs.closeSync(fd);
        const children = fs.readFileSync('/proc/thread-self/children', 'utf8');
        console.log(errors.has(0), errors.has('EMFILE'), errors.size, children);`,
    { args: [], prefix: ['prlimit', '--nofile=64'] });
    assert.equal(out, 'true true 2 \n', err);
});

run('stdio may be inherited, ignored, a descriptor, and more than three', () =>
    counted(1, {}, async () => {
        const file = path.join(temporary(), 'out');
        const fd = fs.openSync(file, 'w');
        const child = cp.spawn('sh', ['-c', 'cat; echo err >&2; echo four >&4; cat <&5'],
            { stdio: ['ignore', fd, fd, 'ignore', 'pipe', 'pipe'] });
        fs.closeSync(fd);
        child.stdio[5].end('five\n');
        let four = '';
        child.stdio[4].on('data', (data) => { four += data; });
        await once(child, 'close');
        assert.equal(four, 'four\n');
        assert.equal(fs.readFileSync(file, 'utf8'), 'err\nfive\n');
    }));

run('a closed file is no stdio, as by the original', () => counted(0, { stdio: 2 }, async () => {
    const file = await fs.promises.open('/dev/null');
    await file.close();
    const stdio = ['ignore', file];
    assert.throws(() => cp.spawn('true', { stdio }), { code: 'EINVAL' });
    assert.equal(cp.spawnSync('true', { stdio }).error?.code, 'EINVAL');
}));

run('inherited stdio is open, though Node marks its own', async () => {
    const { out, err } = await script(`
        import { stats } from ${JSON.stringify(path.join(DIR, 'register.mjs'))};
        import { spawn } from 'node:child_process';
        const child = spawn('sh', ['-c', 'echo out; echo err >&2'], { stdio: 'inherit' });
        child.on('exit', () => console.log(JSON.stringify(stats())));`);
    assert.equal(out, 'out\n{"cold":1,"warm":0,"stale":0,"fallback":{}}\n');
    assert.equal(err, 'err\n');
});

/* A program whose descriptor 60 is inheritable: Node marks those below at its start. */
function withDescriptor(source) {
    return script(`
        import * as register from ${JSON.stringify(path.join(DIR, 'register.mjs'))};
        import { execFileSync, spawn } from 'node:child_process';
        import { once } from 'node:events';
        const LOOK = ['-c', '[ -e /proc/self/fd/60 ]; exit $?'];
        const look = async () => {
            const child = spawn('sh', LOOK, { stdio: 'ignore' });
            const [code] = await once(child, 'exit');
            let sync = 0;
            try {
                execFileSync('sh', LOOK);
            } catch (error) {
                sync = error.status;
            }
            return [code, sync];
        };
        ${source}`, { prefix: ['bash', '-c', 'exec 60</dev/null; exec "$@"', 'bash'] });
}

run('inheritFds: false gives children nothing but their stdio', async () => {
    const { out, err } = await withDescriptor(`
        const seen = [await look()];
        register.install({ inheritFds: false });
        seen.push(await look());
        register.install();
        seen.push(await look(), register.stats());
        console.log(JSON.stringify(seen));`);
    assert.equal(out, '[[0,0],[1,1],[0,0],{"cold":6,"warm":0,"stale":0,"fallback":{}}]\n', err);
});

run('warm has launches made in prepared processes, and stats() counts these', async () => {
    const { out, err } = await script(`
        import * as register from ${JSON.stringify(path.join(DIR, 'register.mjs'))};
        import { spawn, spawnSync } from 'node:child_process';
        import { once } from 'node:events';
        register.install({ inheritFds: false, warm: 'fork' });
        let n = 0;
        for (const end = Date.now() + 20000; Date.now() < end; n++) {
            const child = spawn('echo', ['a']);
            let text = '';
            child.stdout.on('data', (data) => { text += data; });
            await once(child, 'close');
            text += spawnSync('echo', ['b']).stdout;
            if (text !== 'a\\nb\\n') throw new Error(text);
            if (register.stats().warm > 2) break;
            await new Promise((resolve) => setTimeout(resolve, 10));
        }
        const { cold, warm, fallback } = register.stats();
        register.install();
        console.log(warm > 2, cold + warm === 2 * n + 2, register.stats().warm === warm,
            fallback);`);
    assert.equal(out, 'true true true {}\n', err);
});

run('stats() counts programs whose file has changed', async () => {
    const file = path.join(temporary(), 'program');
    const put = (text) => {
        fs.writeFileSync(`${file}.new`, `#!/bin/sh\necho ${text}\n`, { mode: 0o755 });
        fs.renameSync(`${file}.new`, file);
        return String(cp.execFileSync(file)).trim();
    };
    const { stale } = register.stats();
    assert.deepEqual([put('one'), register.stats().stale - stale], ['one', 0]);
    assert.deepEqual([put('two'), register.stats().stale - stale], ['two', 1]);
});

run('install() refuses what it does not know', () => {
    for (const options of [{ inherit: false }, { warm: 'hot', inheritFds: false },
        { warm: 'fork' }]) {
        assert.throws(() => register.install(options), { code: 'ERR_INVALID_ARG_VALUE' });
    }
});

run('what somebody has put into Object.prototype changes no launch', () =>
    counted(2, {}, async () => {
        Object.prototype.uid = 1;
        Object.prototype.terminal = true;
        try {
            const child = cp.spawn('id', ['-u']);
            assert.equal(String(cp.spawnSync('id', ['-u']).stdout), `${process.getuid()}\n`);
            assert.equal((await output(child)).text, `${process.getuid()}\n`);
        } finally {
            delete Object.prototype.uid;
            delete Object.prototype.terminal;
        }
    }));

run('a child that a signal has ended tells the name that the original tells', async () => {
    const ends = async () => {
        const all = [];
        for (const signal of [1, 6, 7, 9, 10, 16, 27, 29, 30, 31]) {
            const child = cp.spawn('sh', ['-c', `kill -${signal} $$`], { stdio: 'ignore' });
            const [code, name] = await once(child, 'exit');
            const sync = cp.spawnSync('sh', ['-c', `kill -${signal} $$`]);
            all.push([code, name, sync.status, sync.signal]);
        }
        return all;
    };
    const ours = await ends();
    register.uninstall();
    try {
        assert.deepEqual(ours, await ends());
    } finally {
        register.install();
    }
});

run('a loop that cannot watch leaves launches to the original, and stays whole', async () => {
    const failing = process.env.SPAWN_TEMPLATE_NODE_FAILING;
    if (!failing) skip('only make builds the addon that fails');
    const { out, err, code, signal } = await script(`
        const register = require(${JSON.stringify(path.join(failing, 'register.cjs'))});
        const { run } = require(${JSON.stringify(failing)});
        const { spawn } = require('node:child_process');
        const timers = [];
        (async () => {
            for (let i = 0; i < 5; i++) {
                await new Promise((resolve) => spawn('true').on('close', resolve));
                console.log(await run(['true']).catch((error) => error.code));
                timers.push(setInterval(() => {}, 1000));
            }
            timers.forEach(clearInterval);
            // this walks along all that the loop has
            console.log(process.report.getReport().libuv.length > 1);
            console.log(JSON.stringify(register.stats()));
        })();`, { load: false, type: 'cjs', env: { FAIL: '1', MALLOC_PERTURB_: '165' } });
    assert.deepEqual([out, code, signal], ['EMFILE\n'.repeat(5) + 'true\n' +
        '{"cold":0,"warm":0,"stale":0,"fallback":{"no event loop":5}}\n', 0, null], err);
});

run('--import registers, and the loop ends with the children', async () => {
    const { out, code } = await script(`
        import { spawn } from 'node:child_process';
        const child = spawn('sleep', ['60']);
        child.unref();
        for (const stream of child.stdio) stream.unref?.();
        process.on('exit', () => child.kill());
        spawn('sh', ['-c', 'sleep 0.2; echo done']).stdout.on('data', (data) =>
            console.log(String(data).trim()));`,
    { args: ['--require', path.join(DIR, 'register.cjs')] });
    assert.equal(out, 'done\n');
    assert.equal(code, 0);
});

run('detached children lead a session', async () => {
    const child = cp.spawn('sh', ['-c', 'set -- $(cat /proc/$$/stat); [ $$ = $6 ] && echo leads'],
        { detached: true });
    assert.equal((await output(child)).text, 'leads\n');
});

run('events have the context of the launch', async () => {
    const storage = new AsyncLocalStorage();
    const got = await storage.run('context', () => new Promise((resolve) => {
        cp.spawn('true').on('exit', () => resolve(storage.getStore()));
    }));
    assert.equal(got, 'context');
});

run('many children at a time leave no descriptor and no zombie', async () => {
    const many = () => Promise.all(Array.from({ length: 40 }, (_, i) =>
        promisify(cp.execFile)('echo', [String(i)])));
    await many();
    const before = openFds();
    const results = await many();
    assert.deepEqual(results.map((result) => result.stdout),
        Array.from({ length: 40 }, (_, i) => `${i}\n`));
    assert.ok(await eventually(() => openFds() <= before), `${openFds()} of ${before}`);
    const children = fs.readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8');
    assert.equal(children.trim(), '');
});

run('a child that has ended is garbage', async () => {
    if (!globalThis.gc) return;
    const refs = [];
    for (let i = 0; i < 20; i++) {
        const child = cp.spawn('true');
        refs.push(new WeakRef(child));
        await once(child, 'close');
    }
    // the last one may still be on the stack
    assert.ok(await eventually(() => {
        globalThis.gc();
        return refs.filter((ref) => ref.deref()).length <= 1;
    }));
});

/* It lets its child trace it, and ends; for half a second nobody can reap it. */
const TRACED = `
    #include <signal.h>
    #include <sys/prctl.h>
    #include <sys/ptrace.h>
    #include <unistd.h>
    int main(void)
    {
        char told = 0;
        int pair[2];
        if (pipe(pair) < 0) return 1;
        prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
        if (fork() == 0) {
            told = ptrace(PTRACE_SEIZE, getppid(), 0, 0) == 0;
            for (int fd = 0; fd < 3; fd++) close(fd);
            if (write(pair[1], &told, 1) == 1) usleep(500000);
            _exit(0);
        }
        return read(pair[0], &told, 1) == 1 && told ? 7 : 8;
    }`;

run('a child that a tracer holds does not keep the loop busy', async () => {
    const dir = temporary();
    const program = path.join(dir, 'traced');
    fs.writeFileSync(`${program}.c`, TRACED);
    const made = cp.spawnSync('cc', ['-o', program, `${program}.c`]);
    if (made.status !== 0) skip('there is no C compiler');
    let turns = 0;
    const timer = setInterval(() => { turns++; }, 5);
    const [code] = await once(cp.spawn(program), 'exit');
    clearInterval(timer);
    if (code === 8) skip('no process may be traced');
    assert.equal(code, 7);
    assert.ok(turns > 10, `${turns}`);
});

run('hundreds of children with pipes, 16 at a time, do the host no harm', async () => {
    const { out, err, code, signal } = await script(`
        import { spawn } from 'node:child_process';
        import ${JSON.stringify(path.join(DIR, 'register.mjs'))};
        let left = 1200;
        function next() {
            if (left-- <= 0) return;
            const child = spawn('/bin/true');
            child.stdout.on('data', () => {});
            child.on('close', next);
        }
        process.on('exit', () => console.log(left));
        for (let i = 0; i < 16; i++) next();`);
    assert.deepEqual([out, code, signal], ['-16\n', 0, null], err);
}, 60);

run('children that libuv forks meanwhile disturb none', async () => {
    // a fork holds copies of all descriptors until it execs
    const { out, err, code, signal } = await script(`
        import { spawn } from 'node:child_process';
        import { install, uninstall } from ${JSON.stringify(path.join(DIR, 'register.mjs'))};
        let left = 600;
        let ended = 0;
        function next() {
            if (left-- <= 0) return;
            if (left % 2) install();
            else uninstall();
            spawn('/bin/true').on('close', (code) => {
                if (code === 0 && ++ended === 600) console.log('all');
                next();
            });
        }
        for (let i = 0; i < 16; i++) next();`);
    assert.deepEqual([out, code, signal], ['all\n', 0, null], err);
}, 60);

run('uninstall brings the original back', () => counted(0, {}, async () => {
    register.uninstall();
    await promisify(cp.execFile)('true');
    assert.equal(cp.execFileSync('echo', ['x'], { encoding: 'utf8' }), 'x\n');
    register.install();
}));
