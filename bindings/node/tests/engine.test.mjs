// SPDX-License-Identifier: BSD-2-Clause
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { setMaxListeners } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { eventually, isAlive, openFds, required, script, skip, sleep, st, temporary, test }
    from './support.mjs';

const { run, runSync, shell, Template, LaunchError, RunError, Env, Sandbox } = st;

test('import and require give the same package', () => {
    assert.equal(required.run, st.run);
    assert.deepEqual(Object.keys(required).sort(),
        Object.keys(st).filter((name) => name !== 'default' && name !== 'module.exports')
            .sort());
});

test('output comes as text, or as bytes if that is asked for', async () => {
    const argv = ['printf', '\\377a'];
    assert.equal((await run(argv)).stdout, '\ufffda');
    const { stdout } = await run(argv, { encoding: 'buffer' });
    assert.deepEqual([...stdout], [255, 97]);
    assert.ok(Buffer.isBuffer(runSync(argv, { encoding: 'buffer' }).stdout));
});

test('a large output comes whole as a Buffer of its own', async () => {
    const { stdout } = await run(['head', '-c', '3000000', '/dev/zero'],
        { encoding: 'buffer' });
    assert.equal(stdout.length, 3000000);
    assert.ok(stdout.every((byte) => byte === 0));
    stdout.fill(1);
});

test('input may be text, a Buffer, a typed array or empty', async () => {
    for (const [input, want] of [['ü', 'ü'], [Buffer.from('b'), 'b'],
        [new Uint8Array([99]), 'c'], [new Uint16Array([0x4141]), 'AA'], ['', ''],
        [Buffer.alloc(0), '']]) {
        assert.equal((await run(['cat'], { input })).stdout, want);
    }
});

test('more runs than the ring holds take their turns, and all end', async () => {
    const results = await Promise.all(Array.from({ length: 400 }, (_, i) =>
        run(['sh', '-c', `exit ${i % 100}`])));
    assert.deepEqual(results.map((result) => result.code),
        Array.from({ length: 400 }, (_, i) => i % 100));
});

test('a run that waits for its turn has the options of its call', async () => {
    const first = Array.from({ length: 128 }, () => run(['sleep', '0.2']));
    const input = Buffer.from('before');
    const environment = { NAME: 'before' };
    process.env.SPAWN_TEMPLATE_TEST = 'before';
    const late = [
        run(['cat'], { input, maxOutput: 3 }),
        run(['sh', '-c', 'echo $NAME'], { env: environment }),
        run(['sh', '-c', 'echo $SPAWN_TEMPLATE_TEST; umask'], { umask: 0o70 }),
        run(['true']),
    ];
    input.fill('x');
    environment.NAME = process.env.SPAWN_TEMPLATE_TEST = 'after';
    const results = await Promise.all(late);
    delete process.env.SPAWN_TEMPLATE_TEST;
    assert.deepEqual(results.map((result) => result.stdout),
        ['bef', 'before\n', 'before\n0070\n', '']);
    await Promise.all(first);
});

test('runs do not block the loop', async () => {
    let turns = 0;
    const timer = setInterval(() => { turns++; }, 10);
    await run(['sleep', '0.5']);
    clearInterval(timer);
    assert.ok(turns > 10, `${turns}`);
});

test('a failed launch has the fields of errors of child_process', async () => {
    const error = await run(['no-such-program', 'a'], {}).catch((thrown) => thrown);
    assert.ok(error instanceof LaunchError && error instanceof Error);
    assert.equal(error.code, 'ENOENT');
    assert.equal(error.errno, -2);
    assert.equal(error.syscall, 'spawn no-such-program');
    assert.equal(error.path, 'no-such-program');
    assert.deepEqual(error.spawnargs, ['a']);
    assert.match(error.message, /check the name and the path/);
    const chdir = await run(['true'], { cwd: '/no/such' }).catch((thrown) => thrown);
    assert.equal(chdir.stage, 'action');
    assert.equal(chdir.action, 'chdir');
    assert.throws(() => runSync(['true'], { cwd: '/no/such' }), { code: 'ENOENT' });
});

