// SPDX-License-Identifier: BSD-2-Clause
//! The result of a run: how it ended, its output, what it used.

use spawn_template_sys as sys;
use std::ops::Deref;
use std::os::raw::{c_char, c_int, c_void};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::ptr::null_mut;
use std::time::Duration;
use std::{fmt, slice};

/// Output that the library has captured. It is not copied. It dereferences to `[u8]`.
pub struct Captured {
    data: *mut c_char,
    len: usize,
}

// SAFETY: it is a block of memory, like a Vec
unsafe impl Send for Captured {}
// SAFETY: as above
unsafe impl Sync for Captured {}

impl Captured {
    /// The text, with U+FFFD for what is no UTF-8.
    pub fn to_string_lossy(&self) -> String {
        String::from_utf8_lossy(self).into_owned()
    }
}

impl Deref for Captured {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the library has made it of this length
        unsafe { bytes(self.data.cast(), self.len) }
    }
}

impl AsRef<[u8]> for Captured {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Drop for Captured {
    fn drop(&mut self) {
        // SAFETY: the header says that free(3) frees it
        unsafe { libc::free(self.data.cast()) };
    }
}

impl fmt::Debug for Captured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.escape_ascii())
    }
}

/// The bytes at an address, or none at a null pointer.
///
/// # Safety
/// There are `len` bytes, which nobody changes or frees for the lifetime of the slice.
pub(crate) unsafe fn bytes<'a>(data: *const c_void, len: usize) -> &'a [u8] {
    if data.is_null() {
        return &[];
    }
    // SAFETY: the caller's promise
    unsafe { slice::from_raw_parts(data.cast(), len) }
}

/// How a run ended.
#[must_use]
#[derive(Debug)]
pub struct RunResult {
    /// What the program wrote to stdout; empty if it was not captured.
    pub stdout: Captured,
    /// What the program wrote to stderr; empty if it was not captured.
    pub stderr: Captured,
    captured: bool,
    code: i32,
    signal: i32,
    flags: u32,
    out_total: u64,
    err_total: u64,
    leftovers: u32,
    memory_peak: u64,
    cpu_us: u64,
    spawn_ns: u64,
    total_ns: u64,
    usage: Usage,
}

/// What a program and its reaped children used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// CPU time in user mode.
    pub user: Duration,
    /// CPU time in the kernel.
    pub system: Duration,
    /// Peak resident memory in KiB.
    pub max_rss_kib: u64,
    /// Page faults without I/O.
    pub minor_faults: u64,
    /// Page faults with I/O.
    pub major_faults: u64,
    /// Voluntary context switches.
    pub voluntary_switches: u64,
    /// Involuntary context switches.
    pub involuntary_switches: u64,
}

impl RunResult {
    /// Has a call fill in a result. The error is the call's -errno.
    pub(crate) fn filled_by(
        call: impl FnOnce(*mut sys::spawn_template_result, usize) -> c_int,
    ) -> Result<RunResult, c_int> {
        // SAFETY: numbers and pointers may all be zero
        let mut c: sys::spawn_template_result = unsafe { std::mem::zeroed() };
        let size = std::mem::size_of_val(&c);
        match call(&mut c, size) {
            ret if ret < 0 => Err(ret),
            // SAFETY: the library has filled it in
            _ => Ok(unsafe { RunResult::take(&mut c) }),
        }
    }

    /// Takes what is in a C result, and leaves it without output.
    ///
    /// # Safety
    /// The library has filled in the result.
    pub(crate) unsafe fn take(c: &mut sys::spawn_template_result) -> RunResult {
        let captured = !c.out.is_null();
        let out = Captured {
            data: std::mem::replace(&mut c.out, null_mut()),
            len: c.out_len,
        };
        let err = Captured {
            data: std::mem::replace(&mut c.err, null_mut()),
            len: c.err_len,
        };
        RunResult {
            stdout: out,
            stderr: err,
            captured,
            code: c.code,
            signal: c.signal,
            flags: c.flags,
            out_total: c.out_total,
            err_total: c.err_total,
            leftovers: c.leftovers,
            memory_peak: c.memory_peak,
            cpu_us: c.cpu_us,
            spawn_ns: c.spawn_ns,
            total_ns: c.total_ns,
            usage: Usage {
                user: Duration::from_micros(c.user_us),
                system: Duration::from_micros(c.system_us),
                max_rss_kib: c.max_rss_kib,
                minor_faults: c.minor_faults,
                major_faults: c.major_faults,
                voluntary_switches: c.voluntary_switches,
                involuntary_switches: c.involuntary_switches,
            },
        }
    }

    /// Whether the program exited with code 0.
    pub fn success(&self) -> bool {
        self.code == 0
    }

    /// The exit code, if the program exited.
    pub fn code(&self) -> Option<i32> {
        (self.code >= 0).then_some(self.code)
    }

