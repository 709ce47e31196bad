# SPDX-License-Identifier: BSD-2-Clause
"""Print what a program can see of the Python that runs it, one fact a line.

test_warm_python.c compares this report of a prepared Python with that of a cold
one. Left out are what differs between two cold ones, too (ids, addresses, times,
random numbers), and what a prepared Python is documented to show:
gc.get_freeze_count(), gc.get_objects(), atexit._ncallbacks().
"""
import sys

first = sorted(sys.modules)
main = sorted(vars())

import atexit, builtins, gc, locale, os, resource, signal, threading
import time, warnings


def show(name, value):
    print(f"{name}: {value!r}")


def show_stream(name):
    s = getattr(sys, name)
    show(name, s)
    show(name + " is its original", s is getattr(sys, f"__{name}__"))
    if s is None:
        return
    buffer = s.buffer
    raw = getattr(buffer, "raw", buffer)
    for what in ("encoding", "errors", "newlines", "line_buffering",
                 "write_through", "mode", "name", "closed"):
        show(f"{name}.{what}", getattr(s, what, None))
    show(name + " buffer", type(buffer).__name__)
    show(name + " raw", (type(raw).__name__, raw.name, raw.mode, raw.closefd))
    show(name + " state", (s.fileno(), s.isatty(), s.readable(), s.writable()))


def read(path):
    with open(path, "rb") as f:
        return f.read()


def status():
    wanted = ("Umask", "Threads", "SigQ", "ShdPnd", "SigPnd", "SigBlk", "SigIgn",
              "SigCgt", "CapInh", "CapPrm", "CapEff", "CapBnd", "NoNewPrivs",
              "Seccomp", "Uid", "Gid", "TracerPid", "Name")
    for line in read("/proc/self/status").decode().splitlines():
        if line.split(":")[0] in wanted and not line.startswith("SigQ"):
            print(line)


for name in ("argv", "orig_argv", "path", "flags", "executable", "prefix",
             "base_prefix", "exec_prefix", "base_exec_prefix", "platlibdir",
             "warnoptions", "_xoptions", "dont_write_bytecode", "hash_info",
             "pycache_prefix", "implementation", "thread_info", "maxsize",
             "_base_executable", "_home", "_git", "version"):
    show("sys." + name, getattr(sys, name, None))
for name in ("getfilesystemencoding", "getfilesystemencodeerrors",
             "getrecursionlimit", "getswitchinterval", "gettrace",
             "getprofile", "getdefaultencoding", "getallocatedblocks",
             "get_int_max_str_digits", "is_finalizing"):
    if name != "getallocatedblocks" and hasattr(sys, name):
        show(f"sys.{name}()", getattr(sys, name)())
show("sys", sorted(n for n in vars(sys) if not n.startswith("last_")))
show("modules", first)
show("meta_path", [getattr(f, "__name__", type(f)) for f in sys.meta_path])
show("path_hooks", len(sys.path_hooks))
show("path_importer_cache", sorted(sys.path_importer_cache))
for name in ("stdin", "stdout", "stderr"):
    show_stream(name)
show("environ", list(os.environ.items()))
show("environb", list(os.environb.items()))
show("cwd", os.getcwd())
show("main", main)
show("names", (__name__, globals().get("__file__"), __package__, __doc__ is None))
show("spec", __spec__ if __spec__ is None else __spec__.name)
show("loader", getattr(__loader__, "__name__", type(__loader__).__name__))
show("main is in modules", sys.modules["__main__"].__dict__ is globals())
show("builtins", sorted(dir(builtins)))
for n in range(1, signal.NSIG):
    try:
        show(f"signal {n}", signal.getsignal(n))
    except ValueError:
        pass
show("mask", signal.pthread_sigmask(signal.SIG_BLOCK, []))
status()
show("cmdline", read("/proc/self/cmdline"))
show("environ of /proc", read("/proc/self/environ"))
show("comm", read("/proc/self/comm"))
show("exe", os.readlink("/proc/self/exe"))
show("fds", sorted(os.listdir("/proc/self/fd"), key=int))
show("maps", sorted({m.split(None, 5)[5] for m in
                     read("/proc/self/maps").decode().splitlines()
                     if len(m.split(None, 5)) > 5}))
thread = threading.main_thread()
show("thread", (thread.ident == threading.get_ident(), thread.is_alive(),
                thread.native_id == os.getpid() == threading.get_native_id()))
show("threads", threading.active_count())
show("filters", warnings.filters)
show("gc", (gc.isenabled(), gc.get_threshold(), gc.get_debug(), gc.garbage))
show("locale", (locale.setlocale(locale.LC_ALL), time.tzname))
show("encoding", locale.getpreferredencoding(False))
show("limits", [resource.getrlimit(n) for n in range(16)])
show("nice", (os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0)))
site = sys.modules.get("site")
show("site", site and (site.ENABLE_USER_SITE, site.USER_SITE, site.PREFIXES))
show("exit", [type(getattr(builtins, n, None)).__name__
              for n in ("exit", "quit", "help", "copyright")])
show("cpu time", time.process_time() < 5)


class Ends:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("end of", self.name, sys.is_finalizing())


in_main = Ends("a global")
cycle = Ends("a cycle")
cycle.itself = cycle
del cycle
builtins.kept = Ends("one kept by builtins")
sys.kept = Ends("one kept by sys")
threading.kept = Ends("one kept by a module")
atexit.register(print, "registered first")
atexit.register(print, "registered last")
threading.Thread(target=lambda: (time.sleep(0.05), print("a thread"))).start()