test('check rejects with the result unless the code is 0', async () => {
    assert.equal((await run(['true'], { check: true })).code, 0);
    const error = await shell('echo out; exit 3', { check: true }).catch((thrown) => thrown);
    assert.ok(error instanceof RunError);
    assert.equal(error.result.stdout, 'out\n');
    assert.equal(error.code, 3);
    await assert.rejects(run(['sleep', '9'], { check: true, timeout: 50 }), /timed out/);
    assert.throws(() => runSync(['false'], { check: true }), RunError);
});

test('a signal that is aborted ends the tree, and its reason rejects', async () => {
    const dir = temporary();
    const controller = new AbortController();
    const running = run(['sh', '-c', 'sleep 60 & echo $! $$ > pids; wait'],
        { cwd: dir, signal: controller.signal });
    const file = path.join(dir, 'pids');
    assert.ok(await eventually(() => fs.existsSync(file) && fs.readFileSync(file).length));
    const reason = new Error('enough');
    controller.abort(reason);
    assert.equal(await running.catch((thrown) => thrown), reason);
    for (const pid of fs.readFileSync(file, 'utf8').trim().split(' ')) {
        assert.ok(await eventually(() => !isAlive(pid)), `${pid} lives`);
    }
    await assert.rejects(run(['true'], { signal: controller.signal }), reason);
});

test('a reason may be any value', async () => {
    for (const reason of [null, 0, '']) {
        const controller = new AbortController();
        const running = run(['sleep', '60'], { signal: controller.signal });
        setTimeout(() => controller.abort(reason), 20);
        assert.equal(await running.catch((thrown) => ({ thrown })).then((r) => r.thrown), reason);
        const thrower = { onOutput() { throw reason; } };
        assert.equal(await run(['yes'], thrower).catch((thrown) => ({ thrown }))
            .then((r) => r.thrown), reason);
    }
});

test('a signal takes a waiting run out of the queue', async () => {
    const first = Array.from({ length: 128 }, () => run(['sleep', '0.3']));
    const dir = temporary();
    const controller = new AbortController();
    const late = run(['touch', 'there'], { cwd: dir, signal: controller.signal });
    controller.abort();
    await assert.rejects(late, { name: 'AbortError' });
    await Promise.all(first);
    assert.deepEqual(fs.readdirSync(dir), []);
});

test('listeners of a signal are removed', async () => {
    let count = 0;
    const { signal } = new AbortController();
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args) => { count++; addEventListener.apply(signal, args); };
    signal.removeEventListener = (...args) => {
        count--;
        removeEventListener.apply(signal, args);
    };
    await run(['true'], { signal });
    await run(['no-such-program'], { signal }).catch(() => {});
    assert.equal(count, 0);
});

test('a misspelt option is refused, and so are wrong values', async () => {
    for (const [options, code] of [
        [{ timout: 5 }, 'ERR_INVALID_ARG_TYPE'], [{ timeout: '5' }, 'ERR_INVALID_ARG_TYPE'],
        [{ timeout: -1 }, 'ERR_OUT_OF_RANGE'], [{ timeout: NaN }, 'ERR_OUT_OF_RANGE'],
        [{ maxOutput: 0 }, 'ERR_OUT_OF_RANGE'], [{ keep: 'all' }, 'ERR_INVALID_ARG_TYPE'],
        [{ encoding: 'latin1' }, 'ERR_INVALID_ARG_TYPE'],
        [{ input: 5 }, 'ERR_INVALID_ARG_TYPE'], [{ cwd: 5 }, 'ERR_INVALID_ARG_TYPE'],
        [{ cwd: 'a\0b' }, 'ERR_INVALID_ARG_TYPE'], [{ signal: {} }, 'ERR_INVALID_ARG_TYPE'],
        [{ sandbox: {} }, 'ERR_INVALID_ARG_TYPE'], [{ env: { A: 'a\0b' } },
            'ERR_INVALID_ARG_VALUE'], [{ pty: { rows: 0 } }, 'ERR_OUT_OF_RANGE'],
        [{ nice: 50 }, 'ERR_OUT_OF_RANGE'], [{ uid: -1 }, 'ERR_OUT_OF_RANGE']]) {
        await assert.rejects(run(['true'], options), { code }, JSON.stringify(options));
    }
    for (const argv of [[], 'true', ['a\0b'], ['true', 5], undefined]) {
        await assert.rejects(run(argv), { code: 'ERR_INVALID_ARG_TYPE' });
    }
    assert.throws(() => runSync(['true'], { signal: new AbortController().signal }));
});

