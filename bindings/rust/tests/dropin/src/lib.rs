// SPDX-License-Identifier: BSD-2-Clause
//! The stand-ins for `std::process` and `tokio::process` in the suites of others.

/// For duct and shared_child: all but `Stdio` is the crate's own.
pub mod process {
    pub use spawn_template::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
    pub use std::process::{ExitStatus, Output};
    use std::os::fd::OwnedFd;

    pub struct Stdio(spawn_template::Stdio);

    impl Stdio {
        pub fn null() -> Stdio {
            Stdio(spawn_template::Stdio::null())
        }

        pub fn piped() -> Stdio {
            Stdio(spawn_template::Stdio::piped())
        }
    }

    macro_rules! from {
        ($($name:ty),*) => {$(
            impl From<$name> for Stdio {
                fn from(end: $name) -> Stdio {
                    Stdio(OwnedFd::from(end).into())
                }
            }
        )*};
    }
    from!(OwnedFd, os_pipe::PipeReader, os_pipe::PipeWriter);

    impl From<Stdio> for spawn_template::Stdio {
        fn from(stdio: Stdio) -> spawn_template::Stdio {
            stdio.0
        }
    }
}

/// For tokio's tests of `tokio::process`.
pub mod tokio_process {
    use spawn_template::ring::PipeReader as ChildStdout;
    pub use spawn_template::ring::PipeWriter as ChildStdin;
    use spawn_template::Stdio;
    use std::ffi::OsStr;
    use std::io::Result;
    use std::process::{ExitStatus, Output};

    pub struct Command {
        inner: spawn_template::Command,
        kill_on_drop: bool,
    }

    #[derive(Debug)]
    pub struct Child {
        inner: spawn_template::Child,
        is_over: bool,
        kill_on_drop: bool,
        pub stdin: Option<ChildStdin>,
        pub stdout: Option<ChildStdout>,
        pub stderr: Option<ChildStdout>,
    }

    impl Command {
        pub fn new(program: impl AsRef<OsStr>) -> Command {
            Command {
                inner: spawn_template::Command::new(program),
                kill_on_drop: false,
            }
        }

        pub fn arg(&mut self, arg: impl AsRef<OsStr>) -> &mut Command {
            self.inner.arg(arg);
            self
        }

        pub fn arg0(&mut self, arg: impl AsRef<OsStr>) -> &mut Command {
            self.inner.arg0(arg);
            self
        }

        pub fn args<S: AsRef<OsStr>>(&mut self, args: impl IntoIterator<Item = S>) -> &mut Command {
            self.inner.args(args);
            self
        }

        pub fn stdin(&mut self, stdio: impl Into<Stdio>) -> &mut Command {
            self.inner.stdin(stdio);
            self
        }

        pub fn stdout(&mut self, stdio: impl Into<Stdio>) -> &mut Command {
            self.inner.stdout(stdio);
            self
        }

        pub fn stderr(&mut self, stdio: impl Into<Stdio>) -> &mut Command {
            self.inner.stderr(stdio);
            self
        }

        pub fn kill_on_drop(&mut self, on: bool) -> &mut Command {
            self.kill_on_drop = on;
            self
        }

        pub fn spawn(&mut self) -> Result<Child> {
            let mut inner = self.inner.spawn()?;
            Ok(Child {
                stdin: inner.stdin.take().map(|end| end.into_async()).transpose()?,
                stdout: inner.stdout.take().map(|end| end.into_async()).transpose()?,
                stderr: inner.stderr.take().map(|end| end.into_async()).transpose()?,
                inner,
                is_over: false,
                kill_on_drop: self.kill_on_drop,
            })
        }

        pub async fn output(&mut self) -> Result<Output> {
            self.inner.stdout(Stdio::piped()).stderr(Stdio::piped());
            self.inner.spawn()?.wait_with_output_async().await
        }
    }

    impl Child {
        pub fn id(&self) -> Option<u32> {
            (!self.is_over).then(|| self.inner.id())
        }

        pub async fn wait(&mut self) -> Result<ExitStatus> {
            drop(self.stdin.take());
            let status = self.inner.wait_async().await?;
            self.is_over = true;
            Ok(status)
        }

        pub fn start_kill(&mut self) -> Result<()> {
            self.inner.kill()
        }

        pub async fn kill(&mut self) -> Result<()> {
            self.start_kill()?;
            self.wait().await.map(drop)
        }
    }

    impl Drop for Child {
        fn drop(&mut self) {
            if self.kill_on_drop && !self.is_over {
                let _ = self.inner.kill();
                let _ = self.inner.wait();
            }
        }
    }
}
