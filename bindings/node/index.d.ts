// SPDX-License-Identifier: BSD-2-Clause
/// <reference types="node" />
import type * as node from 'node:child_process';
import type { Duplex } from 'node:stream';

/** Options of a run. All times are in milliseconds. */
export interface RunOptions {
    /** The directory in which the program starts. */
    cwd?: string | URL;
    /** The whole environment; by default that of this thread. */
    env?: NodeJS.ProcessEnv | Env;
    /** The program reads this from its stdin; by default stdin is /dev/null. */
    input?: string | NodeJS.ArrayBufferView;
    /** After this time the tree is ended. 0: no limit. */
    timeout?: number;
    /** After this time without output the tree is ended. 0: no limit. */
    idleTimeout?: number;
    /** From SIGTERM to SIGKILL. 0: SIGKILL at once. */
    grace?: number;
    /** Aborting it ends the tree; the run rejects with its reason. */
    signal?: AbortSignal;
    /** Bytes kept of each stream: 16 MiB. The rest is read and dropped. */
    maxOutput?: number;
    /** The bytes of a longer output that are kept: by default the first. */
    keep?: 'head' | 'tail' | 'both';
    /** With keep 'both': the number of last bytes, by default half of maxOutput. */
    tailOutput?: number;
    encoding?: 'utf8' | 'buffer';
    /** stderr joins stdout, in the order written. */
    mergeStderr?: boolean;
    /** false: the program writes to this process's own stdout and stderr. */
    capture?: boolean;
    /** Called with output as it comes; nothing is kept then. */
    onOutput?: (chunk: Buffer, from: 'stdout' | 'stderr') => void;
    /** The run has a cgroup of its own, where this user may make one. */
    cgroup?: boolean;
    /** Make the cgroup below this one. */
    cgroupFd?: number;
    /** The tree ends when this process dies, however it dies. Needs a cgroup. */
    supervise?: boolean;
    /** Processes that the program leaves behind live on; else they are ended. */
    keepLeftovers?: boolean;
    /** Limits on the tree as a whole, in a cgroup. */
    limits?: Limits;
    /** Reject with a RunError unless the program ends with code 0. */
    check?: boolean;
    /** If another process holds the output: time without output, and time in all. */
    heldQuiet?: number;
    heldMost?: number;
    /** When the time is up the run goes on: see Result.rest. */
    detachOnTimeout?: boolean;
    /** The time that a detached run has. Infinity: no limit. */
    detachedTimeout?: number;
    /** A directory or a file that gets all of an output beyond maxOutput. */
    spillFd?: number;
    /** The program has a terminal. */
    pty?: { rows?: number; columns?: number; echo?: boolean; raw?: boolean };
    sandbox?: Sandbox;
    uid?: number;
    gid?: number;
    umask?: number;
    nice?: number;
    noNewPrivs?: boolean;
    /** The program's tree ends when this process ends; true by default. */
    dieWithParent?: boolean;
}

export interface Limits {
    /** Bytes; above them the kernel ends the tree: Result.oom. */
    memory?: number;
    /** Bytes of swap beside memory; by default none. */
    swap?: number;
    /** Processors, 1.5 for example. */
    cpus?: number;
    /** Processes and their threads. */
    pids?: number;
    cpuWeight?: number;
    ioWeight?: number;
}

type Bytes = { encoding: 'buffer' };
type Checked = Omit<RunOptions, 'signal' | 'detachOnTimeout' | 'detachedTimeout'>;

/** How a run ended, and its output. */
export class Result<T = string> {
    private constructor();
    /** The exit code; null if a signal ended the program. */
    readonly code: number | null;
    readonly signal: NodeJS.Signals | null;
    /** The code is 0, and the time was not up. */
    readonly ok: boolean;
    /** null: not captured. */
    readonly stdout: T;
    readonly stderr: T;
    readonly timedOut: boolean;
    /** The time without output was up. */
    readonly idle: boolean;
    readonly treeKilled: boolean;
    /** The program lives on: it is another user's, and may not be signalled. */
    readonly notKilled: boolean;
    /** The program had ended, but another process held its output. */
    readonly pipeHeld: boolean;
    readonly stdoutTruncated: boolean;
    readonly stderrTruncated: boolean;
    /** Bytes that the program wrote. */
    readonly stdoutTotal: number;
    readonly stderrTotal: number;
    /** Other code in this process took the exit status. */
    readonly statusLost: boolean;
    readonly cgroup: boolean;
    /** The kernel ended processes for lack of memory. */
    readonly oom: boolean;
    readonly detached: boolean;
    readonly spilled: boolean;
    /** A prepared process became the program. */
    readonly warm: boolean;
    /** Processes that the program had left behind. */
    readonly leftovers: number;
    /** These could not be looked for: neither a cgroup nor /proc shows them. */
    readonly unseen: boolean;
    /** Bytes, and CPU time in ms, of the run's cgroup; null: not known. */
    readonly memoryPeak: number | null;
    readonly cpuMs: number | null;
    readonly usage: NodeJS.ResourceUsage;
    readonly spawnMs: number;
    readonly totalMs: number;
    /** With detachOnTimeout: the result of the run that went on. */
    readonly rest?: Promise<Result<T>>;
}

/** The program could not be launched. */
export class LaunchError extends Error {
    private constructor();
    code: string;
    errno: number;
    syscall: string;
    path: string;
    spawnargs?: string[];
    stage: 'args' | 'clone' | 'attr' | 'action' | 'close' | 'exec';
    action?: 'chdir';
}