test('infinite times mean no limit', async () => {
    const result = await run(['sh', '-c', 'sleep 0.1; echo done'],
        { timeout: Infinity, idleTimeout: Infinity, grace: Infinity });
    assert.equal(result.stdout, 'done\n');
    const ended = await run(['sh', '-c', 'trap "exit 4" TERM; echo on; sleep 60 & wait'],
        { timeout: 20000, idleTimeout: 300, grace: 1e14 });
    assert.equal(ended.code, 4);
});

test('onOutput sees the output as it comes, with the caller\'s async context', async () => {
    const storage = new AsyncLocalStorage();
    const seen = [];
    const result = await storage.run('context', () => run(
        ['sh', '-c', 'echo a; sleep 0.2; echo b >&2'], { onOutput(chunk, from) {
            seen.push([from, String(chunk), storage.getStore()]);
        } }));
    assert.deepEqual(seen, [['stdout', 'a\n', 'context'], ['stderr', 'b\n', 'context']]);
    assert.equal(result.stdout, null);
    assert.equal(result.stdoutTotal, 2);
});

test('an error in onOutput ends the tree, and the run rejects with it', async () => {
    const error = new Error('from onOutput');
    const thrower = { onOutput() { throw error; }, timeout: 20000 };
    const flood = ['sh', '-c', 'while :; do echo x; done'];
    await assert.rejects(run(flood, thrower), error);
    assert.throws(() => runSync(flood, thrower), error);
});

test('a program that writes faster than onOutput takes leaves the loop its turns', async () => {
    const controller = new AbortController();
    const start = Date.now();
    setTimeout(() => controller.abort(), 100);
    await assert.rejects(run(['yes'], { signal: controller.signal, timeout: 15000, onOutput() {
        for (const end = performance.now() + 1; performance.now() < end;);
    } }), { name: 'AbortError' });
    assert.ok(Date.now() - start < 10000);
});

test('onOutput of runSync is called meanwhile', () => {
    const seen = [];
    const result = runSync(['sh', '-c', 'echo a; echo b >&2'], { onOutput(chunk, from) {
        seen.push(`${from} ${chunk}`);
    } });
    assert.deepEqual(seen.sort(), ['stderr b\n', 'stdout a\n']);
    assert.equal(result.code, 0);
});

test('detachOnTimeout gives the output so far, and later the rest', async () => {
    const result = await run(['sh', '-c', 'echo begun; sleep 0.7; echo done'],
        { timeout: 300, detachOnTimeout: true, detachedTimeout: Infinity });
    assert.ok(result.detached && result.timedOut);
    assert.equal(result.stdout, 'begun\n');
    const rest = await result.rest;
    assert.equal(rest.stdout, 'begun\ndone\n');
    assert.equal(rest.code, 0);
});

test('a spill file has all of the output', async () => {
    const file = path.join(temporary(), 'all');
    const fd = fs.openSync(file, 'w');
    const result = await run(['sh', '-c', 'head -c 1000 /dev/zero'],
        { maxOutput: 10, spillFd: fd, mergeStderr: true });
    fs.closeSync(fd);
    assert.ok(result.spilled && result.stdoutTruncated);
    assert.equal(fs.statSync(file).size, 1000);
});

