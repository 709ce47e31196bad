// SPDX-License-Identifier: BSD-2-Clause
//! Holds the declarations to the C compiler: `scripts/abi` has it print every offset, size
//! and value of the header.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

pub(crate) struct Layout {
    pub name: &'static str,
    pub size: usize,
    pub members: Vec<(&'static str, usize, usize)>,
}

macro_rules! layout {
    ($name:ident: $($member:ident),*) => {{
        let whole = std::mem::MaybeUninit::<crate::$name>::uninit();
        let base = whole.as_ptr();
        crate::layout::Layout {
            name: stringify!($name),
            size: std::mem::size_of::<crate::$name>(),
            members: vec![$({
                // SAFETY: the address is computed, and nothing is read
                let member = unsafe { std::ptr::addr_of!((*base).$member) };
                (
                    stringify!($member),
                    member as usize - base as usize,
                    crate::layout::size_of_target(member),
                )
            }),*],
        }
    }};
}
pub(crate) use layout;

pub(crate) fn size_of_target<T>(_: *const T) -> usize {
    std::mem::size_of::<T>()
}

/// What the C compiler says now; or nothing, if this is not the repository.
fn ask_compiler() -> Option<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../scripts/abi");
    if !script.exists() {
        println!("skipped: no scripts/abi beside a packed crate");
        return None;
    }
    let output = Command::new(script).output().expect("scripts/abi");
    assert!(output.status.success(), "{output:?}");
    Some(String::from_utf8(output.stdout).unwrap())
}

/// The lines for this libc: name, and the numbers behind it.
fn lines(text: &str) -> BTreeMap<&str, Vec<u64>> {
    let mut lines = BTreeMap::new();
    for line in text.lines() {
        let line = match line.strip_prefix("with musl: ") {
            Some(line) if cfg!(target_env = "musl") => line,
            Some(_) => continue,
            None => line,
        };
        let mut words = line.split_whitespace();
        let name = words.next().unwrap();
        lines.insert(name, words.map_while(number).collect());
    }
    lines
}

fn number(word: &str) -> Option<u64> {
    match word.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => word.parse().ok(),
    }
}

#[test]
fn structures_and_constants_are_those_of_the_c_compiler() {
    let text = match ask_compiler() {
        Some(text) => text,
        None => return,
    };
    let mut expected = lines(&text);
    let mut different = Vec::new();
    let mut compare = |name: String, ours: Vec<u64>| match expected.remove(&*name) {
        Some(theirs) if theirs == ours => {}
        theirs => different.push(format!("{name}: {ours:?} here, {theirs:?} in C")),
    };
    for layout in crate::bindings::layouts() {
        compare(layout.name.into(), vec![layout.size as u64]);
        for (member, offset, size) in layout.members {
            compare(
                format!("{}.{}", layout.name, member.trim_end_matches('_')),
                vec![offset as u64, size as u64],
            );
        }
    }
    for (name, value) in crate::bindings::constants() {
        compare(name.into(), vec![value]);
    }
    assert!(
        different.is_empty() && expected.is_empty(),
        "'make rust-bindings' writes the declarations anew\n{different:#?}\nnot here: {:?}",
        expected.keys()
    );
}
