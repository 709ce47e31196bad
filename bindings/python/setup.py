# SPDX-License-Identifier: BSD-2-Clause
"""Builds the extension with the C library inside it: a C compiler, make and binutils
are all that is needed.

The library is built by its own recipe, the Makefile, which also checks the code that
runs between clone and exec. In a clone the recipe is two levels up; a source
distribution has it, and the files that it names, in library/.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sysconfig

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist

HERE = pathlib.Path(__file__).resolve().parent
PACKED = HERE / "library"
TOP = PACKED if PACKED.exists() else HERE.parent.parent

if sysconfig.get_config_var("Py_GIL_DISABLED"):
    raise SystemExit("spawn_template has no support for free-threaded builds of "
                     "Python")

VERSION = re.search(r"^VERSION := (\S+)$", (TOP / "Makefile").read_text(),
                    re.M).group(1)


def make(*arguments, **options):
    """Runs the recipe. CC and CFLAGS come from the environment, but the options of a
    make that runs this script do not."""
    program = shutil.which("gmake") or shutil.which("make")
    if program is None:
        raise SystemExit("spawn_template: its C library is built by GNU make, which is "
                         "not there: install it (Debian: apt install make)")
    environ = {name: value for name, value in os.environ.items()
               if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")}
    done = subprocess.run([program, "--no-print-directory", "-C", TOP, "SAN=",
                           *arguments], env=environ, check=False, text=True, **options)
    if done.returncode != 0:
        raise SystemExit("spawn_template: make could not build the C library, and says "
                         "why above")
    return done.stdout


class BuildExt(build_ext):
    """Has the library built, then links it into the extension."""

    def build_extension(self, ext):
        # begin empty: the objects of another build may have had other flags
        to = pathlib.Path(self.build_temp).resolve() / "library"
        shutil.rmtree(to, ignore_errors=True)
        # a path relative to the recipe: the absolute one may have a space, which make
        # cannot handle
        out = os.path.relpath(to, TOP)
        jobs = len(os.sched_getaffinity(0))
        make(f"-j{jobs}", f"O={out}", *self.compiler_words(),
             f"{out}/libspawn_template.a")
        ext.extra_objects.append(str(to / "libspawn_template.a"))
        super().build_extension(ext)

    @staticmethod
    def compiler_words():
        """Names the compiler of this Python's extensions, unless the caller names one."""
        if os.environ.get("CC"):
            return []
        return ["CC=" + (sysconfig.get_config_var("CC") or "cc")]


class Sdist(sdist):
    """Packs the library's recipe and the files that it names, too."""

    def make_release_tree(self, base_dir, files):
        super().make_release_tree(base_dir, files)
        to = pathlib.Path(base_dir) / "library"
        for name in make("-s", "print-library-files", stdout=subprocess.PIPE).split():
            target = to / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(TOP / name, target)
        # replace the link that a clone has
        licence = pathlib.Path(base_dir) / "LICENSE"
        licence.unlink(missing_ok=True)
        shutil.copyfile(TOP / "LICENSE", licence)


CFLAGS = ["-std=gnu11", "-fvisibility=hidden", "-D_GNU_SOURCE"]

setup(
    version=VERSION,
    cmdclass={"build_ext": BuildExt, "sdist": Sdist},
    options={"bdist_wheel": {"py_limited_api": "cp39"}},
    ext_modules=[Extension(
        "spawn_template._native",
        sorted(f"native/{path.name}" for path in (HERE / "native").glob("*.c")),
        py_limited_api=True, include_dirs=[str(TOP / "include")],
        define_macros=[("NATIVE_VERSION", f'"{VERSION}"')],
        extra_compile_args=CFLAGS,
        extra_link_args=["-Wl,--version-script,native/exports.map",
                         "-Wl,-z,nodelete", "-Wl,-z,relro", "-Wl,-z,now",
                         "-lpthread"])],
)
