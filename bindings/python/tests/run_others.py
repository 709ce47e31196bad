#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs tests of other projects with install() first: those of anyio and trio,
unchanged, and AutoGen's executor of code; also the engine in a loop of uvloop.

	run_others.py DIR

They run in a virtual environment in DIR, which is made if it is missing. Without a
package index for that, the tests are skipped, or fail with MUST_WORK=1.
"""
import glob
import os
import re
import subprocess
import sys
import tarfile

HERE = os.path.dirname(os.path.abspath(__file__))
REQUIREMENTS = os.path.join(HERE, "requirements.txt")


class NoPackages(Exception):
    pass


def pip(python, *args):
    run = subprocess.run([python, "-m", "pip", "--quiet", "--no-input",
                          "--disable-pip-version-check", *args])
    if run.returncode:
        raise NoPackages("pip failed")


def make_environment(directory):
    """Make the environment anew if its requirements differ; return its python."""
    python = os.path.join(directory, "bin", "python")
    stamp = os.path.join(directory, "requirements.txt")
    with open(REQUIREMENTS, encoding="utf-8") as file:
        wanted = file.read()
    if os.path.exists(stamp):
        with open(stamp, encoding="utf-8") as file:
            if file.read() == wanted:
                return python
    run = subprocess.run([sys.executable, "-m", "venv", "--clear", directory])
    if run.returncode:
        raise NoPackages("there is no venv")
    pip(python, "install", "-r", REQUIREMENTS)
    with open(stamp, "w", encoding="utf-8") as file:
        file.write(wanted)
    return python


def sources(python, directory, name):
    """Unpack the source of a package, whose tests are not installed."""
    with open(REQUIREMENTS, encoding="utf-8") as file:
        version = re.search(r"^%s==(\S+)" % name, file.read(), re.M).group(1)
    path = os.path.join(directory, "src", "%s-%s" % (name, version))
    if not os.path.isdir(path):
        pip(python, "download", "--no-deps", "--no-binary", name, "--dest",
            os.path.dirname(path), "%s==%s" % (name, version))
        with tarfile.open(glob.glob(path + ".tar.gz")[0]) as archive:
            archive.extractall(os.path.dirname(path))
    return path


def run(name, command, cwd=HERE):
    """Run tests; return how many passed and failed, by their own summary."""
    print("---- " + name, flush=True)
    run = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         timeout=300)
    text = run.stdout.decode(errors="replace")
    print(text[-4000:] if run.returncode else "\n".join(
        text.splitlines()[-4:]), flush=True)
    passed = re.findall(r"^(?:.* )?(\d+) passed|^Ran (\d+)", text, re.M)
    failed = sum(map(int, re.findall(r"(\d+) (?:failed|errors?)\b", text)))
    total = int("".join(passed[-1])) if passed else 0
    if run.returncode and not failed:
        failed = 1
    return total - (failed if text.find("\nRan ") >= 0 else 0), failed


def main():
    directory = os.path.abspath(sys.argv[1])
    try:
        python = make_environment(directory)
        anyio = sources(python, directory, "anyio")
    except NoPackages as error:
        must = os.environ.get("MUST_WORK") == "1"
        print("%s: %s" % ("FAILED" if must else "skipped", error))
        print("0 passed, %d failed" % must)
        return int(must)
    pytest = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider",
              "-p", "pytest_dropin"]
    os.environ["PYTHONPATH"] = os.pathsep.join(
        (HERE, os.path.abspath(os.environ["PYTHONPATH"])))
    results = [
        run("anyio, with asyncio, uvloop and trio",
            pytest + ["tests/test_subprocesses.py"], cwd=anyio),
        run("trio", pytest + ["-p", "trio._tests.pytest_plugin", "--pyargs",
                              "trio._tests.test_subprocess"]),
        run("AutoGen", [python, "-W", "ignore", "others_autogen.py"]),
        run("uvloop", [python, "others_uvloop.py"]),
        run("programs of docs/python.md", [python, "test_docs.py"]),
    ]
    passed, failed = map(sum, zip(*results))
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
