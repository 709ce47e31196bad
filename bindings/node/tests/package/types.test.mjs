// SPDX-License-Identifier: BSD-2-Clause
/*
 * The declarations, as compilers see them. SPAWN_TEMPLATE_NODE_TYPES is a folder that has
 * typescript, tsd and @types/node in node_modules; SPAWN_TEMPLATE_NODE_DIR the package.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';
import { DIR, HERE, skip, st, test } from '../support.mjs';

const require = createRequire(import.meta.url);
const COMPILERS = process.env.SPAWN_TEMPLATE_NODE_TYPES;
const FILES = ['index.d.ts', 'register.d.ts', 'index.cjs', 'register.cjs', 'index.mjs',
    'register.mjs', 'package.json'];

function module(name) {
    const at = path.join(COMPILERS ?? '', 'node_modules', name);
    if (!COMPILERS || !fs.existsSync(at)) skip(`no ${name} from a registry`);
    return at;
}

/* A folder beside the compilers, since they look for types upwards. */
function folder(name, files) {
    const dir = path.join(COMPILERS, name);
    fs.rmSync(dir, { recursive: true, force: true });
    fs.mkdirSync(dir);
    for (const [from, to] of files) {
        fs.mkdirSync(path.dirname(path.join(dir, to)), { recursive: true });
        fs.copyFileSync(from, path.join(dir, to));
    }
    return dir;
}

function node(dir, args) {
    const { status, stdout, stderr } = spawnSync(process.execPath, args,
        { cwd: dir, encoding: 'utf8' });
    assert.equal(status, 0, stdout + stderr);
}

const types = path.join(HERE, 'types');
const packed = (below) => FILES.map((name) => [path.join(DIR, name), below + name]);

for (const resolution of ['node16', 'bundler']) {
    test(`a strict project compiles with module resolution ${resolution}`, () => {
        const tsc = path.join(module('typescript'), 'bin/tsc');
        const dir = folder(`strict-${resolution}`, [
            ...packed('node_modules/spawn_template/'),
            [path.join(types, 'consumer.mts'), 'consumer.mts'],
            // a bundler's modules are all ES modules
            ...(resolution === 'node16' ?
                [[path.join(types, 'consumer.cts'), 'consumer.cts']] : [])]);
        const options = { strict: true, noEmit: true, target: 'es2022', types: ['node'],
            lib: ['es2022', 'esnext.disposable'], moduleResolution: resolution,
            module: resolution === 'node16' ? 'node16' : 'es2022',
            exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true };
        fs.writeFileSync(path.join(dir, 'tsconfig.json'),
            JSON.stringify({ compilerOptions: options }));
        node(dir, [tsc, '-p', '.']);
    }, 120);
}

test('each option, and each type of result, is as declared', () => {
    const tsd = path.join(module('tsd'), 'dist/cli.js');
    const dir = folder('tsd', [...packed(''), [path.join(types, 'index.test-d.ts'),
        'index.test-d.ts']]);
    node(dir, [tsd]);
}, 120);

/* ---- without a compiler: the names declared are those of the code */

const text = fs.readFileSync(path.join(DIR, 'index.d.ts'), 'utf8');

function declared(name) {
    const body = new RegExp(`(?:interface|class) ${name}\\b[^{]*\\{\n(.*?)\n\\}`, 's')
        .exec(text)[1];
    return [...body.matchAll(/^ {4}(?:readonly )?(\w+)\??[:(<]/gm)].map((found) => found[1])
        .filter((key) => key !== 'constructor').sort();
}

test('the options declared are those that the code knows', () => {
    const { KNOWN, LIMITS } = require(path.join(DIR, 'lib/options.cjs'));
    const inner = ['openInput', 'shell'];
    assert.deepEqual(declared('RunOptions'),
        [...KNOWN].filter((name) => !inner.includes(name)).sort());
    assert.deepEqual(declared('Limits'), [...LIMITS].sort());
    const { CREATE } = require(path.join(DIR, 'lib/template.cjs'));
    assert.deepEqual(declared('TemplateOptions'), [...CREATE].sort());
    const sandbox = require(path.join(DIR, 'lib/sandbox.cjs'));
    assert.deepEqual(declared('SandboxWishes'), [...sandbox.KNOWN].sort());
});

test('the fields declared are those of results, errors and templates', async () => {
    const result = await st.run(['true']);
    const fields = [...Object.keys(result), 'ok', 'usage', 'rest'].sort();
    assert.deepEqual(declared('Result'), fields);
    const template = new st.Template('true');
    assert.deepEqual(declared('TemplateStat'), Object.keys(template.stat()).sort());
    const methods = Object.getOwnPropertyNames(st.Template.prototype)
        .filter((name) => name !== 'constructor');
    assert.deepEqual(declared('Template'), [...methods, 'path'].sort());
    template.close();
    const error = await st.run(['/no such file'], { cwd: '/' }).catch((one) => one);
    assert.deepEqual(Object.keys(error).sort(),
        declared('LaunchError').filter((name) => name !== 'action'));
});

test('both modules export the names declared', () => {
    const names = [...text.matchAll(/^export (?:class|const|function) (\w+)/gm)]
        .map((found) => found[1]).sort();
    assert.deepEqual(Object.keys(require(DIR)).sort(), names);
    assert.deepEqual(Object.keys(st).filter((name) => name !== 'default').sort(), names);
});
