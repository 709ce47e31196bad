// SPDX-License-Identifier: BSD-2-Clause
// Made by 'make rust-bindings' from include/spawn_template.h and include/abi.txt.

use libc::{pid_t, rusage};
use std::os::raw::{c_char, c_int, c_uint, c_void};

pub const SPAWN_TEMPLATE_CREATE_CLOEXEC: u64 = 0x1;
pub const SPAWN_TEMPLATE_CREATE_SCRIPT: u64 = 0x100000000;
pub const SPAWN_TEMPLATE_CREATE_DENY_WRITE: u64 = 0x200000000;
pub const SPAWN_TEMPLATE_CREATE_GUARD: u64 = 0x400000000;
pub const SPAWN_TEMPLATE_CREATE_NO_GUARD: u64 = 0x800000000;
pub const SPAWN_TEMPLATE_CREATE_WARM_ONCE: u64 = 0x1000000000;
pub const SPAWN_TEMPLATE_CREATE_WARM_FORK: u64 = 0x2000000000;
pub const SPAWN_TEMPLATE_CREATE_AUTO_REFRESH: u64 = 0x4000000000;
pub const SPAWN_TEMPLATE_CREATE_WARM_RUNTIME: u64 = 0x8000000000;
pub const SPAWN_TEMPLATE_CREATE_ARGS_SIZE_VER0: usize = 72;
pub const SPAWN_TEMPLATE_CREATE_ARGS_SIZE_VER1: usize = 80;
pub const SPAWN_TEMPLATE_CREATE_ARGS_SIZE_VER2: usize = 88;
pub const SPAWN_TEMPLATE_ACTION_CLOSE: u32 = 0;
pub const SPAWN_TEMPLATE_ACTION_DUP2: u32 = 1;
pub const SPAWN_TEMPLATE_ACTION_FCHDIR: u32 = 2;
pub const SPAWN_TEMPLATE_ACTION_OPEN: u32 = 3;
pub const SPAWN_TEMPLATE_ACTION_CLOSE_RANGE: u32 = 4;
pub const SPAWN_TEMPLATE_ACTION_SIGMASK: u32 = 5;
pub const SPAWN_TEMPLATE_ACTION_SIGDEFAULT: u32 = 6;
pub const SPAWN_TEMPLATE_ACTION_CHDIR: u32 = 32;
pub const SPAWN_TEMPLATE_ACTION_KEEP: u32 = 33;
pub const SPAWN_TEMPLATE_ACTION_RLIMIT: u32 = 34;
pub const SPAWN_TEMPLATE_ACTION_SETCTTY: u32 = 35;
pub const SPAWN_TEMPLATE_ACTIONS_MAX: u32 = 256;
pub const SPAWN_TEMPLATE_STAGE_ARGS: u32 = 0;
pub const SPAWN_TEMPLATE_STAGE_CLONE: u32 = 1;
pub const SPAWN_TEMPLATE_STAGE_ATTR: u32 = 2;
pub const SPAWN_TEMPLATE_STAGE_ACTION: u32 = 3;
pub const SPAWN_TEMPLATE_STAGE_CLOSE: u32 = 4;
pub const SPAWN_TEMPLATE_STAGE_EXEC: u32 = 5;
pub const SPAWN_TEMPLATE_FAILURE_SIZE_VER0: usize = 12;
pub const SPAWN_TEMPLATE_ATTR_OTHER: u32 = 0;
pub const SPAWN_TEMPLATE_ATTR_LANDLOCK: u32 = 1;
pub const SPAWN_TEMPLATE_ATTR_SECCOMP: u32 = 2;
pub const SPAWN_TEMPLATE_ATTR_MEMORY_LIMIT: u32 = 3;
pub const SPAWN_TEMPLATE_ATTR_PIDS_LIMIT: u32 = 4;
pub const SPAWN_TEMPLATE_ATTR_CPU_LIMIT: u32 = 5;
pub const SPAWN_TEMPLATE_ATTR_IO_LIMIT: u32 = 6;
pub const SPAWN_TEMPLATE_SPAWN_INHERIT_FDS: u64 = 0x1;
pub const SPAWN_TEMPLATE_SPAWN_SETPGROUP: u64 = 0x100000000;
pub const SPAWN_TEMPLATE_SPAWN_SETSID: u64 = 0x200000000;
pub const SPAWN_TEMPLATE_SPAWN_INTO_CGROUP: u64 = 0x400000000;
pub const SPAWN_TEMPLATE_SPAWN_UMASK: u64 = 0x800000000;
pub const SPAWN_TEMPLATE_SPAWN_SETUID: u64 = 0x1000000000;
pub const SPAWN_TEMPLATE_SPAWN_SETGID: u64 = 0x2000000000;
pub const SPAWN_TEMPLATE_SPAWN_SETGROUPS: u64 = 0x4000000000;
pub const SPAWN_TEMPLATE_SPAWN_NICE: u64 = 0x8000000000;
pub const SPAWN_TEMPLATE_SPAWN_NO_NEW_PRIVS: u64 = 0x10000000000;
pub const SPAWN_TEMPLATE_SPAWN_DIE_WITH_PARENT: u64 = 0x20000000000;
pub const SPAWN_TEMPLATE_SPAWN_KEEP_SIGPIPE: u64 = 0x40000000000;
pub const SPAWN_TEMPLATE_SPAWN_LANDLOCK: u64 = 0x80000000000;
pub const SPAWN_TEMPLATE_SPAWN_SECCOMP: u64 = 0x100000000000;
pub const SPAWN_TEMPLATE_SPAWN_ARGS_SIZE_VER0: usize = 80;
pub const SPAWN_TEMPLATE_SPAWN_ARGS_SIZE_VER1: usize = 128;
pub const SPAWN_TEMPLATE_SPAWN_ARGS_SIZE_VER2: usize = 256;
pub const SPAWN_TEMPLATE_STATE_FRESH: u32 = 0;
pub const SPAWN_TEMPLATE_STATE_STALE: u32 = 1;
pub const SPAWN_TEMPLATE_STALE_FILE_CHANGED: u32 = 1;
pub const SPAWN_TEMPLATE_STALE_PATH_GONE: u32 = 2;
pub const SPAWN_TEMPLATE_STALE_PATH_REPLACED: u32 = 3;
pub const SPAWN_TEMPLATE_STALE_GUARD: u32 = 4;
pub const SPAWN_TEMPLATE_GUARD_WHY_UNKNOWN: u32 = 0;
pub const SPAWN_TEMPLATE_GUARD_WHY_IDENTITY: u32 = 1;
pub const SPAWN_TEMPLATE_GUARD_WHY_HEADER: u32 = 2;
pub const SPAWN_TEMPLATE_GUARD_WHY_OPENED: u32 = 3;
pub const SPAWN_TEMPLATE_GUARD_WHY_ATTRIBUTES: u32 = 4;
pub const SPAWN_TEMPLATE_GUARD_WHY_FILE: u32 = 5;
pub const SPAWN_TEMPLATE_GUARD_WHY_PROCESS: u32 = 6;
pub const SPAWN_TEMPLATE_GUARD_WHY_CREDENTIALS: u32 = 7;
pub const SPAWN_TEMPLATE_GUARD_WHY_CLOSED: u32 = 8;
pub const SPAWN_TEMPLATE_FORMAT_UNKNOWN: u32 = 0;
pub const SPAWN_TEMPLATE_FORMAT_ELF: u32 = 1;
pub const SPAWN_TEMPLATE_FORMAT_SCRIPT: u32 = 2;
pub const SPAWN_TEMPLATE_FORMAT_OTHER: u32 = 3;
pub const SPAWN_TEMPLATE_LAUNCH_BY_FD: u32 = 0;
pub const SPAWN_TEMPLATE_LAUNCH_BY_PATH: u32 = 1;
pub const SPAWN_TEMPLATE_BY_PATH_SCRIPT: u32 = 1;
pub const SPAWN_TEMPLATE_BY_PATH_KERNEL: u32 = 2;
pub const SPAWN_TEMPLATE_BY_PATH_NAME: u32 = 3;
pub const SPAWN_TEMPLATE_BY_PATH_HARD_LINK: u32 = 4;
pub const SPAWN_TEMPLATE_BY_PATH_FORMAT: u32 = 5;
pub const SPAWN_TEMPLATE_BY_PATH_EXECVEAT: u32 = 6;
pub const SPAWN_TEMPLATE_BY_PATH_EXECFN: u32 = 7;
pub const SPAWN_TEMPLATE_BY_PATH_BINFMT: u32 = 8;
pub const SPAWN_TEMPLATE_ELF_DYNAMIC: u32 = 0x1;
pub const SPAWN_TEMPLATE_ELF_PIE: u32 = 0x2;
pub const SPAWN_TEMPLATE_FALLBACK_CLONE: u32 = 0;
pub const SPAWN_TEMPLATE_FALLBACK_PIDFD: u32 = 1;
pub const SPAWN_TEMPLATE_FALLBACK_RANGES: u32 = 2;
pub const SPAWN_TEMPLATE_FALLBACK_PROC_FD: u32 = 3;
pub const SPAWN_TEMPLATE_FALLBACK_PATH: u32 = 4;
pub const SPAWN_TEMPLATE_FALLBACK_TEXT_BUSY: u32 = 5;
pub const SPAWN_TEMPLATE_FALLBACK_FORK: u32 = 6;
pub const SPAWN_TEMPLATE_FALLBACKS_MAX: u32 = 16;
pub const SPAWN_TEMPLATE_COLD_FIRST: u32 = 0;
pub const SPAWN_TEMPLATE_COLD_NOT_READY: u32 = 1;
pub const SPAWN_TEMPLATE_COLD_BUSY: u32 = 2;
pub const SPAWN_TEMPLATE_COLD_FLAGS: u32 = 3;
pub const SPAWN_TEMPLATE_COLD_DESCRIPTORS: u32 = 4;
pub const SPAWN_TEMPLATE_COLD_ARGV0: u32 = 5;
pub const SPAWN_TEMPLATE_COLD_ENVIRONMENT: u32 = 6;
pub const SPAWN_TEMPLATE_COLD_FILES: u32 = 7;
pub const SPAWN_TEMPLATE_COLD_INHERITED: u32 = 8;
pub const SPAWN_TEMPLATE_COLD_SANDBOX: u32 = 9;
pub const SPAWN_TEMPLATE_COLD_PROGRAM: u32 = 10;
pub const SPAWN_TEMPLATE_COLD_LOST: u32 = 11;
pub const SPAWN_TEMPLATE_COLD_GUARDED: u32 = 12;
pub const SPAWN_TEMPLATE_COLD_COMMAND: u32 = 13;
pub const SPAWN_TEMPLATE_COLD_REASONS_MAX: u32 = 24;
pub const SPAWN_TEMPLATE_PATH_MAX: u32 = 4096;
pub const SPAWN_TEMPLATE_STAT_SIZE_VER0: usize = 8488;
pub const SPAWN_TEMPLATE_STAT_SIZE_VER1: usize = 8504;
pub const SPAWN_TEMPLATE_STAT_SIZE_VER2: usize = 8696;
pub const SPAWN_TEMPLATE_RUN_MERGE_STDERR: u32 = 0x1;
pub const SPAWN_TEMPLATE_RUN_NO_CAPTURE: u32 = 0x2;
pub const SPAWN_TEMPLATE_RUN_CGROUP: u32 = 0x4;
pub const SPAWN_TEMPLATE_RUN_SUPERVISE: u32 = 0x8;
pub const SPAWN_TEMPLATE_RUN_STREAM: u32 = 0x10;
pub const SPAWN_TEMPLATE_RUN_OPEN_INPUT: u32 = 0x20;
pub const SPAWN_TEMPLATE_RUN_PTY: u32 = 0x40;
pub const SPAWN_TEMPLATE_RUN_TAIL: u32 = 0x80;
pub const SPAWN_TEMPLATE_RUN_SPILL: u32 = 0x100;
pub const SPAWN_TEMPLATE_RUN_DETACH_ON_TIMEOUT: u32 = 0x200;
pub const SPAWN_TEMPLATE_RUN_END_LEFTOVERS: u32 = 0x400;
pub const SPAWN_TEMPLATE_RUN_LIMITS: u32 = 0x800;
pub const SPAWN_TEMPLATE_RUN_NO_ECHO: u32 = 0x1000;
pub const SPAWN_TEMPLATE_RUN_SAME_GROUP: u32 = 0x2000;
pub const SPAWN_TEMPLATE_RUN_TELL_START: u32 = 0x4000;
pub const SPAWN_TEMPLATE_RUN_TELL_ROOM: u32 = 0x8000;
pub const SPAWN_TEMPLATE_RUN_END_WITH_CALLER: u32 = 0x10000;
pub const SPAWN_TEMPLATE_RUN_RAW: u32 = 0x20000;
pub const SPAWN_TEMPLATE_RUN_KEEP_LEFTOVERS: u32 = 0;
pub const SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER0: usize = 176;
pub const SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER1: usize = 312;
pub const SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER2: usize = 328;
pub const SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER3: usize = 408;
pub const SPAWN_TEMPLATE_RUN_MAX_OUTPUT: u32 = 0x1000000;
pub const SPAWN_TEMPLATE_RUN_MAX_UNSEEN: u32 = 0x100000;
pub const SPAWN_TEMPLATE_RESULT_TIMED_OUT: u32 = 0x1;
pub const SPAWN_TEMPLATE_RESULT_OUT_TRUNCATED: u32 = 0x2;
pub const SPAWN_TEMPLATE_RESULT_ERR_TRUNCATED: u32 = 0x4;
pub const SPAWN_TEMPLATE_RESULT_TREE_KILLED: u32 = 0x8;
pub const SPAWN_TEMPLATE_RESULT_PIPE_HELD: u32 = 0x10;
pub const SPAWN_TEMPLATE_RESULT_STATUS_LOST: u32 = 0x20;
pub const SPAWN_TEMPLATE_RESULT_CGROUP: u32 = 0x40;
pub const SPAWN_TEMPLATE_RESULT_IDLE: u32 = 0x80;
pub const SPAWN_TEMPLATE_RESULT_OOM: u32 = 0x100;
pub const SPAWN_TEMPLATE_RESULT_DETACHED: u32 = 0x200;
pub const SPAWN_TEMPLATE_RESULT_NOT_KILLED: u32 = 0x400;
pub const SPAWN_TEMPLATE_RESULT_SPILLED: u32 = 0x800;
pub const SPAWN_TEMPLATE_RESULT_LEFTOVERS: u32 = 0x1000;
pub const SPAWN_TEMPLATE_RESULT_WARM: u32 = 0x2000;
pub const SPAWN_TEMPLATE_RESULT_UNSEEN: u32 = 0x4000;
pub const SPAWN_TEMPLATE_RESULT_SIZE_VER0: usize = 64 + std::mem::size_of::<rusage>();
pub const SPAWN_TEMPLATE_RESULT_SIZE_VER1: usize = 136 + std::mem::size_of::<rusage>();
pub const SPAWN_TEMPLATE_RESULT_SIZE_VER2: usize = 176 + std::mem::size_of::<rusage>();
pub const SPAWN_TEMPLATE_KILL_TREE: u32 = 0x1;
pub const SPAWN_TEMPLATE_CHILD_SIZE_VER0: usize = 16;
pub const SPAWN_TEMPLATE_RING_PARAMS_SIZE_VER0: usize = 40;
pub const SPAWN_TEMPLATE_RING_ENTRIES_MAX: u32 = 4096;
pub const SPAWN_TEMPLATE_RING_THREADS_MAX: u32 = 64;
pub const SPAWN_TEMPLATE_CQE_END: u32 = 0;
pub const SPAWN_TEMPLATE_CQE_OUT: u32 = 1;
pub const SPAWN_TEMPLATE_CQE_ERR: u32 = 2;
pub const SPAWN_TEMPLATE_CQE_DETACHED: u32 = 3;
pub const SPAWN_TEMPLATE_CQE_ROOM: u32 = 4;
pub const SPAWN_TEMPLATE_CQE_STARTED: u32 = 5;
pub const SPAWN_TEMPLATE_RING_MAX_INPUT: u32 = 0x100000;
pub const SPAWN_TEMPLATE_CACHE_PARAMS_SIZE_VER0: usize = 32;
pub const SPAWN_TEMPLATE_CACHE_PARAMS_SIZE_VER1: usize = 40;
pub const SPAWN_TEMPLATE_CACHE_ENTRIES: u32 = 256;
pub const SPAWN_TEMPLATE_CACHE_ENTRIES_MAX: u32 = 4096;
pub const SPAWN_TEMPLATE_CACHE_STAT_SIZE_VER0: usize = 72;
pub const SPAWN_TEMPLATE_SANDBOX_NO_NET: u64 = 0x1;
pub const SPAWN_TEMPLATE_SANDBOX_CONNECT: u64 = 0x2;
pub const SPAWN_TEMPLATE_SANDBOX_BIND: u64 = 0x4;
pub const SPAWN_TEMPLATE_SANDBOX_SIGNALS: u64 = 0x8;
pub const SPAWN_TEMPLATE_SANDBOX_ABSTRACT: u64 = 0x10;
pub const SPAWN_TEMPLATE_SANDBOX_NO_DEVICES: u64 = 0x20;
pub const SPAWN_TEMPLATE_SANDBOX_BEST_EFFORT: u64 = 0x40;
pub const SPAWN_TEMPLATE_SANDBOX_LOST_FILES: c_int = 0x1;
pub const SPAWN_TEMPLATE_SANDBOX_LOST_TRUNCATE: c_int = 0x2;
pub const SPAWN_TEMPLATE_SANDBOX_LOST_TCP: c_int = 0x4;
pub const SPAWN_TEMPLATE_SANDBOX_LOST_SIGNALS: c_int = 0x8;
pub const SPAWN_TEMPLATE_SANDBOX_LOST_ABSTRACT: c_int = 0x10;
pub const SPAWN_TEMPLATE_SANDBOX_LOST_NET: c_int = 0x20;
pub const SPAWN_TEMPLATE_SANDBOX_LOST_RENAME: c_int = 0x100;
pub const SPAWN_TEMPLATE_SANDBOX_LOST_IOCTL: c_int = 0x200;
pub const SPAWN_TEMPLATE_SANDBOX_LOST_SOCKETS: c_int = 0x400;
pub const SPAWN_TEMPLATE_SANDBOX_LOST_MINOR: c_int = 3840;
pub const SPAWN_TEMPLATE_SANDBOX_ARGS_SIZE_VER0: usize = 96;

