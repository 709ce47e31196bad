// SPDX-License-Identifier: BSD-2-Clause
//! Holds the declarations to the C compiler: each function, and each member, is declared
//! to it once more, in C, with the type that it has in Rust.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const DECLARATIONS: &str = include_str!("bindings.rs");

/// The C type, for a declaration `TYPE name`.
fn c_type(rust: &str) -> String {
    let rust = rust.trim();
    if let Some(target) = rust.strip_prefix("*const ") {
        return format!("{} const *", c_type(target));
    }
    if let Some(target) = rust.strip_prefix("*mut ") {
        return format!("{} *", c_type(target));
    }
    match rust {
        "u64" | "u32" | "u16" | "i64" | "i32" => {
            let sign = if rust.starts_with('u') { "u" } else { "" };
            format!("{sign}int{}_t", &rust[1..])
        }
        "usize" => "size_t".into(),
        "c_uint" => "unsigned int".into(),
        "c_int" | "c_char" | "c_void" => rust[2..].into(),
        "pid_t" | "spawn_template_output_fn" => rust.into(),
        _ => format!("struct {rust}"),
    }
}

/// The words between two marks, of each place that has both.
fn between<'a>(text: &'a str, start: &'a str, end: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(start)
        .skip(1)
        .filter_map(move |rest| Some(rest.split_once(end)?.0))
}

/// `a: A, b: B` as names and C types.
fn typed(list: &str) -> Vec<(&str, String)> {
    list.split(',')
        .filter_map(|one| one.trim().trim_start_matches("pub ").split_once(": "))
        .map(|(name, rust)| (name, c_type(rust)))
        .collect()
}

/// `name(a: A) -> R` as `R name(A a);`
fn function(rust: &str) -> String {
    let (name, rest) = rust.split_once('(').unwrap();
    let (list, result) = rest.rsplit_once(')').unwrap();
    let list: Vec<_> = typed(list)
        .into_iter()
        .map(|(name, c)| format!("{c} {name}"))
        .collect();
    let result = result
        .trim()
        .strip_prefix("-> ")
        .map_or("void".into(), c_type);
    format!("{result} {name}({});", list.join(", "))
}

fn members(rust: &str) -> Vec<String> {
    let (name, list) = rust.split_once(" {").unwrap();
    let name = format!("spawn_template_{name}");
    let check = |(member, c): (&str, String)| {
        let member = member.trim_end_matches('_');
        // of an array, the type of the first element
        let (c, element) = match c.strip_prefix("struct [") {
            Some(array) => (c_type(array.split(';').next().unwrap()), "[0]"),
            None => (c, ""),
        };
        let theirs = format!("__typeof__(((struct {name} *)0)->{member}{element})");
        format!("_Static_assert(__builtin_types_compatible_p({theirs}, {c}), \"{name}.{member}\");")
    };
    typed(list).into_iter().map(check).collect()
}

fn declared_again() -> String {
    let functions: Vec<_> = between(DECLARATIONS, "    pub fn ", ";")
        .map(function)
        .collect();
    assert!(functions.len() > 30, "{functions:#?}");
    let structs = between(DECLARATIONS, "\npub struct spawn_template_", "\n}");
    let structs = structs.filter(|text| !text.contains("_private"));
    let members: Vec<_> = structs.flat_map(members).collect();
    assert!(members.len() > 150, "{members:#?}");
    let callback = between(DECLARATIONS, "unsafe extern \"C\" fn", ";")
        .next()
        .unwrap();
    let callback = function(&format!("taker{callback}"));
    let same = "__builtin_types_compatible_p(__typeof__(taker) *, spawn_template_output_fn)";
    let callback = format!("{callback}\n_Static_assert({same}, \"output_fn\");\n");
    callback + &functions.join("\n") + "\n" + &members.join("\n") + "\n"
}

/// The C sources; or nothing, if the crate was copied without what it links to.
fn c_sources() -> Option<PathBuf> {
    let c = Path::new(env!("CARGO_MANIFEST_DIR")).join("c");
    if !c.join("include/spawn_template.h").exists() {
        println!("skipped: no C sources beside a copied crate");
        return None;
    }
    Some(c)
}

#[test]
fn the_types_of_functions_and_members_are_those_of_the_c_compiler() {
    let include = match c_sources() {
        Some(c) => c.join("include"),
        None => return,
    };
    let mut cc = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
    cc.args(["-std=gnu11", "-fsyntax-only", "-Wall", "-Werror", "-x", "c"]);
    cc.args(["-include", "sys/resource.h", "-include", "linux/openat2.h"]);
    cc.arg("-I")
        .arg(include)
        .args(["-include", "spawn_template.h", "-"]);
    let mut cc = cc
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    cc.stdin
        .take()
        .unwrap()
        .write_all(declared_again().as_bytes())
        .unwrap();
    let output = cc.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
}

#[test]
fn every_function_of_the_library_is_declared() {
    let map = match c_sources() {
        Some(c) => std::fs::read_to_string(c.join("src/spawn_template.map")).unwrap(),
        None => return,
    };
    let exported = map.lines().filter_map(|line| line.trim().strip_suffix(';'));
    let exported: Vec<_> = exported
        .filter(|name| name.starts_with("spawn_template_"))
        .collect();
    assert!(exported.len() > 30, "{exported:?}");
    for name in exported {
        let start = format!("    pub fn {name}(");
        assert!(DECLARATIONS.contains(&start), "{name} is missing");
    }
}
