// SPDX-License-Identifier: BSD-2-Clause
/*
 * The package as npm installs it, without a network. SPAWN_TEMPLATE_NODE_TGZ is the
 * package, SPAWN_TEMPLATE_NODE_HEADERS the folder of node_api.h, if it is known.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';
import { DIR, skip, temporary, test } from '../support.mjs';

const TGZ = process.env.SPAWN_TEMPLATE_NODE_TGZ;
const HEADERS = process.env.SPAWN_TEMPLATE_NODE_HEADERS ?? '';
const require = createRequire(import.meta.url);

function call(command, args, options = {}) {
    const { status, signal, stdout, stderr, error } = spawnSync(command, args,
        { encoding: 'utf8', ...options });
    assert.ok(!error, String(error));
    return { code: status ?? signal, out: stdout, err: stderr };
}

/* npm and its scripts see no option of the npm or the make that runs this. */
function npm(dir, args, more = {}) {
    const env = { ...process.env };
    for (const name of Object.keys(env)) {
        if (/^(npm_|MAKE|MFLAGS$)/.test(name)) delete env[name];
    }
    Object.assign(env, { npm_config_offline: 'true', npm_config_audit: 'false',
        npm_config_fund: 'false', npm_config_cache: path.join(dir, '.cache') }, more);
    return call('npm', args, { cwd: dir, env });
}

let project;

/* A new project that has the package installed. */
function installed() {
    if (project) return project;
    const dir = temporary();
    fs.writeFileSync(path.join(dir, 'package.json'), '{"name": "one", "private": true}');
    const { code, out, err } = npm(dir, ['install', TGZ]);
    assert.equal(code, 0, out + err);
    project = dir;
    return dir;
}

function runs(file, source, args = []) {
    fs.writeFileSync(path.join(installed(), file), source);
    return call(process.execPath, [...args, file], { cwd: installed() });
}

const SAYS = "run(['echo', 'hi']).then(({ stdout }) => process.stdout.write(stdout));\n";

test('the package has the addons, the sources, and no tests', () => {
    const { out } = call('tar', ['-tzf', TGZ]);
    const names = new Set(out.trim().split('\n'));
    for (const name of ['index.cjs', 'index.mjs', 'index.d.ts', 'register.cjs', 'LICENSE',
        'README.md', 'binding.gyp', 'native/addon.c', 'library/src/child.c',
        `prebuilds/linux-${process.arch}-glibc/spawn_template.node`]) {
        assert.ok(names.has(`package/${name}`), name);
    }
    assert.deepEqual([...names].filter((name) =>
        /\.(o|a|d|mk|test\.mjs)$/.test(name) && !name.endsWith('/library.mk')), []);
});

test('an ES module and a CommonJS module use the installed package', () => {
    assert.deepEqual(runs('a.mjs', `import { run } from 'spawn_template';\n${SAYS}`),
        { code: 0, out: 'hi\n', err: '' });
    assert.deepEqual(runs('a.cjs', `const { run } = require('spawn_template');\n${SAYS}`),
        { code: 0, out: 'hi\n', err: '' });
});

test('--import and --require install the drop-in of the package', () => {
    const source = "require('child_process').spawn('echo').on('close', () => " +
        "console.log(require('spawn_template/register').stats().cold));\n";
    for (const option of ['--import', '--require']) {
        assert.deepEqual(runs('b.cjs', source, [option, 'spawn_template/register']),
            { code: 0, out: '1\n', err: '' });
    }
});

test('the loader takes the addon of the libc that the program names', () => {
    const { libcOf } = require(path.join(DIR, 'lib/libc.cjs'));
    const dir = temporary();
    const source = path.join(dir, 'a.c');
    fs.writeFileSync(source, 'int main(void) { return 0; }\n');
    call('cc', ['-o', path.join(dir, 'glibc'), source]);
    assert.equal(libcOf(path.join(dir, 'glibc')), 'glibc');
    assert.equal(libcOf(process.execPath), 'glibc');
    assert.equal(libcOf(path.join(dir, 'none')), 'glibc');
    assert.equal(libcOf(source), 'glibc');
    if (spawnSync('musl-gcc', ['-o', path.join(dir, 'musl'), source]).status !== 0) {
        skip('no musl-gcc');
    }
    assert.equal(libcOf(path.join(dir, 'musl')), 'musl');
});

test('the addon for musl needs nothing of glibc', () => {
    const addon = path.join(installed(), 'node_modules/spawn_template/prebuilds',
        `linux-${process.arch}-musl/spawn_template.node`);
    if (!fs.existsSync(addon)) skip('no addon for musl');
    const needed = call('readelf', ['-dW', addon]).out.match(/\(NEEDED\).*/g);
    assert.deepEqual(needed.map((line) => /\[(.*)\]/.exec(line)[1]), ['libc.so']);
    assert.doesNotMatch(call('readelf', ['-VW', addon]).out, /GLIBC/);
});

test('where no addon serves, npm builds one from the sources', () => {
    if (!fs.existsSync(path.join(HEADERS, 'node_api.h'))) skip('no headers of Node');
    if (spawnSync('python3', ['--version']).status !== 0) skip('no Python for node-gyp');
    const at = path.join(installed(), 'node_modules/spawn_template');
    fs.rmSync(path.join(at, 'prebuilds'), { recursive: true });
    const { code, out, err } = npm(installed(), ['rebuild', '--foreground-scripts',
        'spawn_template'], { npm_config_nodedir: path.resolve(HEADERS, '../..'), CFLAGS: '-O0' });
    assert.equal(code, 0, out + err);
    assert.ok(fs.existsSync(path.join(at, 'build/Release/spawn_template.node')));
    assert.equal(runs('a.cjs', `const { run } = require('spawn_template');\n${SAYS}`).out,
        'hi\n');
}, 240);

test('a package without an addon says how to build one', () => {
    const at = path.join(installed(), 'node_modules/spawn_template');
    fs.rmSync(path.join(at, 'build'), { recursive: true, force: true });
    fs.rmSync(path.join(at, 'prebuilds'), { recursive: true, force: true });
    const { code, err } = runs('a.cjs', "require('spawn_template');\n");
    assert.equal(code, 1);
    assert.match(err, /no addon for linux-\w+-glibc; "npm rebuild/);
});