/// The structure that openat2(2) takes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct open_how {
    pub flags: u64,
    pub mode: u64,
    pub resolve: u64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct spawn_template_create_args {
    pub flags: u64,
    pub execfd: i32,
    pub exec_flags: u32,
    pub filename: u64,
    pub actions: u64,
    pub actions_len: u64,
    pub reserved: [u64; 4],
    pub warm_target: u32,
    pub pad: u32,
    pub warm_preload: u64,
}

impl spawn_template_create_args {
    /// The values of the initialiser in the C header.
    pub const INIT: Self = Self {
        flags: 0,
        execfd: -1,
        exec_flags: 0,
        filename: 0,
        actions: 0,
        actions_len: 0,
        reserved: [0; 4],
        warm_target: 0,
        pad: 0,
        warm_preload: 0,
    };
}

impl Default for spawn_template_create_args {
    fn default() -> Self {
        Self::INIT
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct spawn_template_action {
    pub type_: u32,
    pub flags: u32,
    pub fd: i32,
    pub newfd: i32,
    pub arg: u64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct spawn_template_open {
    pub path: u64,
    pub how: open_how,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct spawn_template_sigset {
    pub sigset: u64,
    pub sigsetsize: u64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct spawn_template_failure {
    pub error: i32,
    pub stage: u32,
    pub action: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct spawn_template_spawn_args {
    pub flags: u64,
    pub pidfd: u64,
    pub argv: u64,
    pub envp: u64,
    pub actions: u64,
    pub actions_len: u64,
    pub reserved: [u64; 4],
    pub failure: u64,
    pub pgroup: i32,
    pub cgroup_fd: i32,
    pub umask: u32,
    pub uid: u32,
    pub gid: u32,
    pub nice: i32,
    pub groups: u64,
    pub n_groups: u64,
    pub failure_size: u32,
    pub landlock_fd: i32,
    pub seccomp: u64,
    pub reserved2: [u64; 14],
}

impl spawn_template_spawn_args {
    /// The values of the initialiser in the C header.
    pub const INIT: Self = Self {
        flags: 0,
        pidfd: 0,
        argv: 0,
        envp: 0,
        actions: 0,
        actions_len: 0,
        reserved: [0; 4],
        failure: 0,
        pgroup: 0,
        cgroup_fd: -1,
        umask: 0,
        uid: u32::MAX,
        gid: u32::MAX,
        nice: 0,
        groups: 0,
        n_groups: 0,
        failure_size: 0,
        landlock_fd: -1,
        seccomp: 0,
        reserved2: [0; 14],
    };
}

impl Default for spawn_template_spawn_args {
    fn default() -> Self {
        Self::INIT
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct spawn_template_key {
    pub dev_major: u64,
    pub dev_minor: u64,
    pub ino: u64,
    pub mnt_id: u64,
    pub size: u64,
    pub mode: u32,
    pub nlink: u32,
    pub uid: u32,
    pub gid: u32,
    pub ctime_sec: i64,
    pub mtime_sec: i64,
    pub ctime_nsec: u32,
    pub mtime_nsec: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct spawn_template_stat {
    pub flags: u64,
    pub key: spawn_template_key,
    pub state: u32,
    pub stale_reason: u32,
    pub format: u32,
    pub elf_class: u32,
    pub elf_machine: u32,
    pub elf_flags: u32,
    pub launch_by: u32,
    pub by_path_reason: u32,
    pub guarded: u32,
    pub warm_ready: u32,
    pub cold: u64,
    pub warm: u64,
    pub stale: u64,
    pub refused: u64,
    pub failed: u64,
    pub fallbacks: [u64; SPAWN_TEMPLATE_FALLBACKS_MAX as usize],
    pub path: [c_char; SPAWN_TEMPLATE_PATH_MAX as usize],
    pub interpreter: [c_char; SPAWN_TEMPLATE_PATH_MAX as usize],
    pub guard_id: u64,
    pub guard_why: u32,
    pub deny_write: u32,
    pub cold_reasons: [u64; SPAWN_TEMPLATE_COLD_REASONS_MAX as usize],
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct spawn_template_run_args {
    pub spawn: spawn_template_spawn_args,
    pub input: u64,
    pub input_len: u64,
    pub max_output: u64,
    pub timeout_ns: u64,
    pub grace_ns: u64,
    pub flags: u32,
    pub cgroup_parent_fd: i32,
    pub spill_fd: i32,
    pub reserved: u32,
    pub held_quiet_ns: u64,
    pub held_most_ns: u64,
    pub idle_timeout_ns: u64,
    pub detached_timeout_ns: u64,
    pub tail_output: u64,
    pub memory_max: u64,
    pub memory_swap_max: u64,
    pub cpu_max_us: u64,
    pub pids_max: u32,
    pub cpu_weight: u32,
    pub io_weight: u32,
    pub winsize: u32,
    pub on_output: u64,
    pub on_output_data: u64,
}

impl spawn_template_run_args {
    /// The values of the initialiser in the C header.
    pub const INIT: Self = Self {
        spawn: spawn_template_spawn_args::INIT,
        input: 0,
        input_len: 0,
        max_output: 0,
        timeout_ns: 0,
        grace_ns: 0,
        flags: 0,
        cgroup_parent_fd: -1,
        spill_fd: -1,
        reserved: 0,
        held_quiet_ns: 0,
        held_most_ns: 0,
        idle_timeout_ns: 0,
        detached_timeout_ns: 0,
        tail_output: 0,
        memory_max: 0,
        memory_swap_max: 0,
        cpu_max_us: 0,
        pids_max: 0,
        cpu_weight: 0,
        io_weight: 0,
        winsize: 0,
        on_output: 0,
        on_output_data: 0,
    };
}

impl Default for spawn_template_run_args {
    fn default() -> Self {
        Self::INIT
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct spawn_template_result {
    pub code: i32,
    pub signal: i32,
    pub flags: u32,
    pub size: u32,
    pub out: *mut c_char,
    pub err: *mut c_char,
    pub out_len: usize,
    pub err_len: usize,
    pub usage: rusage,
    pub spawn_ns: u64,
    pub total_ns: u64,
    pub user_us: u64,
    pub system_us: u64,
    pub max_rss_kib: u64,
    pub minor_faults: u64,
    pub major_faults: u64,
    pub block_inputs: u64,
    pub block_outputs: u64,
    pub voluntary_switches: u64,
    pub involuntary_switches: u64,
    pub out_total: u64,
    pub err_total: u64,
    pub memory_peak: u64,
    pub cpu_us: u64,
    pub leftovers: u32,
    pub reserved: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct spawn_template_child {
    pub pid: i32,
    pub pidfd: i32,
    pub cgroup_fd: i32,
    pub size: u32,
}

impl spawn_template_child {
    /// The values of the initialiser in the C header.
    pub const INIT: Self = Self {
        pid: -1,
        pidfd: -1,
        cgroup_fd: -1,
        size: 0,
    };
}

impl Default for spawn_template_child {
    fn default() -> Self {
        Self::INIT
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct spawn_template_ring_params {
    pub flags: u32,
    pub threads: u32,
    pub reserved: [u64; 4],
}

impl spawn_template_ring_params {
    /// The values of the initialiser in the C header.
    pub const INIT: Self = Self {
        flags: 0,
        threads: 0,
        reserved: [0; 4],
    };
}

impl Default for spawn_template_ring_params {
    fn default() -> Self {
        Self::INIT
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct spawn_template_cqe {
    pub user_data: u64,
    pub res: i32,
    pub flags: u32,
    pub pid: i32,
    pub pidfd: i32,
    pub result: *mut spawn_template_result,
    pub kind: u32,
    pub data_len: u32,
    pub data: *const c_void,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct spawn_template_cache_params {
    pub create_flags: u64,
    pub hold_ns: u64,
    pub negative_ns: u64,
    pub entries: u32,
    pub warm_target: u32,
    pub warm_preload: u64,
}

impl spawn_template_cache_params {
    /// The values of the initialiser in the C header.
    pub const INIT: Self = Self {
        create_flags: 0,
        hold_ns: 0,
        negative_ns: 0,
        entries: 0,
        warm_target: 0,
        warm_preload: 0,
    };
}

impl Default for spawn_template_cache_params {
    fn default() -> Self {
        Self::INIT
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct spawn_template_cache_stat {
    pub shared: u64,
    pub revived: u64,
    pub made: u64,
    pub changed: u64,
    pub refused: u64,
    pub known: u32,
    pub out: u32,
    pub held: u32,
    pub reserved: u32,
    pub cold: u64,
    pub warm: u64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct spawn_template_sandbox_args {
    pub flags: u64,
    pub read_only: u64,
    pub writable: u64,
    pub connect_ports: u64,
    pub n_connect_ports: u64,
    pub bind_ports: u64,
    pub n_bind_ports: u64,
    pub failed: u64,
    pub reserved: [u64; 4],
}

impl spawn_template_sandbox_args {
    /// The values of the initialiser in the C header.
    pub const INIT: Self = Self {
        flags: 0,
        read_only: 0,
        writable: 0,
        connect_ports: 0,
        n_connect_ports: 0,
        bind_ports: 0,
        n_bind_ports: 0,
        failed: 0,
        reserved: [0; 4],
    };
}

impl Default for spawn_template_sandbox_args {
    fn default() -> Self {
        Self::INIT
    }
}

/// See `spawn_template_run_args.on_output`.
pub type spawn_template_output_fn = unsafe extern "C" fn(
    on_output_data: *mut c_void,
    kind: u32,
    data: *const c_void,
    len: usize,
) -> c_int;

/// Opaque.
#[repr(C)]
pub struct spawn_template_begin {
    _private: [u8; 0],
}

/// Opaque.
#[repr(C)]
pub struct spawn_template_ring {
    _private: [u8; 0],
}

/// Opaque.
#[repr(C)]
pub struct spawn_template_cache {
    _private: [u8; 0],
}

/// Opaque.
#[repr(C)]
pub struct spawn_template_sandbox {
    _private: [u8; 0],
}

extern "C" {
    pub fn spawn_template_search(name: *const c_char, path: *const c_char, flags: u64) -> c_int;
    pub fn spawn_template_open(path: *const c_char, flags: u64) -> c_int;
    pub fn spawn_template_create(args: *const spawn_template_create_args, size: usize) -> c_int;
    pub fn spawn_template_spawn(
        tfd: c_int,
        args: *const spawn_template_spawn_args,
        size: usize,
    ) -> pid_t;
    pub fn spawn_template_begin(
        tfd: c_int,
        args: *const spawn_template_spawn_args,
        size: usize,
        begin: *mut *mut spawn_template_begin,
    ) -> pid_t;
    pub fn spawn_template_begin_fd(begin: *mut spawn_template_begin) -> c_int;
    pub fn spawn_template_begin_wait(
        begin: *mut spawn_template_begin,
        pidfd: *mut c_int,
        failure: *mut spawn_template_failure,
        size: usize,
    ) -> pid_t;
    pub fn spawn_template_begin_kill(begin: *mut spawn_template_begin) -> c_int;
    pub fn spawn_template_begin_drop(begin: *mut spawn_template_begin);
    pub fn spawn_template_strerror(
        failure: *const spawn_template_failure,
        buf: *mut c_char,
        size: usize,
    ) -> c_int;
    pub fn spawn_template_check(tfd: c_int) -> c_int;
    pub fn spawn_template_refresh(tfd: c_int) -> c_int;
    pub fn spawn_template_stat(tfd: c_int, st: *mut spawn_template_stat, size: usize) -> c_int;
    pub fn spawn_template_close(tfd: c_int) -> c_int;
    pub fn spawn_template_run(
        tfd: c_int,
        args: *const spawn_template_run_args,
        size: usize,
        result: *mut spawn_template_result,
        result_size: usize,
    ) -> c_int;
    pub fn spawn_template_result_free(result: *mut spawn_template_result);
    pub fn spawn_template_kill(
        child: *const spawn_template_child,
        sig: c_int,
        flags: c_uint,
    ) -> c_int;
    pub fn spawn_template_ring_init(
        entries: c_uint,
        params: *const spawn_template_ring_params,
        size: usize,
        ring: *mut *mut spawn_template_ring,
    ) -> c_int;
    pub fn spawn_template_ring_fd(ring: *mut spawn_template_ring) -> c_int;
    pub fn spawn_template_ring_spawn(
        ring: *mut spawn_template_ring,
        tfd: c_int,
        args: *const spawn_template_spawn_args,
        size: usize,
        user_data: u64,
    ) -> c_int;
    pub fn spawn_template_ring_run(
        ring: *mut spawn_template_ring,
        tfd: c_int,
        args: *const spawn_template_run_args,
        size: usize,
        user_data: u64,
    ) -> c_int;
    pub fn spawn_template_ring_submit(ring: *mut spawn_template_ring) -> c_int;
    pub fn spawn_template_ring_wait(
        ring: *mut spawn_template_ring,
        cqe: *mut *mut spawn_template_cqe,
        timeout_ms: c_int,
    ) -> c_int;
    pub fn spawn_template_ring_seen(ring: *mut spawn_template_ring, cqe: *mut spawn_template_cqe);
    pub fn spawn_template_ring_write(
        ring: *mut spawn_template_ring,
        user_data: u64,
        buf: *const c_void,
        len: usize,
    ) -> c_int;
    pub fn spawn_template_ring_close_input(ring: *mut spawn_template_ring, user_data: u64) -> c_int;
    pub fn spawn_template_ring_winsize(
        ring: *mut spawn_template_ring,
        user_data: u64,
        winsize: u32,
    ) -> c_int;
    pub fn spawn_template_ring_cancel(ring: *mut spawn_template_ring, user_data: u64) -> c_int;
    pub fn spawn_template_ring_exit(ring: *mut spawn_template_ring);
    pub fn spawn_template_cache_new(
        params: *const spawn_template_cache_params,
        size: usize,
        cache: *mut *mut spawn_template_cache,
    ) -> c_int;
    pub fn spawn_template_cache_get(
        cache: *mut spawn_template_cache,
        name: *const c_char,
        path: *const c_char,
    ) -> c_int;
    pub fn spawn_template_cache_drop(cache: *mut spawn_template_cache, tfd: c_int) -> c_int;
    pub fn spawn_template_cache_stat(
        cache: *mut spawn_template_cache,
        st: *mut spawn_template_cache_stat,
        size: usize,
    ) -> c_int;
    pub fn spawn_template_cache_free(cache: *mut spawn_template_cache);
    pub fn spawn_template_sandbox_new(
        args: *const spawn_template_sandbox_args,
        size: usize,
        sandbox: *mut *mut spawn_template_sandbox,
    ) -> c_int;
    pub fn spawn_template_sandbox_lost(
        args: *const spawn_template_sandbox_args,
        size: usize,
    ) -> c_int;
    pub fn spawn_template_sandbox_apply(
        sandbox: *const spawn_template_sandbox,
        args: *mut spawn_template_spawn_args,
        size: usize,
    ) -> c_int;
    pub fn spawn_template_sandbox_free(sandbox: *mut spawn_template_sandbox);
}

/// Name, size, and each member's name, offset and size: for the test.
#[cfg(test)]
pub(crate) fn layouts() -> Vec<crate::layout::Layout> {
    vec![
        crate::layout::layout!(spawn_template_create_args:
            flags,
            execfd,
            exec_flags,
            filename,
            actions,
            actions_len,
            reserved,
            warm_target,
            pad,
            warm_preload),
        crate::layout::layout!(spawn_template_action:
            type_,
            flags,
            fd,
            newfd,
            arg),
        crate::layout::layout!(spawn_template_open:
            path,
            how),
        crate::layout::layout!(spawn_template_sigset:
            sigset,
            sigsetsize),
        crate::layout::layout!(spawn_template_failure:
            error,
            stage,
            action),
        crate::layout::layout!(spawn_template_spawn_args:
            flags,
            pidfd,
            argv,
            envp,
            actions,
            actions_len,
            reserved,
            failure,
            pgroup,
            cgroup_fd,
            umask,
            uid,
            gid,
            nice,
            groups,
            n_groups,
            failure_size,
            landlock_fd,
            seccomp,
            reserved2),
        crate::layout::layout!(spawn_template_key:
            dev_major,
            dev_minor,
            ino,
            mnt_id,
            size,
            mode,
            nlink,
            uid,
            gid,
            ctime_sec,
            mtime_sec,
            ctime_nsec,
            mtime_nsec),
        crate::layout::layout!(spawn_template_stat:
            flags,
            key,
            state,
            stale_reason,
            format,
            elf_class,
            elf_machine,
            elf_flags,
            launch_by,
            by_path_reason,
            guarded,
            warm_ready,
            cold,
            warm,
            stale,
            refused,
            failed,
            fallbacks,
            path,
            interpreter,
            guard_id,
            guard_why,
            deny_write,
            cold_reasons),
        crate::layout::layout!(spawn_template_run_args:
            spawn,
            input,
            input_len,
            max_output,
            timeout_ns,
            grace_ns,
            flags,
            cgroup_parent_fd,
            spill_fd,
            reserved,
            held_quiet_ns,
            held_most_ns,
            idle_timeout_ns,
            detached_timeout_ns,
            tail_output,
            memory_max,
            memory_swap_max,
            cpu_max_us,
            pids_max,
            cpu_weight,
            io_weight,
            winsize,
            on_output,
            on_output_data),
        crate::layout::layout!(spawn_template_result:
            code,
            signal,
            flags,
            size,
            out,
            err,
            out_len,
            err_len,
            usage,
            spawn_ns,
            total_ns,
            user_us,
            system_us,
            max_rss_kib,
            minor_faults,
            major_faults,
            block_inputs,
            block_outputs,
            voluntary_switches,
            involuntary_switches,
            out_total,
            err_total,
            memory_peak,
            cpu_us,
            leftovers,
            reserved),
        crate::layout::layout!(spawn_template_child:
            pid,
            pidfd,
            cgroup_fd,
            size),
        crate::layout::layout!(spawn_template_ring_params:
            flags,
            threads,
            reserved),
        crate::layout::layout!(spawn_template_cqe:
            user_data,
            res,
            flags,
            pid,
            pidfd,
            result,
            kind,
            data_len,
            data),
        crate::layout::layout!(spawn_template_cache_params:
            create_flags,
            hold_ns,
            negative_ns,
            entries,
            warm_target,
            warm_preload),
        crate::layout::layout!(spawn_template_cache_stat:
            shared,
            revived,
            made,
            changed,
            refused,
            known,
            out,
            held,
            reserved,
            cold,
            warm),
        crate::layout::layout!(spawn_template_sandbox_args:
            flags,
            read_only,
            writable,
            connect_ports,
            n_connect_ports,
            bind_ports,
            n_bind_ports,
            failed,
            reserved),
    ]
}

#[cfg(test)]
#[allow(clippy::unnecessary_cast)] // of those that are u64
pub(crate) fn constants() -> Vec<(&'static str, u64)> {
    vec![
        ("SPAWN_TEMPLATE_CREATE_CLOEXEC", SPAWN_TEMPLATE_CREATE_CLOEXEC as u64),
        ("SPAWN_TEMPLATE_CREATE_SCRIPT", SPAWN_TEMPLATE_CREATE_SCRIPT as u64),
        ("SPAWN_TEMPLATE_CREATE_DENY_WRITE", SPAWN_TEMPLATE_CREATE_DENY_WRITE as u64),
        ("SPAWN_TEMPLATE_CREATE_GUARD", SPAWN_TEMPLATE_CREATE_GUARD as u64),
        ("SPAWN_TEMPLATE_CREATE_NO_GUARD", SPAWN_TEMPLATE_CREATE_NO_GUARD as u64),
        ("SPAWN_TEMPLATE_CREATE_WARM_ONCE", SPAWN_TEMPLATE_CREATE_WARM_ONCE as u64),
        ("SPAWN_TEMPLATE_CREATE_WARM_FORK", SPAWN_TEMPLATE_CREATE_WARM_FORK as u64),
        ("SPAWN_TEMPLATE_CREATE_AUTO_REFRESH", SPAWN_TEMPLATE_CREATE_AUTO_REFRESH as u64),
        ("SPAWN_TEMPLATE_CREATE_WARM_RUNTIME", SPAWN_TEMPLATE_CREATE_WARM_RUNTIME as u64),
        ("SPAWN_TEMPLATE_CREATE_ARGS_SIZE_VER0", SPAWN_TEMPLATE_CREATE_ARGS_SIZE_VER0 as u64),
        ("SPAWN_TEMPLATE_CREATE_ARGS_SIZE_VER1", SPAWN_TEMPLATE_CREATE_ARGS_SIZE_VER1 as u64),
        ("SPAWN_TEMPLATE_CREATE_ARGS_SIZE_VER2", SPAWN_TEMPLATE_CREATE_ARGS_SIZE_VER2 as u64),
        ("SPAWN_TEMPLATE_ACTION_CLOSE", SPAWN_TEMPLATE_ACTION_CLOSE as u64),
        ("SPAWN_TEMPLATE_ACTION_DUP2", SPAWN_TEMPLATE_ACTION_DUP2 as u64),
        ("SPAWN_TEMPLATE_ACTION_FCHDIR", SPAWN_TEMPLATE_ACTION_FCHDIR as u64),
        ("SPAWN_TEMPLATE_ACTION_OPEN", SPAWN_TEMPLATE_ACTION_OPEN as u64),
        ("SPAWN_TEMPLATE_ACTION_CLOSE_RANGE", SPAWN_TEMPLATE_ACTION_CLOSE_RANGE as u64),
        ("SPAWN_TEMPLATE_ACTION_SIGMASK", SPAWN_TEMPLATE_ACTION_SIGMASK as u64),
        ("SPAWN_TEMPLATE_ACTION_SIGDEFAULT", SPAWN_TEMPLATE_ACTION_SIGDEFAULT as u64),
        ("SPAWN_TEMPLATE_ACTION_CHDIR", SPAWN_TEMPLATE_ACTION_CHDIR as u64),
        ("SPAWN_TEMPLATE_ACTION_KEEP", SPAWN_TEMPLATE_ACTION_KEEP as u64),
        ("SPAWN_TEMPLATE_ACTION_RLIMIT", SPAWN_TEMPLATE_ACTION_RLIMIT as u64),
        ("SPAWN_TEMPLATE_ACTION_SETCTTY", SPAWN_TEMPLATE_ACTION_SETCTTY as u64),
        ("SPAWN_TEMPLATE_ACTIONS_MAX", SPAWN_TEMPLATE_ACTIONS_MAX as u64),
        ("SPAWN_TEMPLATE_STAGE_ARGS", SPAWN_TEMPLATE_STAGE_ARGS as u64),
        ("SPAWN_TEMPLATE_STAGE_CLONE", SPAWN_TEMPLATE_STAGE_CLONE as u64),
        ("SPAWN_TEMPLATE_STAGE_ATTR", SPAWN_TEMPLATE_STAGE_ATTR as u64),
        ("SPAWN_TEMPLATE_STAGE_ACTION", SPAWN_TEMPLATE_STAGE_ACTION as u64),
        ("SPAWN_TEMPLATE_STAGE_CLOSE", SPAWN_TEMPLATE_STAGE_CLOSE as u64),
        ("SPAWN_TEMPLATE_STAGE_EXEC", SPAWN_TEMPLATE_STAGE_EXEC as u64),
        ("SPAWN_TEMPLATE_FAILURE_SIZE_VER0", SPAWN_TEMPLATE_FAILURE_SIZE_VER0 as u64),
        ("SPAWN_TEMPLATE_ATTR_OTHER", SPAWN_TEMPLATE_ATTR_OTHER as u64),
        ("SPAWN_TEMPLATE_ATTR_LANDLOCK", SPAWN_TEMPLATE_ATTR_LANDLOCK as u64),
        ("SPAWN_TEMPLATE_ATTR_SECCOMP", SPAWN_TEMPLATE_ATTR_SECCOMP as u64),
        ("SPAWN_TEMPLATE_ATTR_MEMORY_LIMIT", SPAWN_TEMPLATE_ATTR_MEMORY_LIMIT as u64),
        ("SPAWN_TEMPLATE_ATTR_PIDS_LIMIT", SPAWN_TEMPLATE_ATTR_PIDS_LIMIT as u64),
        ("SPAWN_TEMPLATE_ATTR_CPU_LIMIT", SPAWN_TEMPLATE_ATTR_CPU_LIMIT as u64),
        ("SPAWN_TEMPLATE_ATTR_IO_LIMIT", SPAWN_TEMPLATE_ATTR_IO_LIMIT as u64),
        ("SPAWN_TEMPLATE_SPAWN_INHERIT_FDS", SPAWN_TEMPLATE_SPAWN_INHERIT_FDS as u64),
        ("SPAWN_TEMPLATE_SPAWN_SETPGROUP", SPAWN_TEMPLATE_SPAWN_SETPGROUP as u64),
        ("SPAWN_TEMPLATE_SPAWN_SETSID", SPAWN_TEMPLATE_SPAWN_SETSID as u64),
        ("SPAWN_TEMPLATE_SPAWN_INTO_CGROUP", SPAWN_TEMPLATE_SPAWN_INTO_CGROUP as u64),
        ("SPAWN_TEMPLATE_SPAWN_UMASK", SPAWN_TEMPLATE_SPAWN_UMASK as u64),
        ("SPAWN_TEMPLATE_SPAWN_SETUID", SPAWN_TEMPLATE_SPAWN_SETUID as u64),
        ("SPAWN_TEMPLATE_SPAWN_SETGID", SPAWN_TEMPLATE_SPAWN_SETGID as u64),
        ("SPAWN_TEMPLATE_SPAWN_SETGROUPS", SPAWN_TEMPLATE_SPAWN_SETGROUPS as u64),
        ("SPAWN_TEMPLATE_SPAWN_NICE", SPAWN_TEMPLATE_SPAWN_NICE as u64),
        ("SPAWN_TEMPLATE_SPAWN_NO_NEW_PRIVS", SPAWN_TEMPLATE_SPAWN_NO_NEW_PRIVS as u64),
        ("SPAWN_TEMPLATE_SPAWN_DIE_WITH_PARENT", SPAWN_TEMPLATE_SPAWN_DIE_WITH_PARENT as u64),
        ("SPAWN_TEMPLATE_SPAWN_KEEP_SIGPIPE", SPAWN_TEMPLATE_SPAWN_KEEP_SIGPIPE as u64),
        ("SPAWN_TEMPLATE_SPAWN_LANDLOCK", SPAWN_TEMPLATE_SPAWN_LANDLOCK as u64),
        ("SPAWN_TEMPLATE_SPAWN_SECCOMP", SPAWN_TEMPLATE_SPAWN_SECCOMP as u64),
        ("SPAWN_TEMPLATE_SPAWN_ARGS_SIZE_VER0", SPAWN_TEMPLATE_SPAWN_ARGS_SIZE_VER0 as u64),
        ("SPAWN_TEMPLATE_SPAWN_ARGS_SIZE_VER1", SPAWN_TEMPLATE_SPAWN_ARGS_SIZE_VER1 as u64),
        ("SPAWN_TEMPLATE_SPAWN_ARGS_SIZE_VER2", SPAWN_TEMPLATE_SPAWN_ARGS_SIZE_VER2 as u64),
        ("SPAWN_TEMPLATE_STATE_FRESH", SPAWN_TEMPLATE_STATE_FRESH as u64),
        ("SPAWN_TEMPLATE_STATE_STALE", SPAWN_TEMPLATE_STATE_STALE as u64),
        ("SPAWN_TEMPLATE_STALE_FILE_CHANGED", SPAWN_TEMPLATE_STALE_FILE_CHANGED as u64),
        ("SPAWN_TEMPLATE_STALE_PATH_GONE", SPAWN_TEMPLATE_STALE_PATH_GONE as u64),
        ("SPAWN_TEMPLATE_STALE_PATH_REPLACED", SPAWN_TEMPLATE_STALE_PATH_REPLACED as u64),
        ("SPAWN_TEMPLATE_STALE_GUARD", SPAWN_TEMPLATE_STALE_GUARD as u64),
        ("SPAWN_TEMPLATE_GUARD_WHY_UNKNOWN", SPAWN_TEMPLATE_GUARD_WHY_UNKNOWN as u64),
        ("SPAWN_TEMPLATE_GUARD_WHY_IDENTITY", SPAWN_TEMPLATE_GUARD_WHY_IDENTITY as u64),
        ("SPAWN_TEMPLATE_GUARD_WHY_HEADER", SPAWN_TEMPLATE_GUARD_WHY_HEADER as u64),
        ("SPAWN_TEMPLATE_GUARD_WHY_OPENED", SPAWN_TEMPLATE_GUARD_WHY_OPENED as u64),
        ("SPAWN_TEMPLATE_GUARD_WHY_ATTRIBUTES", SPAWN_TEMPLATE_GUARD_WHY_ATTRIBUTES as u64),
        ("SPAWN_TEMPLATE_GUARD_WHY_FILE", SPAWN_TEMPLATE_GUARD_WHY_FILE as u64),
        ("SPAWN_TEMPLATE_GUARD_WHY_PROCESS", SPAWN_TEMPLATE_GUARD_WHY_PROCESS as u64),
        ("SPAWN_TEMPLATE_GUARD_WHY_CREDENTIALS", SPAWN_TEMPLATE_GUARD_WHY_CREDENTIALS as u64),
        ("SPAWN_TEMPLATE_GUARD_WHY_CLOSED", SPAWN_TEMPLATE_GUARD_WHY_CLOSED as u64),
        ("SPAWN_TEMPLATE_FORMAT_UNKNOWN", SPAWN_TEMPLATE_FORMAT_UNKNOWN as u64),
        ("SPAWN_TEMPLATE_FORMAT_ELF", SPAWN_TEMPLATE_FORMAT_ELF as u64),
        ("SPAWN_TEMPLATE_FORMAT_SCRIPT", SPAWN_TEMPLATE_FORMAT_SCRIPT as u64),
        ("SPAWN_TEMPLATE_FORMAT_OTHER", SPAWN_TEMPLATE_FORMAT_OTHER as u64),
        ("SPAWN_TEMPLATE_LAUNCH_BY_FD", SPAWN_TEMPLATE_LAUNCH_BY_FD as u64),
        ("SPAWN_TEMPLATE_LAUNCH_BY_PATH", SPAWN_TEMPLATE_LAUNCH_BY_PATH as u64),
        ("SPAWN_TEMPLATE_BY_PATH_SCRIPT", SPAWN_TEMPLATE_BY_PATH_SCRIPT as u64),
        ("SPAWN_TEMPLATE_BY_PATH_KERNEL", SPAWN_TEMPLATE_BY_PATH_KERNEL as u64),
        ("SPAWN_TEMPLATE_BY_PATH_NAME", SPAWN_TEMPLATE_BY_PATH_NAME as u64),
        ("SPAWN_TEMPLATE_BY_PATH_HARD_LINK", SPAWN_TEMPLATE_BY_PATH_HARD_LINK as u64),
        ("SPAWN_TEMPLATE_BY_PATH_FORMAT", SPAWN_TEMPLATE_BY_PATH_FORMAT as u64),
        ("SPAWN_TEMPLATE_BY_PATH_EXECVEAT", SPAWN_TEMPLATE_BY_PATH_EXECVEAT as u64),
        ("SPAWN_TEMPLATE_BY_PATH_EXECFN", SPAWN_TEMPLATE_BY_PATH_EXECFN as u64),
        ("SPAWN_TEMPLATE_BY_PATH_BINFMT", SPAWN_TEMPLATE_BY_PATH_BINFMT as u64),
        ("SPAWN_TEMPLATE_ELF_DYNAMIC", SPAWN_TEMPLATE_ELF_DYNAMIC as u64),
        ("SPAWN_TEMPLATE_ELF_PIE", SPAWN_TEMPLATE_ELF_PIE as u64),
        ("SPAWN_TEMPLATE_FALLBACK_CLONE", SPAWN_TEMPLATE_FALLBACK_CLONE as u64),
        ("SPAWN_TEMPLATE_FALLBACK_PIDFD", SPAWN_TEMPLATE_FALLBACK_PIDFD as u64),
        ("SPAWN_TEMPLATE_FALLBACK_RANGES", SPAWN_TEMPLATE_FALLBACK_RANGES as u64),
        ("SPAWN_TEMPLATE_FALLBACK_PROC_FD", SPAWN_TEMPLATE_FALLBACK_PROC_FD as u64),
        ("SPAWN_TEMPLATE_FALLBACK_PATH", SPAWN_TEMPLATE_FALLBACK_PATH as u64),
        ("SPAWN_TEMPLATE_FALLBACK_TEXT_BUSY", SPAWN_TEMPLATE_FALLBACK_TEXT_BUSY as u64),
        ("SPAWN_TEMPLATE_FALLBACK_FORK", SPAWN_TEMPLATE_FALLBACK_FORK as u64),
        ("SPAWN_TEMPLATE_FALLBACKS_MAX", SPAWN_TEMPLATE_FALLBACKS_MAX as u64),
        ("SPAWN_TEMPLATE_COLD_FIRST", SPAWN_TEMPLATE_COLD_FIRST as u64),
        ("SPAWN_TEMPLATE_COLD_NOT_READY", SPAWN_TEMPLATE_COLD_NOT_READY as u64),
        ("SPAWN_TEMPLATE_COLD_BUSY", SPAWN_TEMPLATE_COLD_BUSY as u64),
        ("SPAWN_TEMPLATE_COLD_FLAGS", SPAWN_TEMPLATE_COLD_FLAGS as u64),
        ("SPAWN_TEMPLATE_COLD_DESCRIPTORS", SPAWN_TEMPLATE_COLD_DESCRIPTORS as u64),
        ("SPAWN_TEMPLATE_COLD_ARGV0", SPAWN_TEMPLATE_COLD_ARGV0 as u64),
        ("SPAWN_TEMPLATE_COLD_ENVIRONMENT", SPAWN_TEMPLATE_COLD_ENVIRONMENT as u64),
        ("SPAWN_TEMPLATE_COLD_FILES", SPAWN_TEMPLATE_COLD_FILES as u64),
        ("SPAWN_TEMPLATE_COLD_INHERITED", SPAWN_TEMPLATE_COLD_INHERITED as u64),
        ("SPAWN_TEMPLATE_COLD_SANDBOX", SPAWN_TEMPLATE_COLD_SANDBOX as u64),
        ("SPAWN_TEMPLATE_COLD_PROGRAM", SPAWN_TEMPLATE_COLD_PROGRAM as u64),
        ("SPAWN_TEMPLATE_COLD_LOST", SPAWN_TEMPLATE_COLD_LOST as u64),
        ("SPAWN_TEMPLATE_COLD_GUARDED", SPAWN_TEMPLATE_COLD_GUARDED as u64),
        ("SPAWN_TEMPLATE_COLD_COMMAND", SPAWN_TEMPLATE_COLD_COMMAND as u64),
        ("SPAWN_TEMPLATE_COLD_REASONS_MAX", SPAWN_TEMPLATE_COLD_REASONS_MAX as u64),
        ("SPAWN_TEMPLATE_PATH_MAX", SPAWN_TEMPLATE_PATH_MAX as u64),
        ("SPAWN_TEMPLATE_STAT_SIZE_VER0", SPAWN_TEMPLATE_STAT_SIZE_VER0 as u64),
        ("SPAWN_TEMPLATE_STAT_SIZE_VER1", SPAWN_TEMPLATE_STAT_SIZE_VER1 as u64),
        ("SPAWN_TEMPLATE_STAT_SIZE_VER2", SPAWN_TEMPLATE_STAT_SIZE_VER2 as u64),
        ("SPAWN_TEMPLATE_RUN_MERGE_STDERR", SPAWN_TEMPLATE_RUN_MERGE_STDERR as u64),
        ("SPAWN_TEMPLATE_RUN_NO_CAPTURE", SPAWN_TEMPLATE_RUN_NO_CAPTURE as u64),
        ("SPAWN_TEMPLATE_RUN_CGROUP", SPAWN_TEMPLATE_RUN_CGROUP as u64),
        ("SPAWN_TEMPLATE_RUN_SUPERVISE", SPAWN_TEMPLATE_RUN_SUPERVISE as u64),
        ("SPAWN_TEMPLATE_RUN_STREAM", SPAWN_TEMPLATE_RUN_STREAM as u64),
        ("SPAWN_TEMPLATE_RUN_OPEN_INPUT", SPAWN_TEMPLATE_RUN_OPEN_INPUT as u64),
        ("SPAWN_TEMPLATE_RUN_PTY", SPAWN_TEMPLATE_RUN_PTY as u64),
        ("SPAWN_TEMPLATE_RUN_TAIL", SPAWN_TEMPLATE_RUN_TAIL as u64),
        ("SPAWN_TEMPLATE_RUN_SPILL", SPAWN_TEMPLATE_RUN_SPILL as u64),
        ("SPAWN_TEMPLATE_RUN_DETACH_ON_TIMEOUT", SPAWN_TEMPLATE_RUN_DETACH_ON_TIMEOUT as u64),
        ("SPAWN_TEMPLATE_RUN_END_LEFTOVERS", SPAWN_TEMPLATE_RUN_END_LEFTOVERS as u64),
        ("SPAWN_TEMPLATE_RUN_LIMITS", SPAWN_TEMPLATE_RUN_LIMITS as u64),
        ("SPAWN_TEMPLATE_RUN_NO_ECHO", SPAWN_TEMPLATE_RUN_NO_ECHO as u64),
        ("SPAWN_TEMPLATE_RUN_SAME_GROUP", SPAWN_TEMPLATE_RUN_SAME_GROUP as u64),
        ("SPAWN_TEMPLATE_RUN_TELL_START", SPAWN_TEMPLATE_RUN_TELL_START as u64),
        ("SPAWN_TEMPLATE_RUN_TELL_ROOM", SPAWN_TEMPLATE_RUN_TELL_ROOM as u64),
        ("SPAWN_TEMPLATE_RUN_END_WITH_CALLER", SPAWN_TEMPLATE_RUN_END_WITH_CALLER as u64),
        ("SPAWN_TEMPLATE_RUN_RAW", SPAWN_TEMPLATE_RUN_RAW as u64),
        ("SPAWN_TEMPLATE_RUN_KEEP_LEFTOVERS", SPAWN_TEMPLATE_RUN_KEEP_LEFTOVERS as u64),
        ("SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER0", SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER0 as u64),
        ("SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER1", SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER1 as u64),
        ("SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER2", SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER2 as u64),
        ("SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER3", SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER3 as u64),
        ("SPAWN_TEMPLATE_RUN_MAX_OUTPUT", SPAWN_TEMPLATE_RUN_MAX_OUTPUT as u64),
        ("SPAWN_TEMPLATE_RUN_MAX_UNSEEN", SPAWN_TEMPLATE_RUN_MAX_UNSEEN as u64),
        ("SPAWN_TEMPLATE_RESULT_TIMED_OUT", SPAWN_TEMPLATE_RESULT_TIMED_OUT as u64),
        ("SPAWN_TEMPLATE_RESULT_OUT_TRUNCATED", SPAWN_TEMPLATE_RESULT_OUT_TRUNCATED as u64),
        ("SPAWN_TEMPLATE_RESULT_ERR_TRUNCATED", SPAWN_TEMPLATE_RESULT_ERR_TRUNCATED as u64),
        ("SPAWN_TEMPLATE_RESULT_TREE_KILLED", SPAWN_TEMPLATE_RESULT_TREE_KILLED as u64),
        ("SPAWN_TEMPLATE_RESULT_PIPE_HELD", SPAWN_TEMPLATE_RESULT_PIPE_HELD as u64),
        ("SPAWN_TEMPLATE_RESULT_STATUS_LOST", SPAWN_TEMPLATE_RESULT_STATUS_LOST as u64),
        ("SPAWN_TEMPLATE_RESULT_CGROUP", SPAWN_TEMPLATE_RESULT_CGROUP as u64),
        ("SPAWN_TEMPLATE_RESULT_IDLE", SPAWN_TEMPLATE_RESULT_IDLE as u64),
        ("SPAWN_TEMPLATE_RESULT_OOM", SPAWN_TEMPLATE_RESULT_OOM as u64),
        ("SPAWN_TEMPLATE_RESULT_DETACHED", SPAWN_TEMPLATE_RESULT_DETACHED as u64),
        ("SPAWN_TEMPLATE_RESULT_NOT_KILLED", SPAWN_TEMPLATE_RESULT_NOT_KILLED as u64),
        ("SPAWN_TEMPLATE_RESULT_SPILLED", SPAWN_TEMPLATE_RESULT_SPILLED as u64),
        ("SPAWN_TEMPLATE_RESULT_LEFTOVERS", SPAWN_TEMPLATE_RESULT_LEFTOVERS as u64),
        ("SPAWN_TEMPLATE_RESULT_WARM", SPAWN_TEMPLATE_RESULT_WARM as u64),
        ("SPAWN_TEMPLATE_RESULT_UNSEEN", SPAWN_TEMPLATE_RESULT_UNSEEN as u64),
        ("SPAWN_TEMPLATE_RESULT_SIZE_VER0", SPAWN_TEMPLATE_RESULT_SIZE_VER0 as u64),
        ("SPAWN_TEMPLATE_RESULT_SIZE_VER1", SPAWN_TEMPLATE_RESULT_SIZE_VER1 as u64),
        ("SPAWN_TEMPLATE_RESULT_SIZE_VER2", SPAWN_TEMPLATE_RESULT_SIZE_VER2 as u64),
        ("SPAWN_TEMPLATE_KILL_TREE", SPAWN_TEMPLATE_KILL_TREE as u64),
        ("SPAWN_TEMPLATE_CHILD_SIZE_VER0", SPAWN_TEMPLATE_CHILD_SIZE_VER0 as u64),
        ("SPAWN_TEMPLATE_RING_PARAMS_SIZE_VER0", SPAWN_TEMPLATE_RING_PARAMS_SIZE_VER0 as u64),
        ("SPAWN_TEMPLATE_RING_ENTRIES_MAX", SPAWN_TEMPLATE_RING_ENTRIES_MAX as u64),
        ("SPAWN_TEMPLATE_RING_THREADS_MAX", SPAWN_TEMPLATE_RING_THREADS_MAX as u64),
        ("SPAWN_TEMPLATE_CQE_END", SPAWN_TEMPLATE_CQE_END as u64),
        ("SPAWN_TEMPLATE_CQE_OUT", SPAWN_TEMPLATE_CQE_OUT as u64),
        ("SPAWN_TEMPLATE_CQE_ERR", SPAWN_TEMPLATE_CQE_ERR as u64),
        ("SPAWN_TEMPLATE_CQE_DETACHED", SPAWN_TEMPLATE_CQE_DETACHED as u64),
        ("SPAWN_TEMPLATE_CQE_ROOM", SPAWN_TEMPLATE_CQE_ROOM as u64),
        ("SPAWN_TEMPLATE_CQE_STARTED", SPAWN_TEMPLATE_CQE_STARTED as u64),
        ("SPAWN_TEMPLATE_RING_MAX_INPUT", SPAWN_TEMPLATE_RING_MAX_INPUT as u64),
        ("SPAWN_TEMPLATE_CACHE_PARAMS_SIZE_VER0", SPAWN_TEMPLATE_CACHE_PARAMS_SIZE_VER0 as u64),
        ("SPAWN_TEMPLATE_CACHE_PARAMS_SIZE_VER1", SPAWN_TEMPLATE_CACHE_PARAMS_SIZE_VER1 as u64),
        ("SPAWN_TEMPLATE_CACHE_ENTRIES", SPAWN_TEMPLATE_CACHE_ENTRIES as u64),
        ("SPAWN_TEMPLATE_CACHE_ENTRIES_MAX", SPAWN_TEMPLATE_CACHE_ENTRIES_MAX as u64),
        ("SPAWN_TEMPLATE_CACHE_STAT_SIZE_VER0", SPAWN_TEMPLATE_CACHE_STAT_SIZE_VER0 as u64),
        ("SPAWN_TEMPLATE_SANDBOX_NO_NET", SPAWN_TEMPLATE_SANDBOX_NO_NET as u64),
        ("SPAWN_TEMPLATE_SANDBOX_CONNECT", SPAWN_TEMPLATE_SANDBOX_CONNECT as u64),
        ("SPAWN_TEMPLATE_SANDBOX_BIND", SPAWN_TEMPLATE_SANDBOX_BIND as u64),
        ("SPAWN_TEMPLATE_SANDBOX_SIGNALS", SPAWN_TEMPLATE_SANDBOX_SIGNALS as u64),
        ("SPAWN_TEMPLATE_SANDBOX_ABSTRACT", SPAWN_TEMPLATE_SANDBOX_ABSTRACT as u64),
        ("SPAWN_TEMPLATE_SANDBOX_NO_DEVICES", SPAWN_TEMPLATE_SANDBOX_NO_DEVICES as u64),
        ("SPAWN_TEMPLATE_SANDBOX_BEST_EFFORT", SPAWN_TEMPLATE_SANDBOX_BEST_EFFORT as u64),
        ("SPAWN_TEMPLATE_SANDBOX_LOST_FILES", SPAWN_TEMPLATE_SANDBOX_LOST_FILES as u64),
        ("SPAWN_TEMPLATE_SANDBOX_LOST_TRUNCATE", SPAWN_TEMPLATE_SANDBOX_LOST_TRUNCATE as u64),
        ("SPAWN_TEMPLATE_SANDBOX_LOST_TCP", SPAWN_TEMPLATE_SANDBOX_LOST_TCP as u64),
        ("SPAWN_TEMPLATE_SANDBOX_LOST_SIGNALS", SPAWN_TEMPLATE_SANDBOX_LOST_SIGNALS as u64),
        ("SPAWN_TEMPLATE_SANDBOX_LOST_ABSTRACT", SPAWN_TEMPLATE_SANDBOX_LOST_ABSTRACT as u64),
        ("SPAWN_TEMPLATE_SANDBOX_LOST_NET", SPAWN_TEMPLATE_SANDBOX_LOST_NET as u64),
        ("SPAWN_TEMPLATE_SANDBOX_LOST_RENAME", SPAWN_TEMPLATE_SANDBOX_LOST_RENAME as u64),
        ("SPAWN_TEMPLATE_SANDBOX_LOST_IOCTL", SPAWN_TEMPLATE_SANDBOX_LOST_IOCTL as u64),
        ("SPAWN_TEMPLATE_SANDBOX_LOST_SOCKETS", SPAWN_TEMPLATE_SANDBOX_LOST_SOCKETS as u64),
        ("SPAWN_TEMPLATE_SANDBOX_LOST_MINOR", SPAWN_TEMPLATE_SANDBOX_LOST_MINOR as u64),
        ("SPAWN_TEMPLATE_SANDBOX_ARGS_SIZE_VER0", SPAWN_TEMPLATE_SANDBOX_ARGS_SIZE_VER0 as u64),
    ]
}
