// SPDX-License-Identifier: BSD-2-Clause
//! Runs and launches for tokio: the feature `tokio`.
//!
//! A [`Ring`] hands launches to the library's threads. One task of the runtime takes the
//! completions, from the ring's descriptor, so that no thread of the runtime ever waits
//! for a launch. A future that is dropped ends the tree of its run.
//!
//! ```
//! use spawn_template::{ring::Ring, Command, RunOptions};
//! use std::time::Duration;
//!
//! # fn main() -> std::io::Result<()> {
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # runtime.block_on(async {
//! let ring = Ring::new(64)?;
//! let options = RunOptions::new().timeout(Duration::from_secs(10));
//! let result = ring.run(Command::new("echo").arg("text"), &options).await?;
//! assert_eq!(&result.stdout[..], b"text\n");
//! # Ok(())
//! # })
//! # }
//! ```

mod child;
mod driver;
mod entry;
mod running;
mod shared;
mod started;

pub use child::{PipeReader, PipeWriter};
pub use running::{Detachable, Detached, RunOutput, RunStdin, Running};
pub use started::Started;

use crate::child::Child;
use crate::command::Command;
use crate::launch::{Launch, Stdin};
use crate::result::RunResult;
use crate::run::{at_least_one, RunOptions};
use crate::stdio::Kind;
use shared::{Shared, Work};
use spawn_template_sys as sys;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// A ring of launches and runs, for the runtime in which it was made. Clones are the same
/// ring. When that runtime has ended, all that needs the ring is an error.
///
/// The library has one set of launching threads for all rings of a process, which take
/// over the restrictions of the thread that makes the first ring.
///
/// When the last clone is dropped, and the last future and stream of its runs, the trees
/// of its runs get SIGKILL, and the drop waits until they have ended, for at most 2 s.
#[derive(Clone, Debug)]
pub struct Ring {
    shared: Arc<Shared>,
}

/// A launch or run to await; dropped before its end, it ends the tree, or the child.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Pending<T> {
    inner: Pin<Box<dyn Future<Output = io::Result<T>> + Send>>,
}

impl<T> Future for Pending<T> {
    type Output = io::Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        self.inner.as_mut().poll(context)
    }
}

impl<T> std::fmt::Debug for Pending<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pending")
    }
}

fn pending<T>(future: impl Future<Output = io::Result<T>> + Send + 'static) -> Pending<T> {
    Pending {
        inner: Box::pin(future),
    }
}

impl Ring {
    /// Makes a ring with room for this many launches and runs at a time, 1 to 4096: those
    /// that come when it is full wait. Panics outside of a tokio runtime with I/O.
    pub fn new(entries: u32) -> io::Result<Ring> {
        Ok(Ring {
            shared: Shared::new(entries)?,
        })
    }

    /// Runs a program to its end, as [`Command::run`] does. The command is not needed any
    /// more when this returns. The run begins with the first poll.
    pub fn run(&self, command: &mut Command, options: &RunOptions) -> Pending<RunResult> {
        let running = self.begin(command, options, 0, 0);
        pending(async move { running.await?.wait().await })
    }

    /// Runs a program as [`run`](Ring::run) does; but if its first time is up, which is
    /// [`RunOptions::timeout`] or `idle_timeout`, the run goes on for `more` from then on, and
    /// its output so far is handed over. Without a `timeout` it is an error.
    ///
    /// ```
    /// # use spawn_template::{ring::{Detachable, Ring}, Command, RunOptions};
    /// # use std::time::Duration;
    /// # fn main() -> std::io::Result<()> {
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    /// # runtime.block_on(async {
    /// # let ring = Ring::new(64)?;
    /// let mut command = Command::new("sh");
    /// command.args(["-c", "echo first; sleep 0.2; echo last"]);
    /// let options = RunOptions::new().timeout(Duration::from_millis(100));
    /// match ring.run_or_detach(&mut command, &options, Duration::from_secs(60)).await? {
    ///     Detachable::Ended(result) => println!("{result:?}"),
    ///     Detachable::Detached(detached) => {
    ///         println!("so far: {:?}", detached.so_far.stdout);
    ///         // dropping it would end the tree
    ///         let result = detached.wait().await?;
    ///         assert!(result.detached());
    ///         assert_eq!(&result.stdout[..], b"first\nlast\n");
    ///     }
    /// }
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    pub fn run_or_detach(
        &self,
        command: &mut Command,
        options: &RunOptions,
        more: Duration,
    ) -> Pending<Detachable> {
        let flags = sys::SPAWN_TEMPLATE_RUN_DETACH_ON_TIMEOUT;
        let running = self.begin(command, options, flags, at_least_one(more));
        pending(async move { running.await?.wait_or_detach().await })
    }

    /// Begins a run, whose output comes as it is written, and whose stdin stays open.
    ///
    /// ```
    /// # use spawn_template::{ring::Ring, Command, RunOptions};
    /// use tokio::io::{AsyncReadExt, AsyncWriteExt};
    /// # fn main() -> std::io::Result<()> {
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    /// # runtime.block_on(async {
    /// # let ring = Ring::new(64)?;
    /// let mut running = ring.start(&mut Command::new("cat"), &RunOptions::new()).await?;
    /// let (mut stdin, mut stdout) = (running.stdin().unwrap(), running.stdout().unwrap());
    /// stdin.write_all(b"text").await?;
    /// drop(stdin);
    /// let mut text = String::new();
    /// stdout.read_to_string(&mut text).await?;
    /// assert_eq!(text, "text");
    /// assert!(running.wait().await?.success());
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    pub fn start(&self, command: &mut Command, options: &RunOptions) -> Pending<Running> {
        let flags = sys::SPAWN_TEMPLATE_RUN_STREAM
            | sys::SPAWN_TEMPLATE_RUN_OPEN_INPUT
            | sys::SPAWN_TEMPLATE_RUN_TELL_ROOM;
        self.begin(command, options, flags, 0)
    }

    /// Launches a program, as [`Command::spawn`] does. The child is the caller's, and
    /// [`Child::wait_async`] and the `into_async` of its pipes are for tasks.
    pub fn spawn(&self, command: &mut Command) -> Pending<Child> {
        let launch = Launch::new(command, Stdin::Command, Kind::Inherit);
        let shared = self.shared.clone();
        pending(async move {
            let mut launch = launch?;
            let ends = launch.take_ends();
            let room = shared.room().await?;
            let id = shared.queue(Work::Spawn, launch, Vec::new(), room, false)?;
            let (pid, pidfd) = shared.launched(id).await?;
            Ok(Child::new(pid, pidfd, ends))
        })
    }

    fn begin(
        &self,
        command: &mut Command,
        options: &RunOptions,
        flags: u32,
        detached_ns: u64,
    ) -> Pending<Running> {
        let launch = Launch::new(command, Stdin::Run, Kind::Inherit);
        let (shared, options) = (self.shared.clone(), options.clone());
        pending(async move {
            let launch = launch?;
            let room = shared.room().await?;
            let mut args = options.args(&launch);
            args.flags |= flags;
            args.detached_timeout_ns = detached_ns;
            let streams = flags & sys::SPAWN_TEMPLATE_RUN_STREAM != 0;
            let fds = options.descriptors();
            let id = shared.queue(Work::Run(Box::new(args)), launch, fds, room, streams)?;
            Ok(Running::new(shared, id, streams))
        })
    }
}
