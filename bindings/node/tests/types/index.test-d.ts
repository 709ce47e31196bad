// SPDX-License-Identifier: BSD-2-Clause
/* The declarations as tsd sees them: what may be given, and what comes back. */
import { expectAssignable, expectError, expectNotAssignable, expectType } from 'tsd';
import {
    Child, Chunk, Env, LaunchError, Limits, Result, RunError, RunOptions, RunStream,
    Sandbox, SandboxWishes, SpawnOptions, Template, TemplateOptions, TemplateStat, Terminal,
    run, runSync, shell, stream,
} from '.';
import * as register from './register';

declare const argv: readonly string[];
declare const signal: AbortSignal;

/* ---- options of runs: each of them, and each type that it takes */

expectAssignable<RunOptions>({
    cwd: new URL('file:///'), env: process.env, input: 'text', timeout: 1, idleTimeout: 1,
    grace: 1, signal, maxOutput: 1, keep: 'both', tailOutput: 1, encoding: 'buffer',
    mergeStderr: true, capture: false, cgroup: true, cgroupFd: 3, supervise: true,
    keepLeftovers: true, limits: {}, check: true, heldQuiet: 1, heldMost: 1,
    detachOnTimeout: true, detachedTimeout: Infinity, spillFd: 3, pty: {}, uid: 1, gid: 1,
    umask: 0o22, nice: 1, noNewPrivs: true, dieWithParent: false,
    sandbox: new Sandbox({}), onOutput(chunk, from) {
        expectType<Buffer>(chunk);
        expectType<'stdout' | 'stderr'>(from);
    },
});
expectAssignable<RunOptions>({ cwd: '/', env: new Env(), input: new Uint8Array(1) });
expectAssignable<RunOptions>({ input: new DataView(new ArrayBuffer(1)), keep: 'head' });
expectAssignable<RunOptions>({ env: { A: undefined }, keep: 'tail', encoding: 'utf8' });
expectAssignable<RunOptions>({ pty: { rows: 1, columns: 1, echo: false } });
expectAssignable<Limits>({ memory: 1, swap: 0, cpus: 1.5, pids: 1, cpuWeight: 1, ioWeight: 1 });
expectNotAssignable<RunOptions>({ timeout: '1' });
expectNotAssignable<RunOptions>({ input: 1 });
expectNotAssignable<RunOptions>({ keep: 'middle' });
expectNotAssignable<RunOptions>({ encoding: 'latin1' });
expectNotAssignable<RunOptions>({ sandbox: {} });
expectNotAssignable<RunOptions>({ signal: 'SIGTERM' });
expectError(run(argv, { timeOut: 1 }));
expectError(run(argv, { limits: { ram: 1 } }));
expectError(run('ls -l'));
expectError(run());

/* ---- results */

expectType<Promise<Result<string>>>(run(argv));
expectType<Promise<Result<string>>>(run(['true'] as const, { check: true }));
expectType<Promise<Result<Buffer>>>(run(argv, { encoding: 'buffer' }));
expectType<Promise<Result<null>>>(run(argv, { capture: false }));
expectType<Promise<Result<null>>>(run(argv, { onOutput: () => {} }));
expectType<Promise<Result<string>>>(shell('true', { shell: '/bin/bash' }));
expectError(shell(['true']));

expectType<Result<string>>(runSync(argv));
expectType<Result<Buffer>>(runSync(argv, { encoding: 'buffer' }));
expectType<Result<null>>(runSync(argv, { capture: false }));
expectError(runSync(argv, { signal }));
expectError(runSync(argv, { detachOnTimeout: true }));

declare const result: Result<string>;
expectType<number | null>(result.code);
expectType<NodeJS.Signals | null>(result.signal);
expectType<string>(result.stdout);
expectType<NodeJS.ResourceUsage>(result.usage);
expectType<Promise<Result<string>> | undefined>(result.rest);
expectError(result.code = 0);

/* ---- streams */

declare const running: RunStream;
expectType<RunStream>(stream(argv, { timeout: 1, input: 'text' }));
expectError(stream(argv, { onOutput: () => {} }));
expectType<Promise<Result<null>>>(running.result);
expectType<Promise<void>>(running.write(new Uint8Array(1)));
expectType<void>(running.resize({ rows: 1 }));
expectAssignable<AsyncIterable<Chunk>>(running);
expectType<Buffer>((null as unknown as Chunk).data);

/* ---- templates, environments, sandboxes */

expectAssignable<TemplateOptions>({
    searchPath: '/bin', script: false, autoRefresh: true, warm: 'once', warmTarget: 1,
    warmPreload: 'a', guard: true, denyWrite: true,
});
expectNotAssignable<TemplateOptions>({ warm: 'yes' });
const template = new Template(new URL('file:///bin/true'), { warm: 'fork' });
expectType<string>(template.path);
expectType<TemplateStat>(template.stat());
expectType<Promise<Result<Buffer>>>(template.run(argv, { encoding: 'buffer' }));
expectType<Result<string>>(template.runSync(argv));
expectType<RunStream>(template.stream(argv));
const child = template.spawn(argv, { stdio: 'inherit', detached: true, signal });
expectType<Child>(child);
expectAssignable<import('node:child_process').ChildProcess>(child);
expectType<number>(child.pidfd);
expectType<boolean>(child.killTree('SIGTERM'));
expectType<Promise<{ code: number | null; signal: NodeJS.Signals | null }>>(child.wait());
expectNotAssignable<SpawnOptions>({ shell: true });
expectType<Terminal | undefined>(template.spawn(argv, { pty: { rows: 24 } }).terminal);
declare const terminal: Terminal;
expectAssignable<NodeJS.ReadWriteStream>(terminal);
expectType<void>(terminal.resize({ rows: 24, columns: 80 }));
expectAssignable<Disposable>(template);
expectError(new Template(1));

expectType<Env>(new Env({ A: 'b' }).with({ A: undefined }));
expectType<string | undefined>(new Env().get('A'));
expectAssignable<SandboxWishes>({
    readOnly: ['/'], writable: new Set([new URL('file:///tmp')]), net: false, connect: [443],
    bind: [], signals: false, abstract: false, devices: false, bestEffort: true,
});
expectError(new Sandbox({ net: true }));
expectType<string[]>(new Sandbox({}).lost);

/* ---- errors */

declare const launch: LaunchError;
expectAssignable<NodeJS.ErrnoException>(launch);
expectType<string>(launch.code);
declare const ended: RunError;
expectType<number | null>(ended.code);
expectType<string | Buffer>(ended.result.stdout);

/* ---- the drop-in */

expectType<void>(register.install());
expectType<void>(register.install({ inheritFds: false, warm: 'fork' }));
expectError(register.install({ warm: 'hot' }));
expectType<void>(register.uninstall());
expectType<number>(register.stats().warm + register.stats().stale);
expectAssignable<Record<string, number>>(register.stats().fallback);
