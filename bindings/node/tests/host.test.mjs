// SPDX-License-Identifier: BSD-2-Clause
/* The host process: how it ends, Workers, and leaks. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { Worker } from 'node:worker_threads';
import { DIR, eventually, isAlive, isNode, openFds, script, sleep, st, temporary, test }
    from './support.mjs';

const { run } = st;

/* A program of a tree that writes its processes' numbers, and one that waits for them. */
const TREE = "['sh', '-c', 'sleep 61 & echo $! $$ > pids; wait']";

function pidsIn(dir) {
    const file = path.join(dir, 'pids');
    const text = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
    return text.endsWith('\n') ? text.trim().split(' ').map(Number) : null;
}

async function endsTree(how, want) {
    const dir = temporary();
    const told = await script(`
        import fs from 'node:fs';
        const dir = ${JSON.stringify(dir)};
        st.run(${TREE}, { cwd: dir }).catch(() => {});
        while (!fs.existsSync(dir + '/pids') || !fs.readFileSync(dir + '/pids').length)
            await new Promise((resolve) => setTimeout(resolve, 10));
        ${how}`);
    assert.equal(told.code, want, told.err);
    for (const pid of pidsIn(dir)) {
        assert.ok(await eventually(() => !isAlive(pid)), `${pid} lives`);
    }
}

test('process.exit() leaves no tree', () => endsTree('process.exit(7);', 7));

test('an uncaught exception leaves no tree', () =>
    endsTree("setTimeout(() => { throw new Error('uncaught'); }, 0);", 1));

test('a program ends with a Node that is killed, unless dieWithParent is false', async () => {
    const dir = temporary();
    const { code } = await script(`
        import fs from 'node:fs';
        const dir = ${JSON.stringify(dir)};
        const begin = (name, options) => st.run(['sh', '-c',
            'echo $$ > ' + name + '.new; mv ' + name + '.new ' + name + '; exec sleep 62'],
        { cwd: dir, ...options });
        begin('ends');
        begin('stays', { dieWithParent: false });
        while (!fs.existsSync(dir + '/ends') || !fs.existsSync(dir + '/stays'))
            await new Promise((resolve) => setTimeout(resolve, 10));
        process.kill(process.pid, 'SIGKILL');`);
    const pid = (name) => Number(fs.readFileSync(path.join(dir, name), 'utf8'));
    assert.notEqual(code, 0);
    assert.ok(await eventually(() => !isAlive(pid('ends'))));
    assert.ok(isAlive(pid('stays')));
    process.kill(pid('stays'), 'SIGKILL');
});

test('an exception that a handler catches disturbs no run', async () => {
    const { out, code } = await script(`
        process.on('uncaughtException', (error) => console.log('caught', error.message));
        const running = st.run(['sh', '-c', 'sleep 0.3; echo done']);
        setTimeout(() => { throw new Error('one'); }, 50);
        console.log((await running).stdout.trim());`);
    assert.equal(out, 'caught one\ndone\n');
    assert.equal(code, 0);
});

test('the loop lives as long as runs do, and no longer', async () => {
    const start = Date.now();
    const { out, code } = await script(`
        st.run(['sh', '-c', 'sleep 0.3; echo done']).then((r) => console.log(r.stdout.trim()));
        st.run(['true']);`);
    assert.equal(out, 'done\n');
    assert.equal(code, 0);
    assert.ok(Date.now() - start < 20000);
});

test('a run after the end of the environment is refused', async () => {
    const { out } = await script(`
        await st.run(['true']);
        process.on('exit', () => {
            st.run(['true']).catch((error) => console.log(error.code));
            console.log(st.runSync(['echo', 'sync']).stdout.trim());
        });`);
    // a promise is not settled any more under every runtime
    assert.match(out, /^sync\n(ECANCELED\n)?$/);
});

function worker(source, workerData) {
    const head = `const st = require(${JSON.stringify(DIR)});
        const { parentPort, workerData } = require('node:worker_threads');`;
    return new Worker(head + source, { eval: true, workerData });
}

function message(from) {
    return new Promise((resolve, reject) => {
        from.once('message', resolve);
        from.once('error', reject);
    });
}

function exit(from) {
    return new Promise((resolve) => from.once('exit', resolve));
}

test('Workers run programs of their own', async () => {
    const workers = Array.from({ length: 4 }, () => worker(`
        Promise.all(Array.from({ length: 20 }, (_, i) => st.run(['echo', String(i)])))
            .then((all) => parentPort.postMessage(
                all.reduce((sum, r) => sum + Number(r.stdout), 0)));`));
    const sums = Promise.all(workers.map(message));
    const ends = Promise.all(workers.map(exit));
    const own = await Promise.all(Array.from({ length: 20 }, () => run(['true'])));
    assert.ok(own.every((result) => result.ok));
    assert.deepEqual(await sums, [190, 190, 190, 190]);
    await ends;
});