/** With `check`: the program has ended otherwise than with code 0. */
export class RunError extends Error {
    private constructor();
    code: number | null;
    signal: NodeJS.Signals | null;
    result: Result<string | Buffer>;
}

/** An environment that is encoded once. */
export class Env {
    constructor(from?: NodeJS.ProcessEnv);
    /** Another one with more variables; undefined takes one away. */
    with(more: NodeJS.ProcessEnv): Env;
    get(name: string): string | undefined;
}

export interface SandboxWishes {
    /** Programs may read and execute files in and below these. */
    readOnly?: Iterable<string | URL>;
    /** Programs may also write there. */
    writable?: Iterable<string | URL>;
    /** false: no sockets but Unix ones. */
    net?: false;
    /** TCP ports that programs may connect to, or bind. */
    connect?: Iterable<number>;
    bind?: Iterable<number>;
    /** false: programs can signal only processes in the sandbox. */
    signals?: false;
    abstract?: false;
    devices?: false;
    /** Without what the kernel cannot hold, instead of an error. */
    bestEffort?: boolean;
}

export class Sandbox {
    constructor(wishes: SandboxWishes);
    /** What the kernel cannot hold. */
    readonly lost: string[];
}

export interface TemplateOptions {
    /** Directories to search, as in PATH. */
    searchPath?: string;
    /** false: refuse files that begin with "#!". */
    script?: boolean;
    /** Take the new file if the file has changed. */
    autoRefresh?: boolean;
    /** Prepare processes ahead of launches. */
    warm?: 'once' | 'fork' | 'runtime';
    warmTarget?: number;
    warmPreload?: string;
    /** true: fail without a guard; false: do not look for one. */
    guard?: boolean;
    denyWrite?: boolean;
}

export interface TemplateStat {
    path: string | null;
    format: 'unknown' | 'elf' | 'script' | 'other';
    interpreter: string | null;
    state: 'fresh' | 'stale';
    staleReason: string | null;
    launchBy: 'fd' | 'path';
    guarded: boolean;
    warmReady: number;
    cold: number;
    warm: number;
    stale: number;
    refused: number;
    failed: number;
    coldReasons: Record<string, number>;
}

export interface Chunk {
    from: 'stdout' | 'stderr';
    data: Buffer;
}

/** A run whose output is read while it comes. */
export interface RunStream extends AsyncIterable<Chunk> {
    readonly result: Promise<Result<null>>;
    write(data: string | NodeJS.ArrayBufferView): Promise<void>;
    end(): Promise<void>;
    resize(size: { rows?: number; columns?: number }): void;
    kill(): void;
}

type StreamOptions = Omit<RunOptions, 'onOutput' | 'encoding' | 'keep' | 'tailOutput' |
    'capture' | 'spillFd'>;

interface Runs {
    (argv: readonly string[], options: RunOptions & { capture: false }): Promise<Result<null>>;
    (argv: readonly string[], options: RunOptions & { onOutput: {} }): Promise<Result<null>>;
    (argv: readonly string[], options: RunOptions & Bytes): Promise<Result<Buffer>>;
    (argv: readonly string[], options?: RunOptions): Promise<Result<string>>;
}

interface RunsSync {
    (argv: readonly string[], options: Checked & { capture: false }): Result<null>;
    (argv: readonly string[], options: Checked & { onOutput: {} }): Result<null>;
    (argv: readonly string[], options: Checked & Bytes): Result<Buffer>;
    (argv: readonly string[], options?: Checked): Result<string>;
}

export interface SpawnOptions extends Omit<node.SpawnOptions, 'shell' | 'argv0'> {
    /** The child leads a session of its own, in a terminal: Child.terminal. */
    pty?: { rows?: number; columns?: number };
}

/** What the child writes, and what is typed. */
export interface Terminal extends Duplex {
    resize(size: { rows?: number; columns?: number }): void;
}

/** A child of child_process. */
export interface Child extends node.ChildProcess {
    /** Stays the child's; -1 when it has ended. */
    readonly pidfd: number;
    /** With `pty`; it is stdout, too. */
    readonly terminal?: Terminal;
    /** Signals the child and its descendants, by default with SIGKILL. */
    killTree(signal?: NodeJS.Signals | number): boolean;
    /** Fulfilled when the child has ended; rejects if it could not be launched. */
    wait(): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** One executable file. Each launch checks that the file is still the same. */
export class Template implements Disposable {
    constructor(name: string | URL, options?: TemplateOptions);
    readonly path: string;
    run: Runs;
    runSync: RunsSync;
    stream(argv: readonly string[], options?: StreamOptions): RunStream;
    /** A child that lives on its own, as by child_process.spawn(). Not in Bun and Deno. */
    spawn(argv: readonly string[], options?: SpawnOptions): Child;
    /** Throws what a launch would throw. */
    check(): void;
    /** Takes the file that is at the path now. */
    refresh(): void;
    stat(): TemplateStat;
    close(): void;
    [Symbol.dispose](): void;
}

/** Runs a program, found along PATH, to its end. */
export const run: Runs;
/** The same, but blocks this thread. */
export const runSync: RunsSync;
export function stream(argv: readonly string[], options?: StreamOptions): RunStream;
/** Runs a command of the shell: /bin/sh. */
export function shell(command: string,
    options?: RunOptions & { shell?: string }): Promise<Result<string>>;
