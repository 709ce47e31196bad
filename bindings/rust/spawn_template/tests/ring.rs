// SPDX-License-Identifier: BSD-2-Clause
//! Rings for tokio.

mod table;

use spawn_template::ring::{Detachable, Pending, Ring, RunOutput};
use spawn_template::{Command, LaunchError, RunOptions, RunResult, Stdio};
use std::fs;
use std::future::Future;
use std::io::Read;
use std::path::Path;
use std::pin::Pin;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::runtime::{Builder, Runtime};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// In a runtime of one thread, and in one of two.
fn in_runtimes<T, F: Future<Output = T>>(test: impl Fn() -> F) {
    runtime().block_on(test());
    let mut threads = Builder::new_multi_thread();
    threads
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(test());
}

fn shell(text: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", text]);
    command
}

/// Waits until the process of this number has ended.
async fn ends(pid: &str) {
    let path = Path::new("/proc").join(pid.trim()).join("stat");
    for _ in 0..1000 {
        match fs::read_to_string(&path) {
            Ok(stat) if !stat.contains(") Z ") => {}
            _ => return,
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{pid} lives");
}

#[test]
fn run_behaves_as_the_table_says() {
    let runtime = runtime();
    let ring = runtime.block_on(async { Ring::new(4).unwrap() });
    table::each_case(|command, options| runtime.block_on(ring.run(command, options)));
}

#[test]
fn more_runs_than_the_ring_holds_take_turns() {
    in_runtimes(|| async {
        let ring = Ring::new(4).unwrap();
        let tasks: Vec<_> = (0..40)
            .map(|i: i32| {
                let ring = ring.clone();
                tokio::spawn(async move {
                    let text = i.to_string();
                    let result = ring.run(Command::new("echo").arg(&text), &RunOptions::new());
                    assert_eq!(
                        result.await.unwrap().stdout[..],
                        *format!("{i}\n").as_bytes()
                    );
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

#[test]
fn errors_name_the_step() {
    in_runtimes(|| async {
        let ring = Ring::new(4).unwrap();
        let mut command = Command::new("true");
        let run = ring.run(command.current_dir("/nonexistent"), &RunOptions::new());
        let error = run.await.unwrap_err();
        assert_eq!(LaunchError::of(&error).unwrap().step(), Some("current_dir"));
        let missing = ring.run(&mut Command::new("no-such-program"), &RunOptions::new());
        assert_eq!(
            missing.await.unwrap_err().kind(),
            std::io::ErrorKind::NotFound
        );
        let malformed = RunOptions::new().echo(false);
        let error = ring
            .run(&mut Command::new("true"), &malformed)
            .await
            .unwrap_err();
        assert_eq!(
            LaunchError::of(&error).unwrap().raw_os_error(),
            libc::EINVAL
        );
    });
}

#[test]
fn a_dropped_run_ends_its_tree() {
    in_runtimes(|| async {
        let ring = Ring::new(4).unwrap();
        let mut command = shell("sleep 100 & echo $!; wait");
        let mut running = ring.start(&mut command, &RunOptions::new()).await.unwrap();
        let mut stdout = running.stdout().unwrap();
        let mut pid = vec![0; 32];
        let len = stdout.read(&mut pid).await.unwrap();
        let pid = String::from_utf8(pid[..len].to_vec()).unwrap();
        assert!(Path::new("/proc").join(pid.trim()).exists());
        drop(running);
        ends(&pid).await;
        assert_eq!(stdout.read(&mut [0; 8]).await.unwrap(), 0);
    });
}

#[test]
fn a_timeout_of_the_runtime_ends_the_tree() {
    in_runtimes(|| async {
        let ring = Ring::new(4).unwrap();
        let start = Instant::now();
        let mut command = shell("sleep 100");
        let run = ring.run(&mut command, &RunOptions::new());
        let limited = tokio::time::timeout(Duration::from_millis(100), run).await;
        assert!(limited.is_err());
        // there is room again when the tree has ended
        for _ in 0..8 {
            let result = ring
                .run(&mut Command::new("true"), &RunOptions::new())
                .await;
            assert!(result.unwrap().success());
        }
        assert!(start.elapsed() < Duration::from_secs(50));
    });
}

#[test]
fn a_run_goes_on_at_its_deadline_and_ends_with_all_of_its_output() {
    in_runtimes(|| async {
        let ring = Ring::new(4).unwrap();
        let options = RunOptions::new().timeout(Duration::from_secs(1));
        let more = Duration::from_secs(60);
        let mut command = shell("echo first; sleep 1.5; echo last; exit 6");
        let run = ring.run_or_detach(&mut command, &options, more);
        let detached = match run.await.unwrap() {
            Detachable::Detached(detached) => detached,
            ended => panic!("{ended:?}"),
        };
        let so_far = &detached.so_far;
        assert!(so_far.timed_out() && so_far.detached(), "{so_far:?}");
        assert_eq!(&so_far.stdout[..], b"first\n");
        let result = detached.wait().await.unwrap();
        assert!(result.detached() && !result.timed_out(), "{result:?}");
        assert_eq!(
            (&result.stdout[..], result.code()),
            (&b"first\nlast\n"[..], Some(6))
        );

        let quick = ring.run_or_detach(&mut shell("exit 5"), &options, more);
        match quick.await.unwrap() {
            Detachable::Ended(result) => assert_eq!(result.code(), Some(5)),
            detached => panic!("{detached:?}"),
        }
        let endless = ring.run_or_detach(&mut shell("true"), &RunOptions::new(), more);
        let error = endless.await.unwrap_err();
        let errno = LaunchError::of(&error).unwrap().raw_os_error();
        assert_eq!(errno, libc::EINVAL);
    });
}

#[test]
fn a_detached_run_that_is_dropped_ends_its_tree() {
    in_runtimes(|| async {
        let ring = Ring::new(4).unwrap();
        let options = RunOptions::new().timeout(Duration::from_secs(1));
        let mut command = shell("echo $$; exec sleep 100");
        let run = ring.run_or_detach(&mut command, &options, Duration::MAX);
        let pid = match run.await.unwrap() {
            Detachable::Detached(detached) => detached.so_far.stdout.to_string_lossy(),
            ended => panic!("{ended:?}"),
        };
        ends(&pid).await;
    });
}

/// A reader that runs in the thread that wakes it, and takes longer than the program.
struct EagerReader(Mutex<Option<RunOutput>>);

impl Wake for EagerReader {
    fn wake(self: Arc<Self>) {
        let waker = self.clone().into();
        let mut output = self.0.lock().unwrap();
        let mut bytes = vec![0; 1 << 16];
        while let Some(stream) = &mut *output {
            let mut buf = ReadBuf::new(&mut bytes);
            let polled = Pin::new(stream).poll_read(&mut Context::from_waker(&waker), &mut buf);
            match polled {
                Poll::Pending => return,
                Poll::Ready(_) if buf.filled().is_empty() => *output = None,
                Poll::Ready(_) => std::thread::sleep(Duration::from_millis(1)),
            }
        }
    }
}

#[test]
fn other_tasks_run_while_output_comes_without_end() {
    runtime().block_on(async {
        let ring = Ring::new(4).unwrap();
        let mut yes = Command::new("yes");
        let mut running = ring.start(&mut yes, &RunOptions::new()).await.unwrap();
        let reader = Arc::new(EagerReader(Mutex::new(running.stdout())));
        reader.clone().wake();
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        drop(running);
        while reader.0.lock().unwrap().is_some() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
}

#[test]
fn a_timeout_ends_a_task_whose_stream_is_always_ready() {
    let most = Duration::from_millis(50);
    let work = || std::thread::sleep(Duration::from_micros(100));
    in_runtimes(|| async {
        let ring = Ring::new(4).unwrap();
        let run = ring.start(&mut Command::new("yes"), &RunOptions::new());
        let mut running = run.await.unwrap();
        let mut stdout = running.stdout().unwrap();
        let reader = async {
            while stdout.read(&mut [0; 100]).await.unwrap() > 0 {
                work();
            }
        };
        assert!(tokio::time::timeout(most, reader).await.is_err());
        let mut command = shell("exec cat > /dev/null");
        let mut running = ring.start(&mut command, &RunOptions::new()).await.unwrap();
        let mut stdin = running.stdin().unwrap();
        let writer = async {
            while stdin.write(&[0; 100]).await.unwrap() > 0 {
                work();
            }
        };
        assert!(tokio::time::timeout(most, writer).await.is_err());
    });
}

#[test]
fn a_dropped_ring_ends_the_trees() {
    in_runtimes(|| async {
        let ring = Ring::new(4).unwrap();
        let mut running = ring.start(&mut shell("echo $$; sleep 100"), &RunOptions::new());
        let mut running = (&mut running).await.unwrap();
        let mut pid = [0; 32];
        let mut stdout = running.stdout().unwrap();
        let len = stdout.read(&mut pid).await.unwrap();
        drop((ring, running, stdout));
        ends(std::str::from_utf8(&pid[..len]).unwrap()).await;
    });
}

#[test]
fn streams_carry_more_than_the_ring_keeps() {
    in_runtimes(|| async {
        let ring = Ring::new(4).unwrap();
        let mut running = ring
            .start(&mut Command::new("cat"), &RunOptions::new())
            .await
            .unwrap();
        let (mut stdin, mut stdout) = (running.stdin().unwrap(), running.stdout().unwrap());
        let text = vec![b'x'; 5 << 20];
        let len = text.len();
        let writer = tokio::spawn(async move {
            stdin.write_all(&text).await.unwrap();
        });
        // the writer fills all that there is, before anything is read
        tokio::time::sleep(Duration::from_millis(50)).await;
        let mut read = Vec::new();
        stdout.read_to_end(&mut read).await.unwrap();
        assert_eq!(read.len(), len);
        writer.await.unwrap();
        assert!(running.wait().await.unwrap().success());
    });
}

/// Counts how often a future is polled.
struct Polls<F>(Pin<Box<F>>, usize);

impl<F: Future> Future for Polls<F> {
    type Output = (F::Output, usize);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.1 += 1;
        let polls = self.1;
        self.0.as_mut().poll(context).map(|output| (output, polls))
    }
}

/// A runtime in which nothing can wait for a time.
fn without_timers() -> Runtime {
    Builder::new_current_thread().enable_io().build().unwrap()
}

#[test]
fn a_full_stdin_is_tried_again_when_the_ring_has_room() {
    without_timers().block_on(async {
        let ring = Ring::new(4).unwrap();
        let mut command = shell("sleep 0.3; exec cat > /dev/null");
        let mut running = ring.start(&mut command, &RunOptions::new()).await.unwrap();
        let mut stdin = running.stdin().unwrap();
        let write = async move { stdin.write_all(&vec![b'x'; 3 << 20]).await };
        let (written, polls) = Polls(Box::pin(write), 0).await;
        written.unwrap();
        // each time there is room for half of a MiB
        assert!((2..40).contains(&polls), "{polls}");
        assert!(running.wait().await.unwrap().success());
    });
}

#[test]
fn a_write_to_a_full_stdin_ends_with_its_reader() {
    for text in ["sleep 0.2; exec <&-; exec sleep 100", "sleep 0.2"] {
        without_timers().block_on(async {
            let ring = Ring::new(4).unwrap();
            let run = ring.start(&mut shell(text), &RunOptions::new());
            let mut running = run.await.unwrap();
            let mut stdin = running.stdin().unwrap();
            let error = stdin.write_all(&vec![b'x'; 3 << 20]).await.unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
        });
    }
    without_timers().block_on(async {
        let ring = Ring::new(4).unwrap();
        let run = ring.start(Command::new("sleep").arg("100"), &RunOptions::new());
        let mut running = run.await.unwrap();
        let mut stdin = running.stdin().unwrap();
        let write = async move { stdin.write_all(&vec![b'x'; 3 << 20]).await };
        let writer = tokio::spawn(write);
        tokio::task::yield_now().await; // it has filled all that there is
        drop(running);
        let error = writer.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
    });
}

#[test]
fn output_may_be_read_when_the_run_is_over() {
    in_runtimes(|| async {
        let ring = Ring::new(4).unwrap();
        let mut running = ring
            .start(&mut shell("echo out; echo err >&2"), &RunOptions::new())
            .await
            .unwrap();
        let (mut stdout, mut stderr) = (running.stdout().unwrap(), running.stderr().unwrap());
        assert!(running.wait().await.unwrap().success());
        let (mut out, mut err) = (String::new(), String::new());
        stdout.read_to_string(&mut out).await.unwrap();
        stderr.read_to_string(&mut err).await.unwrap();
        assert_eq!((&*out, &*err), ("out\n", "err\n"));
    });
}

#[test]
fn output_that_nobody_takes_does_not_hold_the_run() {
    in_runtimes(|| async {
        let ring = Ring::new(4).unwrap();
        let mut command = shell("head -c 5000000 /dev/zero; exit 3");
        let running = ring.start(&mut command, &RunOptions::new()).await.unwrap();
        assert_eq!(running.wait().await.unwrap().code(), Some(3));
    });
}

#[test]
fn writing_to_a_program_that_reads_nothing_fails() {
    in_runtimes(|| async {
        let ring = Ring::new(4).unwrap();
        let mut command = shell("read x; exec <&-; echo; sleep 0.2");
        let mut running = ring.start(&mut command, &RunOptions::new()).await.unwrap();
        let mut stdin = running.stdin().unwrap();
        // it reads a line only when the launching thread has closed its copy of stdin
        stdin.write_all(b"x\n").await.unwrap();
        running
            .stdout()
            .unwrap()
            .read_exact(&mut [0])
            .await
            .unwrap();
        // as may a child of another test, until its exec: so the ring may take some of it
        let error = stdin.write_all(&vec![0; 3 << 20]).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
        assert!(running.wait().await.unwrap().success());
    });
}

#[test]
fn a_launch_hands_over_the_child() {
    in_runtimes(|| async {
        let ring = Ring::new(4).unwrap();
        let mut command = shell("echo text; exit 4");
        let mut child = ring.spawn(command.stdout(Stdio::piped())).await.unwrap();
        let mut text = String::new();
        child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!((&*text, child.wait().unwrap().code()), ("text\n", Some(4)));
        // a launch that is dropped at once leaves nothing
        drop(ring.spawn(&mut Command::new("true")));
        let launch = ring.spawn(Command::new("sleep").arg("100"));
        let limited = tokio::time::timeout(Duration::from_micros(1), launch).await;
        if let Ok(Ok(mut child)) = limited {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    });
}

#[test]
fn a_ring_whose_runtime_has_ended_fails_what_waits_and_what_comes() {
    let (first, second) = (runtime(), runtime());
    let ring = first.block_on(async { Ring::new(1).unwrap() });
    let run = ring.start(&mut shell("echo $$; exec sleep 100"), &RunOptions::new());
    let mut running = first.block_on(run).unwrap();
    let mut stdout = running.stdout().unwrap();
    let mut pid = [0; 32];
    let len = first.block_on(stdout.read(&mut pid)).unwrap();
    let waits = second.spawn(async move {
        let read = stdout.read(&mut [0]).await;
        (read.is_err(), running.wait().await.is_err())
    });
    let comes = second.spawn(ring.run(&mut Command::new("true"), &RunOptions::new()));
    second.block_on(tokio::task::yield_now());
    drop(first);
    second.block_on(async {
        assert_eq!(waits.await.unwrap(), (true, true));
        let errors = [
            comes.await.unwrap(),
            ring.run(&mut shell(""), &RunOptions::new()).await,
        ];
        for error in errors.map(Result::unwrap_err) {
            assert!(error.to_string().contains("runtime"), "{error}");
        }
        ends(std::str::from_utf8(&pid[..len]).unwrap()).await;
    });
}

/// Who is woken by nothing.
struct Nobody;

impl Wake for Nobody {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn a_ring_that_is_dropped_ends_a_launch_that_nobody_awaits() {
    runtime().block_on(async {
        let dir = std::env::temp_dir().join(format!("st-rust-ring-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let file = dir.join("pid");
        let ring = Ring::new(4).unwrap();
        let mut command = shell("echo $$ > \"$0.new\"; mv \"$0.new\" \"$0\"; exec sleep 100");
        let mut launch = Box::pin(ring.spawn(command.arg(&file)));
        let waker = Arc::new(Nobody).into();
        let polled = launch.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
        // the launch is over, and the task that would take it does not run meanwhile
        let pid = loop {
            match fs::read_to_string(&file) {
                Ok(pid) => break pid,
                Err(_) => std::thread::sleep(Duration::from_millis(1)),
            }
        };
        drop((launch, ring));
        fs::remove_dir_all(&dir).unwrap();
        let proc = Path::new("/proc").join(pid.trim());
        for _ in 0..1000 {
            if !proc.exists() {
                return; // it is reaped, too
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{pid} was not ended and reaped");
    });
}

/// A task that is woken runs at once, in the thread that wakes it.
struct Eager(Mutex<Option<Pending<RunResult>>>);

impl Wake for Eager {
    fn wake(self: Arc<Self>) {
        let waker = self.clone().into();
        let mut run = self.0.lock().unwrap();
        let polled = run
            .as_mut()
            .map(|run| Pin::new(run).poll(&mut Context::from_waker(&waker)));
        if matches!(polled, Some(Poll::Ready(_))) {
            *run = None;
        }
    }
}

#[test]
fn a_waker_may_use_the_ring() {
    in_runtimes(|| async {
        let ring = Ring::new(4).unwrap();
        let run = ring.run(&mut Command::new("true"), &RunOptions::new());
        let eager = Arc::new(Eager(Mutex::new(Some(run))));
        eager.clone().wake();
        while Arc::strong_count(&eager) > 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(eager.0.lock().unwrap().is_none());
    });
}

#[test]
fn children_of_tokio_and_of_the_standard_library_are_reaped_by_their_owners() {
    let code = |status: ExitStatus| status.code();
    let test = || async {
        let ring = Ring::new(16).unwrap();
        let ours = tokio::spawn(async move {
            for _ in 0..20 {
                let result = ring
                    .run(&mut shell("exit 5"), &RunOptions::new())
                    .await
                    .unwrap();
                assert_eq!(result.code(), Some(5));
                assert_eq!(shell("exit 8").status().unwrap().code(), Some(8));
            }
        });
        let mut theirs = tokio::process::Command::new("sh");
        theirs.args(["-c", "exit 6"]);
        for _ in 0..20 {
            assert_eq!(code(theirs.status().await.unwrap()), Some(6));
            let mut std = std::process::Command::new("sh");
            assert_eq!(code(std.args(["-c", "exit 7"]).status().unwrap()), Some(7));
        }
        ours.await.unwrap();
    };
    in_runtimes(test);
}

#[test]
fn what_is_shared_may_be_sent() {
    fn sent<T: Send>(_: &T) {}
    fn shared<T: Send + Sync>() {}
    shared::<Ring>();
    shared::<RunOptions>();
    shared::<Command>();
    shared::<spawn_template::Template>();
    shared::<spawn_template::Sandbox>();
    shared::<spawn_template::RunResult>();
    shared::<spawn_template::Child>();
    shared::<spawn_template::ring::Running>();
    runtime().block_on(async {
        let ring = Ring::new(1).unwrap();
        sent(&ring.run(&mut Command::new("true"), &RunOptions::new()));
        sent(&ring.start(&mut Command::new("true"), &RunOptions::new()));
        sent(&ring.spawn(&mut Command::new("true")));
    });
}
