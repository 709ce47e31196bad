// SPDX-License-Identifier: BSD-2-Clause
//! `Command` does what the standard library's does, and what pre_exec is used for.

use spawn_template::{
    Command, LaunchError, Resource, RunOptions, SockFilter, Stage, Stdio, Template,
};
use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::os::unix::io::{AsRawFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process;

fn stdout_of(command: &mut Command) -> String {
    let output = command.output().expect("a launch");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn shell(text: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", text]);
    command
}

/// Both are given the same calls of methods with the same names.
macro_rules! both {
    ($program:expr $(, $method:ident($($arg:expr),*))*) => {{
        let ours = Command::new($program)$(.$method($($arg),*))*.output().unwrap();
        let theirs = process::Command::new($program)$(.$method($($arg),*))*.output().unwrap();
        assert_eq!(ours, theirs);
        ours
    }};
}

#[test]
fn output_equals_that_of_the_standard_library() {
    both!("sh", args(["-c", "echo out; echo err >&2; exit 3"]));
    both!("sh", args(["-c", "kill -9 $$"]));
    both!(
        "env",
        env_clear(),
        env("A", "1"),
        env("B", "2"),
        env_remove("A")
    );
    both!(
        "sh",
        args(["-c", "echo $HOME-$X"]),
        env("X", "y"),
        env_remove("HOME")
    );
    both!("pwd", current_dir("/usr"));
    both!("cat"); // stdin is /dev/null
    both!("sh", args(["-c", "kill -PIPE $$; echo survived"]));
    both!("sh", args(["-c", "cat /proc/self/status | grep ^SigBlk"]));
    both!(
        "sh",
        args([
            "-c",
            "head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2"
        ])
    );
}

#[test]
fn a_program_is_found_along_the_path_of_the_command() {
    let dir = Scratch::new("path");
    let path = dir.script("prog-of-mine", "echo found");
    let found = both!("prog-of-mine", env("PATH", path.parent().unwrap()));
    assert_eq!(found.stdout, b"found\n");
    let error = Command::new("prog-of-mine").output().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    both!("true", env_remove("PATH"));
}

#[test]
fn a_replaced_program_is_launched_as_it_is_now() {
    let dir = Scratch::new("replaced");
    let path = dir.script("p", "echo old");
    assert_eq!(stdout_of(&mut Command::new(&path)), "old\n");
    let template = Template::open(&path).unwrap();
    fs::remove_file(&path).unwrap();
    dir.script("p", "echo new");
    assert_eq!(stdout_of(&mut Command::new(&path)), "new\n");

    let error = template.command().spawn().unwrap_err();
    assert_eq!(
        LaunchError::of(&error).unwrap().raw_os_error(),
        libc::ESTALE
    );
    assert!(template.stat().unwrap().is_stale());
    template.refresh().unwrap();
    assert_eq!(stdout_of(&mut template.command()), "new\n");
}

#[test]
fn an_error_names_the_program_the_step_and_the_reason() {
    let error = shell("true")
        .stdin(Stdio::null())
        .rlimit(Resource::NoFile, 9, 8)
        .spawn()
        .unwrap_err();
    let launch = LaunchError::of(&error).unwrap();
    assert_eq!(
        (launch.stage(), launch.step()),
        (Stage::Action, Some("rlimit"))
    );
    assert_eq!(launch.raw_os_error(), libc::EINVAL);
    assert!(error.to_string().starts_with("sh: "), "{error}");

    let error = Command::new("no-such-program").spawn().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert!(error.to_string().contains("no-such-program"), "{error}");
    let error = Command::new("a\0b").spawn().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}

#[test]
fn pipes_connect_children() {
    let mut first = Command::new("echo")
        .arg("b a")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = Command::new("tr")
        .args([" ", "\n"])
        .stdin(first.stdout.take().unwrap())
        .output()
        .unwrap();
    assert!(first.wait().unwrap().success());
    assert_eq!(output.stdout, b"b\na\n");
}

#[test]
fn files_are_streams() {
    let dir = Scratch::new("files");
    let mut options = File::options();
    options.read(true).write(true).create(true);
    let mut file = options.open(dir.0.join("out")).unwrap();
    file.write_all(b"text").unwrap();
    file.rewind().unwrap();
    assert_eq!(stdout_of(Command::new("cat").stdin(file)), "text");
}

#[test]
fn a_child_is_signalled_and_reaped() {
    let mut child = shell("sleep 60").spawn().unwrap();
    assert_eq!(child.try_wait().unwrap(), None);
    child.signal(libc::SIGTERM).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGTERM));
    assert_eq!(
        child.try_wait().unwrap().unwrap().signal(),
        Some(libc::SIGTERM)
    );
    child.kill().unwrap(); // of a reaped child does nothing

    let mut child = shell("sleep 60 & wait").setsid(true).spawn().unwrap();
    child.signal_tree(libc::SIGKILL).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));
}