test('programs of a Worker have the Worker\'s environment', async () => {
    const from = worker(`
        process.env.SPAWN_TEMPLATE_TEST = 'worker';
        const sync = st.runSync(['sh', '-c', 'echo $SPAWN_TEMPLATE_TEST']).stdout;
        st.shell('echo $SPAWN_TEMPLATE_TEST').then((r) =>
            parentPort.postMessage(sync + r.stdout));`);
    const end = exit(from);
    assert.equal(await message(from), 'worker\nworker\n');
    await end;
    assert.equal((await st.shell('echo ${SPAWN_TEMPLATE_TEST-none}')).stdout, 'none\n');
});

/* Runs programs while a Worker changes the environment of all. */
async function sharesEnv(isFirst) {
    const load = `const st = await import(${JSON.stringify(path.join(DIR, 'index.mjs'))});`;
    const { out, err, code } = await script(`
        import { SHARE_ENV, Worker } from 'node:worker_threads';
        ${isFirst ? '' : load}
        const worker = new Worker(\`
            const { parentPort } = require('node:worker_threads');
            let on = true;
            parentPort.on('message', () => process.exit(0));
            parentPort.postMessage('');
            (function turn() {
                for (let i = 0; i < 500; i++) process.env['VARIABLE' + i] = 'x'.repeat(i);
                for (let i = 0; i < 500; i++) delete process.env['VARIABLE' + i];
                setImmediate(turn);
            })();\`, { eval: true, env: SHARE_ENV });
        await new Promise((resolve) => worker.once('message', resolve));
        ${isFirst ? load : ''}
        for (let i = 0; i < 150; i++) {
            const { stdout } = st.runSync(['sh', '-c', 'echo $PATH']);
            if (stdout !== process.env.PATH + '\\n') throw new Error(stdout);
        }
        console.log('same');
        worker.postMessage('');`, { load: false });
    assert.deepEqual([out, code], ['same\n', 0], err);
}

test('programs start while a Worker changes the environment that it shares', async () => {
    if (isNode) await sharesEnv(false);
});

test('the same with a Worker that was there before the package', async () => {
    if (isNode) await sharesEnv(true);
});

async function endsWorker(end) {
    const dir = temporary();
    const from = worker(`
        st.run(${TREE}, { cwd: workerData.dir }).catch(() => {});
        parentPort.on('message', () => process.exit(0));`, { dir });
    const gone = exit(from);
    assert.ok(await eventually(() => pidsIn(dir)));
    await end(from);
    await gone;
    for (const pid of pidsIn(dir)) {
        assert.ok(await eventually(() => !isAlive(pid)), `${pid} lives`);
    }
}

test('a Worker that is terminated leaves no tree', () =>
    endsWorker((from) => from.terminate()));

test('a Worker that exits leaves no tree', () => endsWorker((from) => from.postMessage('')));

test('Workers that come and go leave no descriptor', async () => {
    const once = async () => {
        const from = worker(`st.run(['true']).then(() => parentPort.postMessage(''));
            st.run(['sleep', '30']).catch(() => {});`);
        await message(from);
        await from.terminate();
    };
    await once();
    await sleep(200);
    const before = openFds();
    for (let i = 0; i < 5; i++) await once();
    assert.ok(await eventually(() => openFds() <= before), `${openFds()} of ${before}`);
});

test('a template that nobody refers to is closed', async () => {
    if (!isNode || !globalThis.gc) return;
    const before = openFds();
    (() => { for (let i = 0; i < 20; i++) new st.Template('true'); })();
    assert.ok(openFds() >= before + 20);
    assert.ok(await eventually(() => {
        globalThis.gc();
        return openFds() <= before;
    }));
});

test('runs leave no descriptor and no child', async () => {
    const several = () => Promise.all(Array.from({ length: 50 }, () =>
        run(['cat'], { input: 'x' })));
    await several();
    const before = openFds();
    for (let i = 0; i < 4; i++) await several();
    for (let i = 0; i < 20; i++) {
        await run(['no-such-program']).catch(() => {});
        await run(['true'], { cwd: '/no/such' }).catch(() => {});
    }
    assert.ok(await eventually(() => openFds() <= before), `${openFds()} of ${before}`);
    const children = fs.readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8');
    assert.equal(children.trim(), '');
});

test('runs leave no memory', async () => {
    if (!isNode || !globalThis.gc) return;
    const several = async () => {
        for (let i = 0; i < 10; i++) {
            await Promise.all(Array.from({ length: 16 }, () => run(
                ['head', '-c', '200000', '/dev/zero'], { encoding: 'buffer' })));
            const running = st.stream(['echo', 'x']);
            for await (const part of running) assert.ok(part);
        }
        for (let i = 0; i < 5; i++) {
            globalThis.gc();
            await sleep(10);
        }
        return process.memoryUsage();
    };
    await several();
    const before = await several();
    let after;
    for (let i = 0; i < 3; i++) after = await several();
    // 480 runs had 192 KiB of output each: 90 MiB
    assert.ok(after.rss - before.rss < 30 << 20, `${after.rss - before.rss}`);
    assert.ok(after.heapUsed - before.heapUsed < 3 << 20, `${after.heapUsed - before.heapUsed}`);
    assert.ok(after.external - before.external < 3 << 20,
        `${after.external - before.external}`);
}, 60);
