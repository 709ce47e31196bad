// SPDX-License-Identifier: BSD-2-Clause
//! Children and their pipes under tokio.

use spawn_template::ring::Ring;
use spawn_template::{Command, Stdio};
use std::future::Future;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Builder;

/// In a runtime of one thread, which a call that blocks would stop.
fn in_runtime<T>(test: impl Future<Output = T>) -> T {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(test)
}

fn shell(text: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", text]);
    command
}

#[test]
fn a_child_is_awaited_while_other_tasks_run() {
    in_runtime(async {
        let mut child = shell("read x; exit 3")
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        let other = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            drop(stdin);
        });
        assert_eq!(child.wait_async().await.unwrap().code(), Some(3));
        assert_eq!(child.wait_async().await.unwrap().code(), Some(3));
        assert_eq!(child.try_wait().unwrap().unwrap().code(), Some(3));
        other.await.unwrap();
    });
}

#[test]
fn a_wait_that_is_dropped_leaves_the_child() {
    in_runtime(async {
        let mut child = Command::new("sleep").arg("100").spawn().unwrap();
        for _ in 0..3 {
            let wait = tokio::time::timeout(Duration::from_millis(5), child.wait_async());
            assert!(wait.await.is_err());
        }
        child.kill().unwrap();
        let status = child.wait_async().await.unwrap();
        assert_eq!(status.signal(), Some(libc::SIGKILL));
    });
}

#[test]
fn many_children_are_awaited_at_a_time() {
    in_runtime(async {
        let ring = Ring::new(16).unwrap();
        let tasks: Vec<_> = (0..50)
            .map(|i| {
                let ring = ring.clone();
                tokio::spawn(async move {
                    let mut child = ring.spawn(&mut shell(&format!("exit {i}"))).await.unwrap();
                    assert_eq!(child.wait_async().await.unwrap().code(), Some(i));
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

#[test]
fn pipes_carry_more_than_they_hold() {
    in_runtime(async {
        let mut command = Command::new("cat");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap().into_async().unwrap();
        let mut stdout = child.stdout.take().unwrap().into_async().unwrap();
        let writer = tokio::spawn(async move {
            stdin.write_all(&vec![b'x'; 3 << 20]).await.unwrap();
            stdin.shutdown().await.unwrap();
            let error = stdin.write_all(b"x").await.unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
        });
        let mut read = Vec::new();
        stdout.read_to_end(&mut read).await.unwrap();
        assert_eq!(read.len(), 3 << 20);
        writer.await.unwrap();
        assert!(child.wait_async().await.unwrap().success());
    });
}

#[test]
fn both_outputs_are_read_at_a_time() {
    in_runtime(async {
        let mut command = shell("head -c 300000 /dev/zero; head -c 200000 /dev/zero >&2; exit 7");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let output = child.wait_with_output_async().await.unwrap();
        let lengths = (output.stdout.len(), output.stderr.len());
        assert_eq!(
            (lengths, output.status.code()),
            ((300_000, 200_000), Some(7))
        );

        let child = command.stderr(Stdio::null()).spawn().unwrap();
        let output = child.wait_with_output_async().await.unwrap();
        assert_eq!((output.stdout.len(), output.stderr.len()), (300_000, 0));
    });
}

#[test]
fn writing_to_a_child_that_has_ended_fails() {
    in_runtime(async {
        let mut child = Command::new("true").stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap().into_async().unwrap();
        child.wait_async().await.unwrap();
        // a child of another test has a copy of the pipe's other end until its exec
        let error = loop {
            match stdin.write_all(b"x").await {
                Ok(()) => tokio::time::sleep(Duration::from_millis(1)).await,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
    });
}