#[test]
fn attributes_reach_the_program() {
    assert_eq!(stdout_of(shell("umask").umask(0o027)), "0027\n");
    assert_eq!(stdout_of(shell("nice").nice(7)), "7\n");
    let limits = |command: &mut Command| stdout_of(command);
    assert_eq!(
        limits(shell("ulimit -n").rlimit(Resource::NoFile, 99, 99)),
        "99\n"
    );
    assert_eq!(
        limits(shell("ulimit -c").rlimit(Resource::Core, 0, 0)),
        "0\n"
    );
    let leads =
        "set -- $(cat /proc/$$/stat); [ $5 = $$ ] && echo group; [ $6 = $$ ] && echo session";
    assert_eq!(
        stdout_of(shell(&format!("{leads}; true")).process_group(0)),
        "group\n"
    );
    assert_eq!(stdout_of(shell(leads).setsid(true)), "group\nsession\n");
    let status = "grep NoNewPrivs: /proc/self/status";
    assert_eq!(
        stdout_of(shell(status).no_new_privs(true)),
        "NoNewPrivs:\t1\n"
    );
}

#[test]
fn ids_are_set_as_root() {
    // SAFETY: it cannot fail
    if unsafe { libc::getuid() } != 0 {
        println!("skipped: not root");
        return;
    }
    let ids = stdout_of(Command::new("id").uid(1234).gid(2345));
    assert!(ids.starts_with("uid=1234 gid=2345"), "{ids}");
    assert!(ids.trim_end().ends_with("groups=2345"), "{ids}");
    let ids = stdout_of(Command::new("id").arg("-G").gid(2345).groups(&[7, 8]));
    assert_eq!(ids, "2345 7 8\n");
}

#[test]
fn a_run_may_have_the_streams_of_the_caller() {
    let mut command = shell("readlink /proc/self/fd/0; readlink /proc/self/fd/2");
    command.stdin(Stdio::inherit()).stderr(Stdio::inherit());
    let result = command.run(&RunOptions::new()).unwrap();
    let own = |fd| fs::read_link(format!("/proc/self/fd/{fd}")).unwrap();
    assert_eq!(
        result.stdout.to_string_lossy(),
        format!("{}\n{}\n", own(0).display(), own(2).display())
    );
}

#[test]
fn only_the_descriptors_that_are_given_stay_open() {
    let dir = Scratch::new("fds");
    let file = || OwnedFd::from(File::create(dir.0.join("f")).unwrap());
    let list = "for n in $(seq 0 99); do [ ! -e /proc/$$/fd/$n ] || echo -n \"$n \"; done";
    // SAFETY: a copy without close-on-exec
    let open = unsafe { libc::dup(file().as_raw_fd()) };
    assert_eq!(stdout_of(&mut shell(list)), "0 1 2 ");
    let inherits = stdout_of(shell(list).inherit_fds(true));
    assert!(inherits.contains(&format!(" {open} ")), "{inherits}");

    let kept = file();
    let number = kept.as_raw_fd();
    assert_eq!(
        stdout_of(shell(list).keep_fd(kept)),
        format!("0 1 2 {number} ")
    );
    assert_eq!(stdout_of(shell(list).map_fd(file(), 9)), "0 1 2 9 ");
}

