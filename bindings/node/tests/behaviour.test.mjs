// SPDX-License-Identifier: BSD-2-Clause
/* The table of behaviour that all bindings share: bindings/tests/README.md. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { HERE, st, test } from './support.mjs';

const table = JSON.parse(
    fs.readFileSync(path.join(HERE, '../../tests/behaviour.json'), 'utf8'));

const OPTIONS = {
    timeout_ms: (value) => ({ timeout: value }),
    grace_ms: (value) => ({ grace: value }),
    idle_timeout_ms: (value) => ({ idleTimeout: value }),
    held_quiet_ms: (value) => ({ heldQuiet: value }),
    held_most_ms: (value) => ({ heldMost: value }),
    max_output: (value) => ({ maxOutput: value }),
    tail_output: (value) => ({ keep: 'both', tailOutput: value }),
    merge_stderr: (value) => ({ mergeStderr: value }),
    capture: (value) => ({ capture: value }),
    umask: (value) => ({ umask: value }),
    pty: (value) => ({ pty: value }),
};

const FLAGS = {
    timed_out: 'timedOut', idle: 'idle', tree_killed: 'treeKilled', pipe_held: 'pipeHeld',
    out_truncated: 'stdoutTruncated', err_truncated: 'stderrTruncated',
    status_lost: 'statusLost',
};

const CHECKS = {
    code: (result, want) => assert.equal(result.code, want),
    signal: (result, want) => assert.equal(
        result.signal === null ? null : os.constants.signals[result.signal], want),
    stdout: (result, want) => assert.equal(result.stdout, want),
    stderr: (result, want) => assert.equal(result.stderr, want),
    stdout_bytes: (result, want) => assert.equal(Buffer.byteLength(result.stdout), want),
    stdout_total: (result, want) => assert.equal(result.stdoutTotal, want),
    stdout_lines: (result, want) => assert.deepEqual(
        result.stdout.trimEnd().split('\n').sort(), [...want].sort()),
    flags: (result, want) => assert.deepEqual(
        Object.keys(FLAGS).filter((name) => result[FLAGS[name]]).sort(),
        [...want].sort()),
    at_least_ms: (result, want) => assert.ok(result.totalMs >= want, `${result.totalMs}`),
    at_most_ms: (result, want) => assert.ok(result.totalMs <= want, `${result.totalMs}`),
};

function optionsOf(entry) {
    // the table is that of the C library, which leaves them alone
    const options = { keepLeftovers: true };
    for (const [name, value] of Object.entries(entry.options ?? {})) {
        Object.assign(options, OPTIONS[name](value));
    }
    if (entry.input !== undefined) options.input = entry.input.repeat(entry.input_times ?? 1);
    for (const name of ['env', 'cwd']) {
        if (entry[name] !== undefined) options[name] = entry[name];
    }
    return options;
}

async function check(entry, run) {
    const { error, stage, ...expect } = entry.expect;
    let result;
    try {
        result = await run(entry.program ?? entry.argv[0], entry.argv, optionsOf(entry));
    } catch (thrown) {
        if (!error) throw thrown;
        assert.ok(thrown instanceof st.LaunchError);
        assert.equal(thrown.code, error);
        assert.equal(thrown.errno, -os.constants.errno[error]);
        assert.equal(thrown.stage, stage);
        return;
    }
    assert.equal(error, undefined, `there is a result, not ${error}`);
    for (const [name, want] of Object.entries(expect)) CHECKS[name](result, want);
}

async function withTemplate(name, use) {
    const template = new st.Template(name);
    try {
        return await use(template);
    } finally {
        template.close();
    }
}

for (const entry of table.cases) {
    test(`run: ${entry.name}`, () => check(entry, (name, argv, options) =>
        withTemplate(name, (template) => template.run(argv, options))));
    test(`runSync: ${entry.name}`, () => check(entry, (name, argv, options) =>
        withTemplate(name, (template) => template.runSync(argv, options))));
}
