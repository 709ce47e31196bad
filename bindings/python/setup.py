# SPDX-License-Identifier: BSD-2-Clause
"""Builds the extension with the C library inside it: a compiler is all it needs.

In a clone the library's sources are two levels up; a source distribution has them
in library/. Two of its files run between clone and exec, and are compiled apart: with
no stack protector and no call that is not written down.
"""
import pathlib
import re
import shutil
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

CFLAGS = ["-std=gnu11", "-O2", "-fvisibility=hidden", "-D_GNU_SOURCE"]
# where what is between quotes is looked for
QUOTES = ["-iquote", str(TOP / "src"), "-iquote", str(TOP)]
# as in the Makefile, which also checks what comes out
CHILD = ["-fno-stack-protector", "-ffreestanding", "-fno-sanitize=all",
         "-fno-builtin", "-fno-lto", "-U_FORTIFY_SOURCE", "-O2"]
CHILD_ONLY = {
    "child.c": CHILD,
    "supervisor_child.c": CHILD + ["-fno-jump-tables", "-fno-tree-vectorize",
                                   "-mgeneral-regs-only"],
}


# A folder is a part, as in the Makefile; src/loader.c belongs to another one.
PARTS = ("src", "src/run", "src/tree", "src/guard", "src/shared")


def library_sources():
    return sorted(path for part in PARTS for path in (TOP / part).glob("*.c")
                  if path != TOP / "src" / "loader.c")


class BuildExt(build_ext):
    """Compiles the library, whose files are not all compiled alike."""

    def build_extension(self, ext):
        for path in library_sources():
            # by its whole path, so that the object stays below build_temp
            ext.extra_objects += self.compiler.compile(
                [str(path)], output_dir=self.build_temp,
                include_dirs=[str(TOP / "include")],
                extra_postargs=CFLAGS + QUOTES + CHILD_ONLY.get(path.name, []))
        super().build_extension(ext)


class Sdist(sdist):
    """Packs the library's sources too."""

    def make_release_tree(self, base_dir, files):
        super().make_release_tree(base_dir, files)
        to = pathlib.Path(base_dir) / "library"
        sources = library_sources()
        headers = [path for part in (*PARTS, "src/arch")
                   for path in (TOP / part).glob("*.h")]
        for path in [TOP / "Makefile", TOP / "LICENSE", *headers, *sources,
                     TOP / "include" / "spawn_template.h",
                     TOP / "bpf" / "exec_cache.h"]:
            target = to / path.relative_to(TOP)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        # in a clone it is a link
        licence = pathlib.Path(base_dir) / "LICENSE"
        licence.unlink(missing_ok=True)
        shutil.copyfile(TOP / "LICENSE", licence)


setup(
    version=VERSION,
    cmdclass={"build_ext": BuildExt, "sdist": Sdist},
    options={"bdist_wheel": {"py_limited_api": "cp39"}},
    ext_modules=[Extension(
        "spawn_template._native",
        sorted(f"native/{path.name}" for path in (HERE / "native").glob("*.c")),
        py_limited_api=True, include_dirs=[str(TOP / "include")],
        define_macros=[("NATIVE_VERSION", f'"{VERSION}"')],
        extra_compile_args=CFLAGS + QUOTES,
        extra_link_args=["-Wl,--version-script,native/exports.map",
                         "-Wl,-z,nodelete", "-Wl,-z,relro", "-Wl,-z,now",
                         "-lpthread"])],
)
