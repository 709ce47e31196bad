// SPDX-License-Identifier: BSD-2-Clause
//! Runs that tell when their program runs, and runs in the caller's process group.

use spawn_template::ring::{Detachable, Ring};
use spawn_template::{Command, LaunchError, RunOptions};
use std::future::Future;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::runtime::Builder;

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
fn a_ring_tells_the_pid_of_a_program_that_can_be_signalled() {
    in_runtime(async {
        let ring = Ring::new(4).unwrap();
        let options = RunOptions::new().tell_start(true);
        let mut command = shell("trap 'exit 7' HUP; echo $$; while :; do sleep 0.02; done");
        let mut running = ring.start(&mut command, &options).await.unwrap();
        let program = running.started().await.unwrap();
        let mut stdout = running.stdout().unwrap();
        let mut text = [0; 32];
        let len = stdout.read(&mut text).await.unwrap();
        assert_eq!(text[..len], *format!("{}\n", program.id()).as_bytes());
        assert!(program.pidfd().is_some());
        program.signal(libc::SIGHUP).unwrap();
        assert_eq!(running.wait().await.unwrap().code(), Some(7));
        program.signal(libc::SIGHUP).unwrap(); // of a program that has ended does nothing
    });
}

#[test]
fn a_program_that_never_runs_has_no_start() {
    in_runtime(async {
        let ring = Ring::new(4).unwrap();
        let options = RunOptions::new().tell_start(true);
        let mut command = Command::new("true");
        let run = ring.start(command.current_dir("/nonexistent"), &options);
        let mut running = run.await.unwrap();
        assert!(running.started().await.is_none());
        let error = running.wait().await.unwrap_err();
        assert_eq!(LaunchError::of(&error).unwrap().step(), Some("current_dir"));

        // one that nobody has asked to tell
        let run = ring.start(&mut Command::new("true"), &RunOptions::new());
        let mut running = run.await.unwrap();
        assert!(running.started().await.is_none());
        assert!(running.wait().await.unwrap().success());
    });
}

#[test]
fn runs_whose_start_nobody_awaits_end_as_others_do() {
    in_runtime(async {
        let ring = Ring::new(4).unwrap();
        let options = RunOptions::new().tell_start(true);
        let result = ring.run(&mut shell("echo text; exit 3"), &options).await;
        let result = result.unwrap();
        assert_eq!(
            (result.code(), &result.stdout[..]),
            (Some(3), &b"text\n"[..])
        );
        let options = options.timeout(Duration::from_secs(60));
        let run = ring.run_or_detach(&mut shell("exit 4"), &options, Duration::from_secs(1));
        match run.await.unwrap() {
            Detachable::Ended(result) => assert_eq!(result.code(), Some(4)),
            detached => panic!("{detached:?}"),
        }
    });
}

#[test]
fn a_run_without_a_ring_refuses_to_tell_its_start() {
    let options = RunOptions::new().tell_start(true);
    let error = Command::new("true").run(&options).unwrap_err();
    let errno = LaunchError::of(&error).unwrap().raw_os_error();
    assert_eq!(errno, libc::EINVAL);
}

#[test]
fn a_run_may_stay_in_the_group_and_session_of_the_caller() {
    // SAFETY: they cannot fail
    let own = unsafe { (libc::getpgrp(), libc::getsid(0)) };
    let ids = |options: &RunOptions| {
        let result = shell("set -- $(cat /proc/$$/stat); echo $5 $6 $$").run(options);
        let text = result.unwrap().stdout.to_string_lossy();
        let numbers: Vec<i32> = text
            .split_whitespace()
            .map(|n| n.parse().unwrap())
            .collect();
        (numbers[0], numbers[1], numbers[2])
    };
    let (group, session, _) = ids(&RunOptions::new().same_group(true));
    assert_eq!((group, session), own);
    let (group, session, pid) = ids(&RunOptions::new().same_group(true).same_group(false));
    assert_eq!((group, session), (pid, pid));

    let mut command = Command::new("true");
    let both = command
        .setsid(true)
        .run(&RunOptions::new().same_group(true));
    let errno = LaunchError::of(&both.unwrap_err()).unwrap().raw_os_error();
    assert_eq!(errno, libc::EINVAL);
}
