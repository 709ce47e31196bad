// SPDX-License-Identifier: BSD-2-Clause
//! A child and its pipes, for tasks of tokio. They need no ring.

use crate::child::Child;
use crate::stdio::{ChildStderr, ChildStdin, ChildStdout};
use std::fs::File;
use std::future::Future;
use std::io::{self, Read, Write};
use std::os::unix::io::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::process::{ExitStatus, Output};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A child that a tracer keeps from being reaped is asked for its status at this interval.
const TRACED: Duration = Duration::from_millis(10);
/// Room for output that is read at a time.
const CHUNK: usize = 32 << 10;

/// These need the feature `tokio`; each panics outside of a runtime with I/O and time.
impl Child {
    /// Closes stdin, waits until the child has ended, and reaps it. No thread waits, and no
    /// signal handler is needed: the runtime polls the pidfd. A future that is dropped
    /// leaves the child as it is.
    ///
    /// ```
    /// # use spawn_template::{ring::Ring, Command};
    /// # fn main() -> std::io::Result<()> {
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    /// # runtime.block_on(async {
    /// # let ring = Ring::new(4)?;
    /// let mut child = ring.spawn(&mut Command::new("true")).await?;
    /// assert!(child.wait_async().await?.success());
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    pub async fn wait_async(&mut self) -> io::Result<ExitStatus> {
        drop(self.stdin.take());
        if let Some(status) = self.try_wait()? {
            return Ok(status);
        }
        let fd = async_fd(self.pidfd().try_clone_to_owned()?)?;
        let _ready = fd.readable().await?;
        loop {
            if let Some(status) = self.try_wait()? {
                return Ok(status);
            }
            tokio::time::sleep(TRACED).await;
        }
    }

    /// Closes stdin, reads stdout and stderr to their ends, and waits: as
    /// [`wait_with_output`](Child::wait_with_output), without a thread that waits. A future
    /// that is dropped leaves a child that nobody ends or reaps: for a timeout, take the
    /// streams and use [`wait_async`](Child::wait_async), or [`Ring::run`](super::Ring::run).
    pub async fn wait_with_output_async(mut self) -> io::Result<Output> {
        drop(self.stdin.take());
        let out = self
            .stdout
            .take()
            .map(ChildStdout::into_async)
            .transpose()?;
        let err = self
            .stderr
            .take()
            .map(ChildStderr::into_async)
            .transpose()?;
        let [stdout, stderr] = ReadAll {
            ends: [out, err],
            read: Default::default(),
        }
        .await?;
        let status = self.wait_async().await?;
        Ok(Output {
            status,
            stdout,
            stderr,
        })
    }
}

/// Reads two pipes to their ends, whichever has something.
struct ReadAll {
    ends: [Option<PipeReader>; 2],
    read: [Vec<u8>; 2],
}

impl Future for ReadAll {
    type Output = io::Result<[Vec<u8>; 2]>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { ends, read } = &mut *self;
        for (end, read) in ends.iter_mut().zip(read) {
            while let Some(reader) = end {
                match reader.poll_extend(context, read) {
                    Poll::Ready(Ok(0)) => *end = None,
                    Poll::Ready(Ok(_)) => {}
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => break,
                }
            }
        }
        if ends.iter().any(Option::is_some) {
            return Poll::Pending;
        }
        Poll::Ready(Ok(std::mem::take(&mut self.read)))
    }
}

/// The parent's end of a child's stdin, for tasks: [`ChildStdin::into_async`].
#[derive(Debug)]
pub struct PipeWriter(Option<AsyncFd<File>>);

/// The parent's end of a child's stdout or stderr, for tasks:
/// [`ChildStdout::into_async`], [`ChildStderr::into_async`].
#[derive(Debug)]
pub struct PipeReader(AsyncFd<File>);

impl ChildStdin {
    /// Sets `O_NONBLOCK`, for tasks of the runtime in which this is called. Panics outside
    /// of a tokio runtime with I/O.
    pub fn into_async(self) -> io::Result<PipeWriter> {
        Ok(PipeWriter(Some(nonblocking(self.into())?)))
    }
}

impl ChildStdout {
    /// Sets `O_NONBLOCK`, as [`ChildStdin::into_async`].
    pub fn into_async(self) -> io::Result<PipeReader> {
        Ok(PipeReader(nonblocking(self.into())?))
    }
}

impl ChildStderr {
    /// Sets `O_NONBLOCK`, as [`ChildStdin::into_async`].
    pub fn into_async(self) -> io::Result<PipeReader> {
        Ok(PipeReader(nonblocking(self.into())?))
    }
}

fn nonblocking(fd: OwnedFd) -> io::Result<AsyncFd<File>> {
    let number = fd.as_raw_fd();
    // SAFETY: the descriptor is open, and the flags are numbers
    crate::error::cvt_libc(unsafe {
        let flags = crate::error::cvt_libc(libc::fcntl(number, libc::F_GETFL))?;
        libc::fcntl(number, libc::F_SETFL, flags | libc::O_NONBLOCK)
    })?;
    async_fd(fd.into())
}

#[allow(deprecated)] // the new name is not in the oldest tokio; the fd is owned
pub(super) fn async_fd<T: AsRawFd>(fd: T) -> io::Result<AsyncFd<T>> {
    AsyncFd::new(fd)
}

impl PipeReader {
    /// Reads once: the number of bytes, 0 at the end.
    fn poll_some(&self, context: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = match self.0.poll_read_ready(context) {
                Poll::Ready(guard) => guard?,
                Poll::Pending => return Poll::Pending,
            };
            match guard.try_io(|fd| fd.get_ref().read(room)) {
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(result) => return Poll::Ready(result),
                Err(_would_block) => {}
            }
        }
    }

    fn poll_extend(
        &self,
        context: &mut Context<'_>,
        read: &mut Vec<u8>,
    ) -> Poll<io::Result<usize>> {
        let len = read.len();
        read.resize(len + CHUNK, 0);
        let result = self.poll_some(context, &mut read[len..]);
        let more = match &result {
            Poll::Ready(Ok(n)) => *n,
            _ => 0,
        };
        read.truncate(len + more);
        result
    }
}

impl AsyncRead for PipeReader {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let result = self.poll_some(context, buf.initialize_unfilled());
        result.map(|result| result.map(|n| buf.advance(n)))
    }
}

impl AsyncWrite for PipeWriter {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let fd = match &self.0 {
            Some(fd) => fd,
            None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        };
        loop {
            let mut guard = match fd.poll_write_ready(context) {
                Poll::Ready(guard) => guard?,
                Poll::Pending => return Poll::Pending,
            };
            match guard.try_io(|fd| fd.get_ref().write(buf)) {
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(result) => return Poll::Ready(result),
                Err(_would_block) => {}
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Closes the pipe, so that the program reads the end of its input.
    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0 = None;
        Poll::Ready(Ok(()))
    }
}

impl AsFd for PipeReader {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get_ref().as_fd()
    }
}
