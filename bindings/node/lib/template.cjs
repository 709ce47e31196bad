// SPDX-License-Identifier: BSD-2-Clause
'use strict';
/* Templates, runs by name, and what both have in common. */
const { AsyncResource } = require('node:async_hooks');
const native = require('./native.cjs');
const { fly, flySync } = require('./engine.cjs');
const { pathOf } = require('./env.cjs');
const { LaunchError, callError } = require('./errors.cjs');
const { take, invalid, pathText } = require('./options.cjs');
const { RunStream } = require('./stream.cjs');

/* ---- runs of a template: one of a class, or one of the cache */

function start(argv, options, open) {
    const taken = take(argv, options);
    const template = open();
    let prepare;
    if (options.onOutput) {
        const { onOutput } = options;
        const resource = new AsyncResource('SPAWN_TEMPLATE_RUN');
        prepare = (flight) => {
            flight.onChunk = (data, from) =>
                resource.runInAsyncScope(onOutput, undefined, data, from);
        };
    }
    return fly(taken, template, { ...options, argv }, prepare).promise;
}

function startSync(argv, options, open) {
    for (const name of ['signal', 'openInput', 'detachOnTimeout']) {
        if (options[name]) throw invalid(`options.${name}`, 'needs run(), which waits');
    }
    const taken = take(argv, options, true);
    return flySync(taken, open(), { ...options, argv });
}

function startStream(argv, options, open) {
    if (options.onOutput) throw invalid('onOutput', 'is for run()');
    const streaming = { ...options, onOutput: () => {}, openInput: options.input === undefined };
    const taken = take(argv, streaming);
    const template = open();
    return new RunStream((prepare) =>
        fly(taken, template, { ...options, argv, hold: true }, prepare));
}

/* ---- by name: the library's cache keeps the facts of files, and no file open */

const RUNS = native.CACHE_RUNS;

function named(argv, options) {
    return () => {
        const name = argv[0];
        const fd = native.cache_get(RUNS, name, pathOf(options.env));
        if (fd < 0) throw new LaunchError(fd, name, { argv });
        return { fd, path: name, release: () => native.cache_drop(RUNS, fd) };
    };
}

async function run(argv, options = {}) {
    return start(argv, options, named(argv, options));
}

function runSync(argv, options = {}) {
    return startSync(argv, options, named(argv, options));
}

function stream(argv, options = {}) {
    return startStream(argv, options, named(argv, options));
}

async function shell(command, options = {}) {
    const { shell: name = '/bin/sh', ...others } = options;
    return run([name, '-c', command], others);
}

/* ---- by a template of the caller's */

const WARM = {
    once: native.CREATE_WARM_ONCE,
    fork: native.CREATE_WARM_FORK,
    runtime: native.CREATE_WARM_RUNTIME,
};
const CREATE = new Set(['searchPath', 'script', 'autoRefresh', 'warm', 'warmTarget',
    'warmPreload', 'guard', 'denyWrite']);

function createFlags(options) {
    let flags = options.script === false ? 0 : native.CREATE_SCRIPT;
    for (const name of Object.keys(options)) {
        if (!CREATE.has(name)) throw invalid(`options.${name}`, 'is not known');
    }
    if (options.autoRefresh) flags += native.CREATE_AUTO_REFRESH;
    if (options.denyWrite) flags += native.CREATE_DENY_WRITE;
    if (options.guard === true) flags += native.CREATE_GUARD;
    if (options.guard === false) flags += native.CREATE_NO_GUARD;
    if (options.warm !== undefined) {
        if (!Object.hasOwn(WARM, options.warm)) {
            throw invalid('warm', "must be 'once', 'fork' or 'runtime'");
        }
        flags += WARM[options.warm];
    }
    return flags;
}

/* A template that nobody refers to any more is closed. */
const forgotten = new FinalizationRegistry((fd) => native.template_close(fd));

/** One executable file. Each launch checks that the file is still the same. */
class Template {
    #fd;
    #flights = 0;
    #closed = false;

    constructor(name, options = {}) {
        const text = pathText('name', name);
        const flags = createFlags(options);
        const fd = native.template_make(text, options.searchPath ?? pathOf(undefined),
            flags, options.warmTarget ?? 0, options.warmPreload);
        if (fd < 0) throw new LaunchError(fd, text);
        this.#fd = fd;
        forgotten.register(this, fd, this);
        this.path = native.template_stat(fd).path;
    }

    #open() {
        return () => {
            if (this.#closed) throw callError(-9, 'template is closed');
            this.#flights++;
            return { fd: this.#fd, path: this.path, release: () => this.#release() };
        };
    }

    /* Runs in flight use the descriptor by its number, and so keep it open. */
    #release() {
        this.#flights--;
        if (this.#closed) this.#closeUnused();
    }

    #closeUnused() {
        if (this.#flights > 0) return;
        forgotten.unregister(this);
        native.template_close(this.#fd);
    }

    async run(argv, options = {}) {
        return start(argv, options, this.#open());
    }

    runSync(argv, options = {}) {
        return startSync(argv, options, this.#open());
    }

    stream(argv, options = {}) {
        return startStream(argv, options, this.#open());
    }

    /** A child of child_process, which is not waited for. */
    spawn(argv, options = {}) {
        // not every run needs it, nor has every runtime a child_process like Node's
        return require('./spawn.cjs').spawn(this.#open()(), argv, options);
    }

    #call(name, fn) {
        if (this.#closed) throw callError(-9, name);
        const ret = fn(this.#fd);
        if (typeof ret === 'number' && ret < 0) throw new LaunchError(ret, this.path);
        return ret;
    }

    check() {
        this.#call('check', native.template_check);
    }

    refresh() {
        this.#call('refresh', native.template_refresh);
    }

    stat() {
        return this.#call('stat', native.template_stat);
    }

    close() {
        if (this.#closed) return;
        this.#closed = true;
        this.#closeUnused();
    }
}
// Symbol.dispose is not in every Node
if (Symbol.dispose) Template.prototype[Symbol.dispose] = Template.prototype.close;

module.exports = { Template, run, runSync, stream, shell, CREATE };
