# SPDX-License-Identifier: BSD-2-Clause
"""The part of asyncio in dropin: a child is waited for by the pidfd of its launch.

Until Python 3.11 asyncio by default starts a thread for each child, to wait for it;
later it asks for a pidfd. Here neither is needed. A watcher that somebody has set
stays in force, and so does a policy that has its own way with watchers.
"""
import os
import sys
import threading
from asyncio import events, unix_events
from asyncio.log import logger
from typing import Any, Callable, Optional

_local = threading.local()

_original_make: Any


def take_pidfd(pidfd: int) -> bool:
    """Keeps the pidfd of a launch that this thread makes for asyncio."""
    if getattr(_local, "wanted", False):
        _local.pidfd = pidfd
        return True
    return False


class _Exit:
    """Waits in a loop for one child to end."""

    __slots__ = ("_loop", "_pid", "_pidfd", "_transport")

    def __init__(self, loop: Any, pid: int, pidfd: int, transport: Any) -> None:
        self._loop = loop
        self._pid = pid
        self._pidfd = pidfd
        self._transport = transport
        loop._add_reader(pidfd, self)

    def __call__(self) -> None:
        self._loop._remove_reader(self._pidfd)
        try:
            _, status = os.waitpid(self._pid, 0)
        except ChildProcessError:
            # Something else has waited for it.
            returncode = 255
            logger.warning("child process pid %d exit status already read: "
                           " will report returncode 255", self._pid)
        else:
            returncode = os.waitstatus_to_exitcode(status)
            if self._loop.get_debug():
                logger.debug("process %s exited with returncode %s",
                             self._pid, returncode)
        self._transport._process_exited(returncode)

    def __del__(self) -> None:
        # Also if the loop was closed before the child ended.
        os.close(self._pidfd)


def _default_watcher() -> Optional[bool]:
    """True if children are watched as they are by default; False: as somebody says.

    Looks where get_child_watcher() would, without its warning and what it sets up.
    """
    if not hasattr(events, "get_child_watcher"):
        return True  # 3.14: there are no watchers any more
    policy = events.get_event_loop_policy()
    if type(policy) is not unix_events.DefaultEventLoopPolicy:
        return False
    watcher = policy._watcher
    if watcher is None or type(watcher) is unix_events.ThreadedChildWatcher:
        return True
    # Before 3.12 it has to be attached to a loop, and somebody has done that.
    return (sys.version_info >= (3, 12)
            and type(watcher) is unix_events.PidfdChildWatcher)


def _pidfd_of(pid: int) -> int:
    """The pidfd kept by the launch, or another, if the original has launched."""
    pidfd = _local.__dict__.pop("pidfd", -1)
    return pidfd if pidfd >= 0 else os.pidfd_open(pid)


async def _make_subprocess_transport(loop: Any, protocol: Any, args: Any,
                                     shell: Any, stdin: Any, stdout: Any,
                                     stderr: Any, bufsize: Any,
                                     extra: Any = None, **kwargs: Any) -> Any:
    if not _default_watcher():
        return await _original_make(loop, protocol, args, shell, stdin, stdout,
                                    stderr, bufsize, extra, **kwargs)
    waiter = loop.create_future()
    _local.wanted = True
    try:
        transport = unix_events._UnixSubprocessTransport(
            loop, protocol, args, shell, stdin, stdout, stderr, bufsize,
            waiter=waiter, extra=extra, **kwargs)
    finally:
        _local.wanted = False
    pid = transport.get_pid()
    _Exit(loop, pid, _pidfd_of(pid), transport)
    try:
        await waiter
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException:
        transport.close()
        await transport._wait()
        raise
    return transport


def install(patch: Callable[[Any, str, Any], Any]) -> None:
    global _original_make
    _original_make = patch(unix_events._UnixSelectorEventLoop,
                           "_make_subprocess_transport",
                           _make_subprocess_transport)
