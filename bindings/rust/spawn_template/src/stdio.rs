// SPDX-License-Identifier: BSD-2-Clause
//! The standard streams of a child, and the parent's ends of its pipes.

use crate::error::cvt_libc;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::io::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::Arc;

/// What a standard stream of a child is.
#[derive(Clone, Debug)]
pub struct Stdio(pub(crate) Kind);

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Inherit,
    Null,
    Piped,
    Fd(Arc<OwnedFd>),
}

impl Stdio {
    /// A new pipe, whose other end [`Child`](crate::Child) has.
    pub fn piped() -> Stdio {
        Stdio(Kind::Piped)
    }

    /// The parent's own.
    pub fn inherit() -> Stdio {
        Stdio(Kind::Inherit)
    }

    /// `/dev/null`.
    pub fn null() -> Stdio {
        Stdio(Kind::Null)
    }
}

impl From<OwnedFd> for Stdio {
    fn from(fd: OwnedFd) -> Stdio {
        Stdio(Kind::Fd(Arc::new(fd)))
    }
}

impl From<File> for Stdio {
    fn from(file: File) -> Stdio {
        OwnedFd::from(file).into()
    }
}

/// The ends of the standard library's pipes, of its own children.
macro_rules! from_std {
    ($($name:ident),*) => {$(
        impl From<std::process::$name> for Stdio {
            fn from(end: std::process::$name) -> Stdio {
                OwnedFd::from(end).into()
            }
        }
    )*};
}
from_std!(ChildStdin, ChildStdout, ChildStderr);

/// Both ends of a pipe: to read from, to write to. Neither is 0, 1 or 2, so that the steps
/// in the child cannot overwrite one.
pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut fds: [RawFd; 2] = [-1; 2];
    // SAFETY: room for two
    cvt_libc(unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC) })?;
    // SAFETY: the call has just opened them
    let (read, write) = unsafe { (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1])) };
    Ok((above_stdio(read)?, above_stdio(write)?))
}

fn above_stdio(fd: OwnedFd) -> io::Result<OwnedFd> {
    if fd.as_raw_fd() > 2 {
        return Ok(fd);
    }
    duplicate(&fd, 3)
}

/// Duplicates a descriptor to a number that is not below `least`.
pub(crate) fn duplicate(fd: &impl AsRawFd, least: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: fcntl opens a new descriptor
    unsafe {
        let new = cvt_libc(libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, least))?;
        Ok(OwnedFd::from_raw_fd(new))
    }
}

macro_rules! pipe_end {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name(File);

        impl From<OwnedFd> for $name {
            fn from(fd: OwnedFd) -> $name {
                $name(fd.into())
            }
        }

        impl From<$name> for OwnedFd {
            fn from(end: $name) -> OwnedFd {
                end.0.into()
            }
        }

        impl From<$name> for Stdio {
            fn from(end: $name) -> Stdio {
                OwnedFd::from(end).into()
            }
        }

        impl AsFd for $name {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.0.as_fd()
            }
        }

        impl AsRawFd for $name {
            fn as_raw_fd(&self) -> RawFd {
                self.0.as_raw_fd()
            }
        }

        impl IntoRawFd for $name {
            fn into_raw_fd(self) -> RawFd {
                self.0.into_raw_fd()
            }
        }
    };
}

pipe_end! {
    /// The parent's end of a child's stdin.
    ChildStdin
}
pipe_end! {
    /// The parent's end of a child's stdout.
    ChildStdout
}
pipe_end! {
    /// The parent's end of a child's stderr.
    ChildStderr
}

impl Write for ChildStdin {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for ChildStdout {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl Read for ChildStderr {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

/// Reads two pipes to their ends, whichever has something.
pub(crate) fn read_both(out: ChildStdout, err: ChildStderr) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let (mut files, mut bufs) = ([Some(out.0), Some(err.0)], [Vec::new(), Vec::new()]);
    let mut chunk = vec![0; 65536];
    while files.iter().any(Option::is_some) {
        for i in wait_readable(&files)? {
            let file = files[i].as_mut().expect("a file that was polled");
            match file.read(&mut chunk) {
                Ok(0) => files[i] = None,
                Ok(n) => bufs[i].extend_from_slice(&chunk[..n]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
    let [out, err] = bufs;
    Ok((out, err))
}

/// The indices of the files that have something, or have ended.
fn wait_readable(files: &[Option<File>; 2]) -> io::Result<Vec<usize>> {
    let mut polled = [-1, -1].map(|fd| libc::pollfd {
        fd,
        events: libc::POLLIN,
        revents: 0,
    });
    for (file, entry) in files.iter().zip(&mut polled) {
        entry.fd = file.as_ref().map_or(-1, |file| file.as_raw_fd());
    }
    loop {
        // SAFETY: the length is the array's
        match cvt_libc(unsafe { libc::poll(polled.as_mut_ptr(), 2, -1) }) {
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok((0..2).filter(|&i| polled[i].revents != 0).collect())
}
