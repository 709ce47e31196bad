// SPDX-License-Identifier: BSD-2-Clause
//! A run under way, and its streams.

use super::entry::Outcome;
use super::shared::{Owner, Shared};
use super::started::Started;
use crate::result::RunResult;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Reads or writes that need no waiting, until other tasks and timeouts have a turn.
const TURN: u8 = 128;

/// A run under way: [`Ring::start`](super::Ring::start). Dropped, it ends the tree.
#[derive(Debug)]
pub struct Running {
    owner: Owner,
    stdin: Option<RunStdin>,
    outputs: [Option<RunOutput>; 2],
}

impl Running {
    pub(super) fn new(shared: Arc<Shared>, id: u64, streams: bool) -> Running {
        let output = |stream| RunOutput {
            run: (shared.clone(), id),
            stream,
            turn: Turn::default(),
        };
        Running {
            stdin: streams.then(|| RunStdin {
                run: (shared.clone(), id),
                open: true,
                turn: Turn::default(),
            }),
            outputs: match streams {
                true => [Some(output(0)), Some(output(1))],
                false => [None, None],
            },
            owner: Owner(shared, id),
        }
    }

    /// Takes stdin. When it is dropped, the program reads the end of its input.
    pub fn stdin(&mut self) -> Option<RunStdin> {
        self.stdin.take()
    }

    /// Takes stdout. A program whose output is not read blocks; what comes after it was
    /// dropped is dropped, too.
    pub fn stdout(&mut self) -> Option<RunOutput> {
        self.outputs[0].take()
    }

    /// Takes stderr.
    pub fn stderr(&mut self) -> Option<RunOutput> {
        self.outputs[1].take()
    }

    /// Waits until the program has passed exec, with
    /// [`RunOptions::tell_start`](crate::RunOptions::tell_start); this is told once. `None`
    /// if the run is over before: [`wait`](Running::wait) has its result, or the error.
    ///
    /// ```
    /// # use spawn_template::{ring::Ring, Command, RunOptions};
    /// # fn main() -> std::io::Result<()> {
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    /// # runtime.block_on(async {
    /// # let ring = Ring::new(64)?;
    /// let options = RunOptions::new().tell_start(true);
    /// let mut running = ring.start(Command::new("sleep").arg("60"), &options).await?;
    /// let program = running.started().await.expect("a program that runs");
    /// program.signal(2)?;
    /// assert_eq!(running.wait().await?.signal(), Some(2));
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    pub async fn started(&mut self) -> Option<Started> {
        let Owner(shared, id) = &self.owner;
        shared.started(*id).await
    }

    /// Sets the size of the run's terminal: [`RunOptions::pty`](crate::RunOptions::pty).
    pub fn resize(&self, rows: u16, columns: u16) -> io::Result<()> {
        self.owner.0.winsize(self.owner.1, rows, columns)
    }

    /// Waits for the end of the run. Streams that were not taken are closed.
    pub async fn wait(mut self) -> io::Result<RunResult> {
        self.stdin = None;
        self.outputs = [None, None];
        let Owner(shared, id) = &self.owner;
        ran(shared.outcome(*id).await?)
    }

    /// Waits for the end of the run, or for its first deadline.
    pub(super) async fn wait_or_detach(self) -> io::Result<Detachable> {
        let Owner(shared, id) = &self.owner;
        match shared.outcome_or_so_far(*id).await {
            Ok(outcome) => Ok(Detachable::Ended(ran(outcome?)?)),
            Err(so_far) => Ok(Detachable::Detached(Detached {
                so_far,
                running: self,
            })),
        }
    }
}

fn ran(outcome: Outcome) -> io::Result<RunResult> {
    match outcome {
        Outcome::Ran(result) => Ok(result),
        Outcome::Launched(..) => unreachable!("a run has a result"),
    }
}

/// The outcome of [`Ring::run_or_detach`](super::Ring::run_or_detach).
#[must_use]
#[derive(Debug)]
pub enum Detachable {
    /// The run is over.
    Ended(RunResult),
    /// The first time was up, and the run goes on.
    Detached(Detached),
}

/// A run that went on when its first time was up. Dropped, it ends the tree.
#[derive(Debug)]
pub struct Detached {
    /// The output so far, with [`RunResult::timed_out`] and [`RunResult::detached`].
    pub so_far: RunResult,
    running: Running,
}

impl Detached {
    /// Waits for the end of the run: its result has all of the output.
    pub async fn wait(self) -> io::Result<RunResult> {
        self.running.wait().await
    }
}

impl std::fmt::Debug for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Owner({})", self.1)
    }
}

/// Lets a task wait now and then: the stream of a busy program, which another thread of
/// the runtime fills, might always be ready.
#[derive(Debug, Default)]
struct Turn(u8);

impl Turn {
    fn poll<T>(
        &mut self,
        context: &mut Context<'_>,
        poll: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        if self.0 == TURN {
            self.0 = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let polled = poll(context);
        self.0 = if polled.is_ready() { self.0 + 1 } else { 0 };
        polled
    }
}

/// The stdin of a run.
#[derive(Debug)]
pub struct RunStdin {
    run: (Arc<Shared>, u64),
    open: bool,
    turn: Turn,
}

impl AsyncWrite for RunStdin {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Self { run, turn, .. } = &mut *self;
        let (shared, id) = run;
        let written = turn.poll(context, |context| shared.poll_write(*id, context, buf));
        written.map(|ret| match -ret {
            libc::ENOENT => Err(io::ErrorKind::BrokenPipe.into()),
            error if error > 0 => Err(io::Error::from_raw_os_error(error)),
            _ => Ok(ret as usize),
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.close();
        Poll::Ready(Ok(()))
    }
}

impl RunStdin {
    fn close(&mut self) {
        if std::mem::take(&mut self.open) {
            self.run.0.close_input(self.run.1);
        }
    }
}

impl Drop for RunStdin {
    fn drop(&mut self) {
        self.close();
    }
}

/// The stdout or stderr of a run.
#[derive(Debug)]
pub struct RunOutput {
    run: (Arc<Shared>, u64),
    stream: usize,
    turn: Turn,
}

impl AsyncRead for RunOutput {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { run, stream, turn } = &mut *self;
        let (shared, id) = run;
        turn.poll(context, |context| {
            shared.poll_read(*id, *stream, context, buf)
        })
    }
}

impl Drop for RunOutput {
    fn drop(&mut self) {
        self.run.0.close_stream(self.run.1, self.stream);
    }
}