#[test]
fn mapped_descriptors_may_be_swapped() {
    let dir = Scratch::new("swap");
    let open = |name: &str| {
        fs::write(dir.0.join(name), name).unwrap();
        OwnedFd::from(File::open(dir.0.join(name)).unwrap())
    };
    let (a, b) = (open("a"), open("b"));
    let (at_a, at_b) = (a.as_raw_fd(), b.as_raw_fd());
    let text = format!("cat <&{at_a}; cat <&{at_b}");
    if at_a > 9 || at_b > 9 {
        return; // dash cannot name them
    }
    assert_eq!(
        stdout_of(shell(&text).map_fd(a, at_b).map_fd(b, at_a)),
        "ba"
    );
}

#[test]
fn a_number_that_no_descriptor_may_have_fails_in_its_step() {
    let file = || OwnedFd::from(File::open("/dev/null").unwrap());
    for number in [i32::MAX, -1] {
        let mut command = Command::new("true");
        // the second one is duplicated, since the first one overwrites it
        let second = file();
        let overwritten = second.as_raw_fd();
        command.map_fd(file(), overwritten).map_fd(second, number);
        let error = command.spawn().unwrap_err();
        match LaunchError::of(&error) {
            Some(launch) => {
                assert_eq!(launch.step(), Some("map_fd"));
                assert_eq!(launch.raw_os_error(), libc::EBADF);
            }
            None => assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{error}"),
        }
    }
}

#[test]
fn pipes_of_the_standard_library_are_streams() {
    let mut first = process::Command::new("echo");
    let mut first = first
        .arg("text")
        .stdout(process::Stdio::piped())
        .spawn()
        .unwrap();
    let text = stdout_of(Command::new("cat").stdin(first.stdout.take().unwrap()));
    assert_eq!(text, "text\n");
    first.wait().unwrap();
}

#[test]
fn a_seccomp_filter_is_in_force() {
    let allow = SockFilter {
        code: 0x06, // BPF_RET
        k: 0x7fff_0000,
        ..SockFilter::default()
    };
    let status = "grep Seccomp: /proc/self/status";
    assert_eq!(stdout_of(shell(status).seccomp([allow])), "Seccomp:\t2\n");
}

#[test]
fn clones_of_a_template_launch_in_threads() {
    let template = Template::new("echo").unwrap();
    let threads: Vec<_> = (0..4)
        .map(|i| {
            let template = template.clone();
            std::thread::spawn(move || {
                for _ in 0..20 {
                    let text = stdout_of(template.command().arg(i.to_string()));
                    assert_eq!(text, format!("{i}\n"));
                }
            })
        })
        .collect();
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    assert_eq!(template.stat().unwrap().cold(), 80);
}

/// A directory of its own, removed at the end.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let dir = std::env::temp_dir().join(format!("st-rust-{name}-{}", process::id()));
        fs::create_dir_all(&dir).unwrap();
        Scratch(dir)
    }

    /// Writes a script beside its place, in another process, so that no child of another
    /// thread holds it open for writing.
    fn script(&self, name: &str, text: &str) -> std::path::PathBuf {
        let path = self.0.join(name);
        let write = format!("printf '#!/bin/sh\\n{text}\\n' > \"$1\" && chmod +x \"$1\"");
        let mut sh = process::Command::new("sh");
        let status = sh.args(["-c", &write, "sh"]).arg(&path).status().unwrap();
        assert!(status.success());
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_stream_may_be_read_while_the_child_runs() {
    let mut child = shell("echo one; read x; echo $x")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut buf = [0; 4];
    out.read_exact(&mut buf).unwrap();
    assert_eq!(&buf, b"one\n");
    child.stdin.take().unwrap().write_all(b"two\n").unwrap();
    out.read_exact(&mut buf).unwrap();
    assert_eq!(&buf, b"two\n");
    assert!(child.wait().unwrap().success());
}
