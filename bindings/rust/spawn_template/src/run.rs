// SPDX-License-Identifier: BSD-2-Clause
//! Runs: a program is launched, fed, read and ended, its whole tree with it.

use crate::command::Command;
use crate::launch::{Launch, Stdin};
use crate::result::{bytes, RunResult};
use crate::stdio::Kind;
use spawn_template_sys as sys;
use std::any::Any;
use std::io;
use std::ops::ControlFlow;
use std::os::raw::{c_int, c_void};
use std::os::unix::io::{AsRawFd, OwnedFd};
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Duration;

/// The input, the limits and the ends of a run: see spawn_template_run(3).
///
/// ```
/// use spawn_template::{Command, RunOptions};
/// use std::time::Duration;
///
/// let options = RunOptions::new()
///     .input("b\na\n")
///     .timeout(Duration::from_secs(10))
///     .max_output(1 << 20);
/// let result = Command::new("sort").run(&options)?;
/// assert!(result.success());
/// assert_eq!(&result.stdout[..], b"a\nb\n");
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use]
#[derive(Clone, Debug)]
pub struct RunOptions {
    pub(crate) c: Settings,
    pub(crate) input: Arc<[u8]>,
    cgroup_parent: Option<Arc<OwnedFd>>,
    spill: Option<Arc<OwnedFd>>,
}

/// The members of the structure that are numbers, for a run without its launch.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Settings {
    pub max_output: u64,
    pub timeout_ns: u64,
    pub grace_ns: u64,
    pub flags: u32,
    pub held_quiet_ns: u64,
    pub held_most_ns: u64,
    pub idle_timeout_ns: u64,
    pub tail_output: u64,
    pub winsize: u32,
    pub memory_max: u64,
    pub memory_swap_max: u64,
    pub cpu_max_us: u64,
    pub pids_max: u32,
    pub cpu_weight: u32,
    pub io_weight: u32,
}

/// A stream of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// stdout, and stderr with [`RunOptions::merge_stderr`].
    Stdout,
    /// stderr.
    Stderr,
}

impl Default for RunOptions {
    fn default() -> Self {
        RunOptions::new()
    }
}

impl RunOptions {
    /// No input, no time limit, 16 MiB of each stream are kept.
    pub fn new() -> RunOptions {
        RunOptions {
            c: Settings::default(),
            input: Arc::new([]),
            cgroup_parent: None,
            spill: None,
        }
    }

    fn flag(mut self, flag: u32, on: bool) -> Self {
        self.c.flags = if on {
            self.c.flags | flag
        } else {
            self.c.flags & !flag
        };
        self
    }