    /// The signal, if one ended the program.
    pub fn signal(&self) -> Option<i32> {
        (self.signal >= 0).then_some(self.signal)
    }

    /// The status, unless another part of the process has reaped the program.
    pub fn status(&self) -> Option<ExitStatus> {
        let raw = self.code().map(|code| code << 8).or_else(|| self.signal());
        raw.map(ExitStatus::from_raw)
    }

    /// Whether stdout was captured.
    pub fn captured(&self) -> bool {
        self.captured
    }

    fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    /// `SPAWN_TEMPLATE_RESULT_*` of the crate `spawn_template-sys`.
    pub fn flags(&self) -> u32 {
        self.flags
    }

    /// The time was up: [`RunOptions::timeout`](crate::RunOptions::timeout) or
    /// `idle_timeout`.
    pub fn timed_out(&self) -> bool {
        self.has(sys::SPAWN_TEMPLATE_RESULT_TIMED_OUT)
    }

    /// The time without output was up.
    pub fn idle(&self) -> bool {
        self.has(sys::SPAWN_TEMPLATE_RESULT_IDLE)
    }

    /// There was more output than `max_output`.
    pub fn stdout_truncated(&self) -> bool {
        self.has(sys::SPAWN_TEMPLATE_RESULT_OUT_TRUNCATED)
    }

    /// There was more output to stderr than `max_output`.
    pub fn stderr_truncated(&self) -> bool {
        self.has(sys::SPAWN_TEMPLATE_RESULT_ERR_TRUNCATED)
    }

    /// The tree got SIGKILL.
    pub fn tree_killed(&self) -> bool {
        self.has(sys::SPAWN_TEMPLATE_RESULT_TREE_KILLED)
    }

    /// Another process held the output open when the program had ended.
    pub fn pipe_held(&self) -> bool {
        self.has(sys::SPAWN_TEMPLATE_RESULT_PIPE_HELD)
    }

    /// Another part of the process has reaped the program: there is no code and no signal.
    pub fn status_lost(&self) -> bool {
        self.has(sys::SPAWN_TEMPLATE_RESULT_STATUS_LOST)
    }

    /// The run had a cgroup of its own.
    pub fn had_cgroup(&self) -> bool {
        self.has(sys::SPAWN_TEMPLATE_RESULT_CGROUP)
    }

    /// The kernel ended the tree, or part of it, since memory was short.
    pub fn oom(&self) -> bool {
        self.has(sys::SPAWN_TEMPLATE_RESULT_OOM)
    }

    /// The most memory that the tree used, in bytes, if it had limits and the kernel knows.
    pub fn memory_peak(&self) -> Option<u64> {
        (self.memory_peak != 0).then_some(self.memory_peak)
    }

    /// The CPU time of the whole tree, if it had limits.
    pub fn cpu_time(&self) -> Option<Duration> {
        (self.cpu_us != 0).then(|| Duration::from_micros(self.cpu_us))
    }

    /// A prepared process served the run.
    pub fn warm(&self) -> bool {
        self.has(sys::SPAWN_TEMPLATE_RESULT_WARM)
    }

    /// The run went on at its first deadline: `Ring::run_or_detach`.
    pub fn detached(&self) -> bool {
        self.has(sys::SPAWN_TEMPLATE_RESULT_DETACHED)
    }

    /// The output that was too long is in the files.
    pub fn spilled(&self) -> bool {
        self.has(sys::SPAWN_TEMPLATE_RESULT_SPILLED)
    }

    /// Bytes that were read from stdout, kept or not.
    pub fn stdout_total(&self) -> u64 {
        self.out_total
    }

    /// Bytes that were read from stderr, kept or not.
    pub fn stderr_total(&self) -> u64 {
        self.err_total
    }

    /// The program lives on, since the caller may not signal it: it has become another
    /// user's.
    pub fn not_killed(&self) -> bool {
        self.has(sys::SPAWN_TEMPLATE_RESULT_NOT_KILLED)
    }

    /// Nobody could look for processes that the program left: there is no `/proc` that shows it,
    /// and no cgroup.
    pub fn unseen(&self) -> bool {
        self.has(sys::SPAWN_TEMPLATE_RESULT_UNSEEN)
    }

    /// Processes that the program left, with
    /// [`RunOptions::end_leftovers`](crate::RunOptions::end_leftovers); 0 also if they are
    /// [`unseen`](RunResult::unseen).
    pub fn leftovers(&self) -> u32 {
        self.leftovers
    }

    /// Time until the program had passed exec.
    pub fn spawn_time(&self) -> Duration {
        Duration::from_nanos(self.spawn_ns)
    }

    /// Time until the program had ended and all was read.
    pub fn total_time(&self) -> Duration {
        Duration::from_nanos(self.total_ns)
    }

    /// What the program used.
    pub fn usage(&self) -> Usage {
        self.usage
    }
}
