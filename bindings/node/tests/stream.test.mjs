// SPDX-License-Identifier: BSD-2-Clause
import assert from 'node:assert/strict';
import { eventually, isAlive, sleep, st, test } from './support.mjs';

const { stream, Template } = st;

async function collect(running) {
    let text = '';
    for await (const { data } of running) text += data;
    return text;
}

test('a stream gives output as it comes, and then the result', async () => {
    const running = stream(['sh', '-c', 'echo out; echo err >&2; exit 3']);
    const seen = [];
    for await (const { from, data } of running) seen.push(`${from} ${data}`);
    assert.deepEqual(seen.sort(), ['stderr err\n', 'stdout out\n']);
    assert.equal((await running.result).code, 3);
});

test('several may wait for the next chunk at a time', async () => {
    const running = stream(['cat']);
    const chunks = running[Symbol.asyncIterator]();
    const waiting = [chunks.next(), chunks.next(), chunks.next()];
    await running.write('one');
    assert.equal(String((await waiting[0]).value.data), 'one');
    await running.write('two');
    assert.equal(String((await waiting[1]).value.data), 'two');
    await running.end();
    assert.equal((await waiting[2]).done, true);
});

test('input is written while the program runs', async () => {
    const running = stream(['cat']);
    const seen = [];
    await running.write('one');
    for await (const { data } of running) {
        seen.push(String(data));
        if (seen.length === 1) await running.write(Buffer.from('two'));
        else await running.end();
    }
    assert.deepEqual(seen, ['one', 'two']);
});

test('much input and output pass through in order', async () => {
    const running = stream(['cat']);
    const part = Buffer.alloc(300000, 'abcdefg');
    const writing = (async () => {
        for (let i = 0; i < 20; i++) await running.write(part);
        await running.end();
    })();
    let total = 0;
    for await (const { data } of running) {
        assert.equal(data[0], part[total % part.length]);
        total += data.length;
    }
    await writing;
    assert.equal(total, 6000000);
});

test('a reader that is slow makes the program wait', async () => {
    const running = stream(['sh', '-c', 'yes | head -c 8000000; echo done >&2']);
    let over = false;
    running.result.then(() => { over = true; });
    await sleep(700);
    assert.equal(over, false);
    assert.equal((await collect(running)).length, 8000005);
    assert.equal((await running.result).code, 0);
});

test('a loop that is left ends the tree', async () => {
    const running = stream(['sh', '-c', 'echo $$; exec sleep 60']);
    let pid;
    for await (const { data } of running) {
        pid = Number(data);
        break;
    }
    const result = await running.result;
    assert.equal(result.signal, 'SIGKILL');
    assert.ok(await eventually(() => !isAlive(pid)));
});

test('kill() ends the tree, and the result tells how', async () => {
    const running = stream(['sh', '-c', 'trap "echo bye; exit 4" TERM; echo on; ' +
        'while :; do sleep 0.02; done'], { grace: 20000 });
    let text = '';
    for await (const { from, data } of running) {
        if (from === 'stdout') text += data;
        if (text === 'on\n') running.kill();
    }
    assert.equal(text, 'on\nbye\n');
    assert.equal((await running.result).code, 4);
});

test('a failed launch is thrown by the loop', async () => {
    assert.throws(() => stream(['no-such-program']), { code: 'ENOENT' });
    const running = stream(['true'], { cwd: '/no/such' });
    await assert.rejects(collect(running), { code: 'ENOENT', action: 'chdir' });
});

test('writes to a program that has ended are refused', async () => {
    const running = stream(['true']);
    await collect(running);
    await assert.rejects(running.write('x'), { code: 'ENOENT' });
    await running.end();
});

test('a terminal can be written to and resized', async () => {
    const running = stream(['sh', '-c', 'stty size; read line; stty size; echo "got $line"'],
        { pty: { rows: 24, columns: 80, echo: false } });
    let text = '';
    for await (const { data } of running) {
        text += data;
        if (text === '24 80\r\n') {
            running.resize({ rows: 50, columns: 132 });
            await running.write('hello\n');
        }
    }
    assert.equal(text, '24 80\r\n50 132\r\ngot hello\r\n');
});

test('streams beyond the ring wait, and their writes with them', async () => {
    const first = Array.from({ length: 128 }, () => st.run(['sleep', '0.3']));
    const running = stream(['cat']);
    const writing = running.write('late').then(() => running.end());
    assert.equal(await collect(running), 'late');
    await writing;
    await Promise.all(first);
});

test('a template streams, too, and input may be given whole', async () => {
    const template = new Template('cat');
    assert.equal(await collect(template.stream(['cat'], { input: 'whole' })), 'whole');
    template.close();
});

test('a write that finds no room waits without a timer, and ends with the run', async () => {
    const { setTimeout: timer } = globalThis;
    let timers = 0;
    globalThis.setTimeout = (...args) => {
        timers++;
        return timer(...args);
    };
    try {
        const running = st.stream(['sh', '-c', 'sleep 0.3; wc -c']);
        await running.write(Buffer.alloc(8 << 20));
        await running.end();
        let out = '';
        for await (const { data } of running) out += data;
        assert.equal(out.trim(), String(8 << 20));
        const ended = st.stream(['sleep', '0.3']);
        await assert.rejects(ended.write(Buffer.alloc(8 << 20)));
        await ended.result;
        assert.equal(timers, 0);
    } finally {
        globalThis.setTimeout = timer;
    }
});