    /// Bytes for stdin. Without any, stdin is `/dev/null`.
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into().into();
        self
    }

    /// The tree stays in the caller's session and process group, and can use the caller's
    /// terminal. The end of the run sends that group no signal: what the program leaves is
    /// [`unseen`](RunResult::unseen), unless the run has a cgroup or is supervised. Not
    /// together with [`pty`](RunOptions::pty), [`Command::setsid`] or `process_group`.
    pub fn same_group(self, on: bool) -> Self {
        self.flag(sys::SPAWN_TEMPLATE_RUN_SAME_GROUP, on)
    }

    /// A ring tells when the program runs, and its pid: `Running::started`. Other runs
    /// refuse this.
    pub fn tell_start(self, on: bool) -> Self {
        self.flag(sys::SPAWN_TEMPLATE_RUN_TELL_START, on)
    }

    /// Bytes to keep of each stream. The rest is read and dropped.
    pub fn max_output(mut self, bytes: u64) -> Self {
        self.c.max_output = bytes.max(1);
        self
    }

    /// Keep the first bytes of a stream and the last `bytes`, of `max_output` in all.
    pub fn tail_output(mut self, bytes: u64) -> Self {
        self.c.tail_output = bytes;
        self.flag(sys::SPAWN_TEMPLATE_RUN_TAIL, true)
    }

    /// Time until the tree is ended, from the launch on.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.c.timeout_ns = at_least_one(time);
        self
    }

    /// Time without output until the tree is ended.
    pub fn idle_timeout(mut self, time: Duration) -> Self {
        self.c.idle_timeout_ns = at_least_one(time);
        self
    }

    /// Time from SIGTERM to SIGKILL when the tree is ended. Zero: SIGKILL at once.
    pub fn grace(mut self, time: Duration) -> Self {
        self.c.grace_ns = nanoseconds(time);
        self
    }

    /// Time without output that ends the reading, when the program has ended, but another
    /// process holds its output open.
    pub fn held_quiet(mut self, time: Duration) -> Self {
        self.c.held_quiet_ns = at_least_one(time);
        self
    }

    /// Time in all until such reading ends.
    pub fn held_most(mut self, time: Duration) -> Self {
        self.c.held_most_ns = at_least_one(time);
        self
    }

    /// stderr joins stdout, in the order written.
    pub fn merge_stderr(self, on: bool) -> Self {
        self.flag(sys::SPAWN_TEMPLATE_RUN_MERGE_STDERR, on)
    }

    /// false: the program has the caller's own stdout and stderr.
    pub fn capture(self, on: bool) -> Self {
        self.flag(sys::SPAWN_TEMPLATE_RUN_NO_CAPTURE, !on)
    }

    /// Gives the tree a cgroup of its own, if the caller may make one.
    pub fn cgroup(self, on: bool) -> Self {
        self.flag(sys::SPAWN_TEMPLATE_RUN_CGROUP, on)
    }

    /// Gives the tree a cgroup below this directory of cgroup v2.
    pub fn cgroup_below(mut self, directory: impl Into<OwnedFd>) -> Self {
        self.cgroup_parent = Some(Arc::new(directory.into()));
        self.cgroup(true)
    }

    /// The tree ends when the caller ends, whatever ends the caller, except for daemons.
    /// For runs of a ring, where it costs nothing; [`Command::die_with_parent`] ends the
    /// program alone.
    pub fn end_with_caller(self, on: bool) -> Self {
        self.flag(sys::SPAWN_TEMPLATE_RUN_END_WITH_CALLER, on)
    }

    /// The tree ends when the caller ends, whatever ends the caller, and no daemon escapes:
    /// by a cgroup, or by a process between.
    pub fn supervise(self, on: bool) -> Self {
        self.flag(sys::SPAWN_TEMPLATE_RUN_SUPERVISE, on)
    }

    /// Ends the processes that the program leaves in its tree.
    pub fn end_leftovers(self, on: bool) -> Self {
        self.flag(sys::SPAWN_TEMPLATE_RUN_END_LEFTOVERS, on)
    }

    /// Limits the memory of the tree. Above it the kernel ends the tree:
    /// [`RunResult::oom`]. This and the limits below need a cgroup, and imply
    /// [`end_leftovers`](RunOptions::end_leftovers).
    pub fn memory_max(mut self, bytes: u64) -> Self {
        self.c.memory_max = bytes.max(1);
        self.flag(sys::SPAWN_TEMPLATE_RUN_LIMITS, true)
    }

    /// Limits the swap space of the tree, which has none by default with
    /// [`memory_max`](RunOptions::memory_max); `u64::MAX`: no limit.
    pub fn memory_swap_max(mut self, bytes: u64) -> Self {
        self.c.memory_swap_max = bytes;
        self.flag(sys::SPAWN_TEMPLATE_RUN_LIMITS, true)
    }

    /// CPU time that the tree may use in each 100 ms; at least 1 ms.
    pub fn cpu_max(mut self, time: Duration) -> Self {
        self.c.cpu_max_us = u64::try_from(time.as_micros())
            .unwrap_or(u64::MAX)
            .max(1000);
        self.flag(sys::SPAWN_TEMPLATE_RUN_LIMITS, true)
    }

    /// Limits the number of processes and threads in the tree.
    pub fn pids_max(mut self, number: u32) -> Self {
        self.c.pids_max = number.max(1);
        self.flag(sys::SPAWN_TEMPLATE_RUN_LIMITS, true)
    }

    /// The share of CPU time that the tree gets, 1 to 10000; others have 100.
    pub fn cpu_weight(mut self, weight: u32) -> Self {
        self.c.cpu_weight = weight;
        self.flag(sys::SPAWN_TEMPLATE_RUN_LIMITS, true)
    }

    /// The share of I/O that the tree gets, 1 to 10000; others have 100.
    pub fn io_weight(mut self, weight: u32) -> Self {
        self.c.io_weight = weight;
        self.flag(sys::SPAWN_TEMPLATE_RUN_LIMITS, true)
    }

    /// stdin, stdout and stderr are a new terminal of this size.
    pub fn pty(mut self, rows: u16, columns: u16) -> Self {
        self.c.winsize = sys::SPAWN_TEMPLATE_WINSIZE(rows, columns);
        self.flag(sys::SPAWN_TEMPLATE_RUN_PTY, true)
    }

    /// false: the terminal does not echo the input.
    pub fn echo(self, on: bool) -> Self {
        self.flag(sys::SPAWN_TEMPLATE_RUN_NO_ECHO, !on)
    }

    /// The terminal changes no byte, echoes none, and no byte is a signal. It has no end
    /// of input.
    pub fn raw(self, on: bool) -> Self {
        self.flag(sys::SPAWN_TEMPLATE_RUN_RAW, on)
    }

    /// A stream that exceeds `max_output` goes to a file: "out" or "err" in a directory,
    /// or this file, with [`merge_stderr`](RunOptions::merge_stderr).
    pub fn spill(mut self, place: impl Into<OwnedFd>) -> Self {
        self.spill = Some(Arc::new(place.into()));
        self.flag(sys::SPAWN_TEMPLATE_RUN_SPILL, true)
    }

    /// The C structure of a run with this launch. What it points to, `self` and `launch`
    /// own.
    pub(crate) fn args(&self, launch: &Launch) -> sys::spawn_template_run_args {
        let mut args = sys::spawn_template_run_args {
            spawn: launch.args,
            input_len: self.input.len() as u64,
            max_output: self.c.max_output,
            timeout_ns: self.c.timeout_ns,
            grace_ns: self.c.grace_ns,
            flags: self.c.flags,
            held_quiet_ns: self.c.held_quiet_ns,
            held_most_ns: self.c.held_most_ns,
            idle_timeout_ns: self.c.idle_timeout_ns,
            tail_output: self.c.tail_output,
            winsize: self.c.winsize,
            memory_max: self.c.memory_max,
            memory_swap_max: self.c.memory_swap_max,
            cpu_max_us: self.c.cpu_max_us,
            pids_max: self.c.pids_max,
            cpu_weight: self.c.cpu_weight,
            io_weight: self.c.io_weight,
            ..Default::default()
        };
        if !self.input.is_empty() {
            args.input = self.input.as_ptr() as u64;
        }
        if let Some(fd) = &self.cgroup_parent {
            args.cgroup_parent_fd = fd.as_raw_fd();
        }
        if let Some(fd) = &self.spill {
            args.spill_fd = fd.as_raw_fd();
        }
        args
    }

    /// Descriptors that must be open until the run is over.
    #[cfg(feature = "tokio")]
    pub(crate) fn descriptors(&self) -> Vec<Arc<OwnedFd>> {
        self.cgroup_parent
            .iter()
            .chain(&self.spill)
            .cloned()
            .collect()
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Zero means no limit to the library.
pub(crate) fn at_least_one(time: Duration) -> u64 {
    nanoseconds(time).max(1)
}

impl Command {
    /// Runs the program to its end: feeds it, captures its output, ends its whole tree
    /// when the time is up. The tree has a session of its own. No thread is started, and
    /// no signal handler. Streams that the command sets replace those of the run.
    ///
    /// The error is that of a launch. A program that ran has a result, however it ended.
    pub fn run(&mut self, options: &RunOptions) -> io::Result<RunResult> {
        let launch = Launch::new(self, Stdin::Run, Kind::Inherit)?;
        run(&launch, &options.args(&launch))
    }

    /// Runs the program to its end, and hands over its output as it comes, in this thread.
    /// `Break` ends the tree. The result has no output.
    ///
    /// ```
    /// use spawn_template::{Command, RunOptions};
    /// use std::ops::ControlFlow;
    ///
    /// let mut bytes = 0;
    /// let result = Command::new("echo").arg("text").run_streaming(&RunOptions::new(), |_, part| {
    ///     bytes += part.len();
    ///     ControlFlow::Continue(())
    /// })?;
    /// assert_eq!((bytes, result.code()), (5, Some(0)));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn run_streaming<F>(&mut self, options: &RunOptions, on_output: F) -> io::Result<RunResult>
    where
        F: FnMut(Stream, &[u8]) -> ControlFlow<()>,
    {
        let launch = Launch::new(self, Stdin::Run, Kind::Inherit)?;
        let mut args = options.args(&launch);
        let mut taker = Taker {
            take: on_output,
            panic: None,
        };
        args.flags |= sys::SPAWN_TEMPLATE_RUN_STREAM;
        args.on_output = take_output::<F> as sys::spawn_template_output_fn as usize as u64;
        args.on_output_data = &mut taker as *mut Taker<F> as u64;
        let result = run(&launch, &args);
        if let Some(panic) = taker.panic {
            resume_unwind(panic);
        }
        result
    }
}

fn run(launch: &Launch, args: &sys::spawn_template_run_args) -> io::Result<RunResult> {
    RunResult::filled_by(|result, result_size| {
        let size = std::mem::size_of_val(args);
        // SAFETY: the sizes are the structures', and all that args points to is owned
        unsafe { sys::spawn_template_run(launch.template.tfd(), args, size, result, result_size) }
    })
    .map_err(|ret| launch.error(ret))
}

/// The caller's function, and the panic that ended it.
struct Taker<F> {
    take: F,
    panic: Option<Box<dyn Any + Send>>,
}

/// Calls the caller's function. A panic ends the tree, and goes on behind the C code.
unsafe extern "C" fn take_output<F>(
    taker: *mut c_void,
    kind: u32,
    data: *const c_void,
    len: usize,
) -> c_int
where
    F: FnMut(Stream, &[u8]) -> ControlFlow<()>,
{
    // SAFETY: run_streaming has put it there, and data has len bytes
    let (taker, part) = unsafe { (&mut *(taker as *mut Taker<F>), bytes(data, len)) };
    let stream = match kind {
        sys::SPAWN_TEMPLATE_CQE_ERR => Stream::Stderr,
        _ => Stream::Stdout,
    };
    match catch_unwind(AssertUnwindSafe(|| (taker.take)(stream, part))) {
        Ok(ControlFlow::Continue(())) => 0,
        Ok(ControlFlow::Break(())) => 1,
        Err(panic) => {
            taker.panic = Some(panic);
            1
        }
    }
}
