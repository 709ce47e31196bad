// SPDX-License-Identifier: BSD-2-Clause
//! One test, so that no other opens descriptors meanwhile.

use spawn_template::{Command, RunOptions, Template};
use std::{fs, time::Duration};

#[test]
fn launches_leave_no_descriptor_and_no_child() {
    let count = || fs::read_dir("/proc/self/fd").unwrap().count();
    let launch = || {
        let _ = Command::new("echo").output().unwrap();
        let _ = Command::new("no-such-program").output().unwrap_err();
        let _ = Command::new("true")
            .current_dir("/nonexistent")
            .output()
            .unwrap_err();
        let template = Template::new("sleep").unwrap();
        let options = RunOptions::new().timeout(Duration::from_millis(1));
        let result = template.command().arg("9").run(&options).unwrap();
        assert!(result.timed_out());
    };
    launch();
    let before = count();
    for _ in 0..20 {
        launch();
    }
    assert_eq!(count(), before);
    // SAFETY: no child is left to be reaped
    let ret = unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) };
    assert_eq!(ret, -1);
}