test('usage has the fields of process.resourceUsage()', async () => {
    const { usage } = await run(['sh', '-c', 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done']);
    assert.ok(usage.userCPUTime + usage.systemCPUTime > 1000);
    assert.ok(usage.maxRSS > 100);
    assert.deepEqual(Object.keys(usage).sort(), Object.keys(process.resourceUsage()).sort());
});

test('what the program leaves behind is ended, unless it is to be kept', async () => {
    const result = await shell('sleep 62 >/dev/null 2>&1 & echo $!');
    assert.ok(result.leftovers >= 1);
    assert.equal(result.unseen, false);
    assert.ok(await eventually(() => !isAlive(Number(result.stdout))));
    const kept = await shell('sleep 62 >/dev/null 2>&1 & echo $!', { keepLeftovers: true });
    assert.equal(kept.leftovers, 0);
    assert.ok(isAlive(Number(kept.stdout)));
    process.kill(Number(kept.stdout));
});

test('limits hold for the tree, or the launch fails', async () => {
    const command = 'i=0; while [ $i -lt 40 ]; do sleep 3 & i=$((i+1)); done; echo all';
    let result;
    try {
        result = await shell(command, { limits: { pids: 8, memory: 64 << 20, cpus: 1 } });
    } catch (error) {
        // no cgroup that this user may write, or a controller that is missing
        assert.ok(error instanceof LaunchError, error);
        assert.match(error.message, /cannot limit|cgroup/);
        return;
    }
    assert.doesNotMatch(result.stdout, /all/);
});

test('limits are checked', async () => {
    await assert.rejects(run(['true'], { limits: { mem: 5 } }), /not known/);
    await assert.rejects(run(['true'], { limits: { pids: 0 } }), { code: 'ERR_OUT_OF_RANGE' });
});

test('cwd may be a URL', async () => {
    const dir = fs.realpathSync(temporary());
    assert.equal((await run(['pwd'], { cwd: pathToFileURL(dir) })).stdout, `${dir}\n`);
});

test('changes of process.env are seen, and PATH is that of env', async () => {
    process.env.SPAWN_TEMPLATE_TEST = 'ü';
    assert.equal((await shell('echo $SPAWN_TEMPLATE_TEST')).stdout, 'ü\n');
    delete process.env.SPAWN_TEMPLATE_TEST;
    assert.equal((await shell('echo ${SPAWN_TEMPLATE_TEST-unset}')).stdout, 'unset\n');
    const dir = temporary();
    fs.writeFileSync(path.join(dir, 'tool'), '#!/bin/sh\necho mine\n', { mode: 0o755 });
    const env = { PATH: `${dir}:/usr/bin:/bin` };
    assert.equal((await run(['tool'], { env })).stdout, 'mine\n');
    await assert.rejects(run(['tool']), { code: 'ENOENT' });
});

test('an environment has the variables of its prototype, as in child_process', async () => {
    const env = Object.create({ A: '1' }, { B: { value: '2', enumerable: true } });
    assert.equal((await run(['/usr/bin/env'], { env })).stdout, 'B=2\nA=1\n');
    assert.equal((await run(['/usr/bin/env'], { env: new Env(env) })).stdout, 'B=2\nA=1\n');
});

test('an Env is encoded once, and with() makes another', async () => {
    const env = new Env({ A: '1', B: '2' });
    const other = env.with({ B: undefined, C: 3 });
    assert.equal((await run(['/usr/bin/env'], { env })).stdout, 'A=1\nB=2\n');
    assert.equal((await run(['/usr/bin/env'], { env: other })).stdout, 'A=1\nC=3\n');
});

test('a template whose file changed is stale, and refresh() takes the new file', () => {
    const tool = path.join(temporary(), 'tool');
    fs.copyFileSync('/bin/true', tool);
    const template = new Template(tool);
    assert.equal(template.path, tool);
    assert.equal(template.runSync(['tool']).code, 0);
    fs.rmSync(tool);
    fs.copyFileSync('/bin/false', tool);
    assert.throws(() => template.runSync(['tool']), { code: 'ESTALE' });
    assert.throws(() => template.check(), { code: 'ESTALE' });
    assert.equal(template.stat().state, 'stale');
    template.refresh();
    template.check();
    assert.equal(template.runSync(['tool']).code, 1);
    assert.equal(template.stat().cold, 2);
    template.close();
    template.close();
    assert.throws(() => template.runSync(['tool']), { code: 'EBADF' });
});

test('a template that is closed serves its runs in flight', async () => {
    const before = openFds();
    const template = new Template('sh');
    const running = template.run(['sh', '-c', 'sleep 0.2; echo done']);
    template.close();
    assert.equal((await running).stdout, 'done\n');
    assert.ok(await eventually(() => openFds() <= before));
});

test('options of templates are checked', () => {
    assert.throws(() => new Template('no-such-program'), { code: 'ENOENT', stage: 'args' });
    assert.throws(() => new Template('sh', { warm: 'hot' }));
    assert.throws(() => new Template('sh', { autorefresh: true }));
    assert.throws(() => new Template('/etc/passwd'), { code: 'EACCES' });
});

test('a sandbox holds for its runs only', async () => {
    const dir = temporary();
    const sandbox = new Sandbox({ readOnly: ['/'], writable: [dir], net: false,
        bestEffort: true });
    const out = path.join(temporary(), 'out');
    const command = `echo in > in; echo out > ${out}`;
    const inside = await shell(command, { cwd: dir, sandbox });
    assert.equal(fs.readFileSync(path.join(dir, 'in'), 'utf8'), 'in\n');
    if (!sandbox.lost.includes('files')) assert.notEqual(inside.code, 0);
    assert.equal((await shell(command, { cwd: dir })).code, 0);
    assert.throws(() => new Sandbox({ readOnly: ['/no/such'] }), { code: 'ENOENT',
        path: '/no/such' });
    assert.throws(() => new Sandbox({ read: ['/'] }));
    for (const net of [0, null, 'none']) {
        assert.throws(() => new Sandbox({ readOnly: ['/'], net, bestEffort: true }), TypeError);
    }
});

test('without capture the program writes to the host\'s own stdout and stderr', async () => {
    const { out, err, code } = await script(`
        await st.shell('echo one; echo two >&2', { capture: false });
        st.runSync(['sh', '-c', 'echo three; echo four >&2'], { capture: false });`);
    assert.equal(out, 'one\nthree\n');
    assert.equal(err, 'two\nfour\n');
    assert.equal(code, 0);
});

test('without capture the program\'s stdout blocks, whatever Node has made of it', async () => {
    const { out } = await script(`
        process.stdout.write('first ');
        await st.run(['grep', 'flags', '/proc/self/fdinfo/1'], { capture: false });`);
    const flags = /^first flags:\s*(\d+)\n$/.exec(out);
    assert.ok(flags, out);
    assert.equal(parseInt(flags[1], 8) & fs.constants.O_NONBLOCK, 0);
});

test('a program with other ids has none of root\'s groups', async () => {
    if (process.getuid() !== 0) return;
    const { out, err } = await script(`
        process.setgroups?.([0, 6]);
        for (const options of [{ uid: 65534, gid: 65534 }, { gid: 65534 }]) {
            console.log((await st.run(['id', '-G'], options)).stdout.trim());
            console.log(st.runSync(['id', '-G'], options).stdout.trim());
        }`);
    assert.equal(out, '65534\n'.repeat(4), err);
});

test('runs that have detached leave their places to others', async () => {
    const stop = new AbortController();
    setMaxListeners(0, stop.signal);
    const runs = await Promise.all(Array.from({ length: 140 }, () => run(['sleep', '60'],
        { timeout: 20, detachOnTimeout: true, detachedTimeout: 60000, signal: stop.signal })));
    assert.ok(runs.every((result) => result.detached));
    assert.equal((await run(['echo', 'x'])).stdout, 'x\n');
    stop.abort();
    const ends = await Promise.allSettled(runs.map((result) => result.rest));
    assert.ok(ends.every((end) => end.status === 'rejected'));
}, 60);

test('an environment that takes the place of process.env is that of programs', async () => {
    if (process.versions.bun || process.versions.deno) skip('process.env stays what it is');
    const { out } = await script(`
        process.env = { ...process.env, SPAWN_TEMPLATE_TEST: 'other' };
        console.log(st.runSync(['sh', '-c', 'echo $SPAWN_TEMPLATE_TEST']).stdout.trim(),
            (await st.shell('echo $SPAWN_TEMPLATE_TEST')).stdout.trim());`);
    assert.equal(out, 'other other\n');
});

test('a warm template serves runs from prepared processes', async () => {
    const template = new Template('true', { warm: 'fork' });
    let warm = 0;
    for (let i = 0; i < 200 && !warm; i++) {
        warm += (await template.run(['true'])).warm;
        await sleep(5);
    }
    const { coldReasons } = template.stat();
    template.close();
    // where programs cannot be prepared, the reason is told
    assert.ok(warm || coldReasons.program || coldReasons.inherited, JSON.stringify(coldReasons));
});
