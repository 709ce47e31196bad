// SPDX-License-Identifier: BSD-2-Clause
//! Options and attributes of runs: sandboxes, cgroups, terminals, spilled output.
//! A test of a thing that this machine cannot do is skipped, and says so.

use spawn_template::{Command, LaunchError, RunOptions, RunResult, Sandbox};
use std::fs::{self, File};
use std::io;
use std::ops::ControlFlow;
use std::os::unix::io::{FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

fn shell(text: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", text]);
    command
}

/// The result of a run, unless this machine lacks what the run needs.
fn unless_missing(result: io::Result<RunResult>) -> Option<RunResult> {
    let error = match result {
        Ok(result) => return Some(result),
        Err(error) => error,
    };
    let errno = LaunchError::of(&error)
        .expect("a launch error")
        .raw_os_error();
    let missing = [
        libc::EOPNOTSUPP,
        libc::EACCES,
        libc::EROFS,
        libc::EBUSY,
        libc::EPERM,
    ];
    assert!(missing.contains(&errno), "{error:?}");
    println!("skipped: {error}");
    None
}

#[test]
fn a_sandbox_denies_what_its_lists_lack() {
    let (open, closed) = (Scratch::new("open"), Scratch::new("closed"));
    let options = Sandbox::options()
        .read_only("/")
        .writable(&open.0)
        .no_net(true);
    let sandbox = match options.build() {
        Ok(sandbox) => sandbox,
        Err(error) => {
            assert_ne!(options.lost().unwrap(), 0, "{error}");
            println!("skipped: {error}");
            return;
        }
    };
    let text = "echo x > \"$1/f\" && echo wrote; (echo x > \"$2/f\") 2>&- || echo denied";
    let mut command = shell(text);
    command.arg("sh").arg(&open.0).arg(&closed.0);
    let result = command.sandbox(&sandbox).run(&RunOptions::new()).unwrap();
    assert_eq!(&result.stdout[..], b"wrote\ndenied\n");
    assert!(open.0.join("f").exists() && !closed.0.join("f").exists());

    let status = command
        .stderr(spawn_template::Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    let error = Sandbox::options()
        .read_only("/no/such/place")
        .build()
        .unwrap_err();
    assert!(error.to_string().starts_with("/no/such/place: "), "{error}");
}

/// A ruleset that denies to make directories, everywhere.
fn ruleset() -> Option<OwnedFd> {
    const MAKE_DIR: u64 = 1 << 7;
    const CREATE_RULESET: std::os::raw::c_long = 444; // on all architectures
    let handled = [MAKE_DIR];
    // SAFETY: the size is the array's, which is the structure's first member
    let fd = unsafe { libc::syscall(CREATE_RULESET, handled.as_ptr(), 8_usize, 0_u32) };
    // SAFETY: the call has just opened it
    (fd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

#[test]
fn a_landlock_ruleset_is_in_force() {
    let scratch = Scratch::new("landlock");
    let mut command = shell("echo file > \"$1/file\"; mkdir \"$1/dir\" 2>&- || echo denied");
    command.arg("sh").arg(&scratch.0);
    match ruleset() {
        Some(ruleset) => command.landlock(ruleset),
        None => return println!("skipped: the kernel has no Landlock"),
    };
    let output = command.output().unwrap();
    assert_eq!(&output.stdout[..], b"denied\n");
    assert!(scratch.0.join("file").exists() && !scratch.0.join("dir").exists());
}

/// A directory of cgroup v2 of this process's, removed at the end.
struct Cgroup(PathBuf);

impl Cgroup {
    fn new(name: &str) -> Option<Cgroup> {
        let own = fs::read_to_string("/proc/self/cgroup").ok()?;
        let own = own.lines().find_map(|line| line.strip_prefix("0::/"))?;
        let name = format!("st-rust-{name}-{}", std::process::id());
        let path = mounted()?.join(own).join(name);
        match fs::create_dir(&path) {
            Ok(()) => Some(Cgroup(path)),
            Err(error) => {
                println!("skipped: {}: {error}", path.display());
                None
            }
        }
    }

    fn open(&self) -> File {
        File::open(&self.0).unwrap()
    }
}

fn mounted() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/mounts").ok()?;
    let mut lines = mounts.lines().map(|line| line.split(' '));
    let place = lines.find_map(|mut words| {
        let place = words.nth(1)?;
        (words.next() == Some("cgroup2")).then_some(place)
    });
    place.map(PathBuf::from)
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        for _ in 0..1000 {
            match fs::remove_dir(&self.0) {
                Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                _ => return,
            }
        }
    }
}

#[test]
fn a_program_starts_in_the_cgroup_that_is_given() {
    if let Some(cgroup) = Cgroup::new("start") {
        let mut command = shell("cat /proc/self/cgroup");
        let output = command.cgroup(cgroup.open()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let name = cgroup.0.file_name().unwrap().to_str().unwrap();
        assert!(text.trim_end().ends_with(name), "{text}");
    }
}

#[test]
fn a_run_has_a_cgroup_below_the_one_that_is_given() {
    if let Some(cgroup) = Cgroup::new("below") {
        let options = RunOptions::new().cgroup_below(cgroup.open());
        let result = shell("cat /proc/self/cgroup").run(&options).unwrap();
        let name = cgroup.0.file_name().unwrap().to_str().unwrap();
        let text = result.stdout.to_string_lossy();
        assert!(text.contains(&format!("/{name}/")), "{text}");
        assert!(result.had_cgroup());
        let left = fs::read_dir(&cgroup.0).unwrap();
        assert!(left.flatten().all(|entry| entry.path().is_file()));
    }
}

#[test]
fn the_number_of_processes_is_limited() {
    let options = RunOptions::new().pids_max(2);
    if let Some(result) = unless_missing(shell("sleep 1 & sleep 1 & sleep 1").run(&options)) {
        assert!(!result.success(), "{result:?}");
        assert!(
            result.stderr.to_string_lossy().contains("fork"),
            "{result:?}"
        );
    }
}

#[test]
fn the_time_on_processors_is_limited() {
    let options = RunOptions::new()
        .cpu_max(Duration::from_millis(10))
        .cpu_weight(50);
    let spin = "i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done";
    if let Some(result) = unless_missing(shell(spin).run(&options)) {
        assert!(result.success());
        let used = result.cpu_time().expect("the tree's time");
        // a tenth of one processor, but for a period at each end
        assert!(
            result.total_time() + Duration::from_millis(200) >= used * 5,
            "{result:?}"
        );
    }
}

#[test]
fn what_a_program_leaves_is_ended_and_counted() {
    let options = RunOptions::new().end_leftovers(true);
    let result = shell("sleep 100 >&- 2>&- & echo $!").run(&options).unwrap();
    assert_eq!(result.leftovers(), 1);
    let pid = result.stdout.to_string_lossy();
    assert!(!Path::new("/proc")
        .join(pid.trim())
        .join("fd")
        .join("0")
        .exists());
}

#[test]
fn a_supervised_tree_cannot_leave_its_session() {
    let options = RunOptions::new().supervise(true);
    let result = shell("setsid sleep 100 >&- 2>&- & echo $!").run(&options);
    if let Some(result) = unless_missing(result) {
        let pid = result.stdout.to_string_lossy();
        let environ = Path::new("/proc").join(pid.trim()).join("environ");
        for _ in 0..1000 {
            match fs::read(&environ) {
                Ok(bytes) if !bytes.is_empty() => std::thread::sleep(Duration::from_millis(5)),
                _ => return,
            }
        }
        panic!("{pid} lives");
    }
}

#[test]
fn a_run_may_have_a_terminal() {
    let options = RunOptions::new().pty(30, 99).echo(false).input("text\n");
    let text = "tty -s && stty size; read line; echo \"got $line\"";
    let result = shell(text).run(&options).unwrap();
    assert_eq!(result.stdout.to_string_lossy(), "30 99\r\ngot text\r\n");
}

#[test]
fn output_that_is_too_long_goes_to_a_file() {
    let scratch = Scratch::new("spill");
    let options = RunOptions::new()
        .max_output(1000)
        .spill(File::open(&scratch.0).unwrap());
    let result = shell("seq 5000").run(&options).unwrap();
    assert!(result.spilled() && result.stdout_truncated());
    let all = fs::read_to_string(scratch.0.join("out")).unwrap();
    assert_eq!(all.len() as u64, result.stdout_total());
    assert!(all.ends_with("\n5000\n") && all.as_bytes().starts_with(&result.stdout));
}

#[test]
fn a_panic_of_the_taker_ends_the_tree_and_goes_on() {
    let mut calls = 0;
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut command = shell("echo $$; sleep 100; echo more");
        command.run_streaming(&RunOptions::new(), |_, _| {
            calls += 1;
            std::panic::panic_any("the taker's")
        })
    }));
    assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"the taker's"));
    assert_eq!(calls, 1);
}

#[test]
fn the_taker_may_end_the_tree() {
    let mut command = shell("echo first; sleep 100");
    let options = RunOptions::new().grace(Duration::from_secs(50));
    let result = command.run_streaming(&options, |_, _| ControlFlow::Break(()));
    assert_eq!(result.unwrap().signal(), Some(libc::SIGTERM));
}

/// A directory of its own, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let dir = std::env::temp_dir().join(format!("st-rust-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        Scratch(dir)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
