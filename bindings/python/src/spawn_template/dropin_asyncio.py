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
from typing import Any, Callable, Dict, Optional, Tuple

_original_make: Any
_transport_type: Any = unix_events.__dict__["_UnixSubprocessTransport"]
_threaded_watcher: Any = (unix_events.__dict__.get("ThreadedChildWatcher")
                          or unix_events.__dict__["_ThreadedChildWatcher"])


class _Local(threading.local):
    """The pidfds of what the thread launches while it makes a transport, by pid.

    There may be more than one: an audit hook or a signal handler may launch too.
    """

    kept: Optional[Dict[int, int]] = None


_local = _Local()


def take_pidfd(pid: int, pidfd: int) -> bool:
    """Keeps the pidfd of a launch that this thread makes for asyncio."""
    kept = _local.kept
    if kept is None:
        return False
    kept[pid] = pidfd
    return True


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


def _default_watcher() -> bool:
    """True if children are watched as they are by default; False: as somebody says.

    Looks where get_child_watcher() would, without its warning and what it sets up.
    """
    if not hasattr(events, "get_child_watcher"):
        return True  # 3.14: there are no watchers any more
    policy = events.get_event_loop_policy()
    if type(policy) is not unix_events.DefaultEventLoopPolicy:
        return False
    watcher = policy.__dict__["_watcher"]
    if watcher is None or type(watcher) is _threaded_watcher:
        return True
    # Before 3.12 it has to be attached to a loop, and somebody has done that.
    return (sys.version_info >= (3, 12)
            and type(watcher) is unix_events.PidfdChildWatcher)


def _make_transport(loop: Any, *args: Any, **kwargs: Any) -> Tuple[Any, int]:
    """Returns it and the pidfd of its launch; -1 if the original has launched."""
    before = _local.kept
    kept = _local.kept = {}
    try:
        transport = _transport_type(loop, *args, **kwargs)
        return transport, kept.pop(transport.get_pid(), -1)
    finally:
        _local.kept = before
        for pidfd in kept.values():
            os.close(pidfd)


def _watch(loop: Any, transport: Any, pidfd: int) -> None:
    pid = transport.get_pid()
    if pidfd == -1:
        try:
            pidfd = os.pidfd_open(pid)
        except OSError:  # out of descriptors: a thread needs none
            _threaded_watcher().add_child_handler(
                pid, loop._child_watcher_callback, transport)
            return
    _Exit(loop, pid, pidfd, transport)


async def _make_subprocess_transport(loop: Any, protocol: Any, args: Any,
                                     shell: Any, stdin: Any, stdout: Any,
                                     stderr: Any, bufsize: Any,
                                     extra: Any = None, **kwargs: Any) -> Any:
    if not _default_watcher():
        return await _original_make(loop, protocol, args, shell, stdin, stdout,
                                    stderr, bufsize, extra, **kwargs)
    waiter = loop.create_future()
    transport, pidfd = _make_transport(
        loop, protocol, args, shell, stdin, stdout, stderr, bufsize,
        waiter=waiter, extra=extra, **kwargs)
    _watch(loop, transport, pidfd)
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
