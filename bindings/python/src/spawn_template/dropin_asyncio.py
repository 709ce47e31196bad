# SPDX-License-Identifier: BSD-2-Clause
"""The drop-in for asyncio: the loop does not wait for the launch, and learns of the
child's end by the pidfd of the launch.

asyncio itself blocks from fork until exec, and starts a thread for each child to wait
for it (until Python 3.11) or opens a pidfd (later). The drop-in needs neither. A watcher
that somebody has set stays in force, and so does a policy with its own watchers.

The transport is made at once, while its child is on the way, and connects its pipes
when the child has reached exec. If the child fails before that, the transport is made
again, and the loop waits for that launch. So asyncio raises its exceptions where it
always does.

Until the child has reached exec it belongs to the launch: dropping the launch ends it.
Only then it belongs to its Popen.
"""
import os
import sys
import threading
from asyncio import events, unix_events
from asyncio.log import logger
from typing import Any, Callable, Optional

from . import _counts
from ._native import Pending

_is_installed = False
_original_make: Any
_original_transport: Any = unix_events.__dict__["_UnixSubprocessTransport"]
_threaded_watcher: Any = (unix_events.__dict__.get("ThreadedChildWatcher")
                          or unix_events.__dict__["_ThreadedChildWatcher"])


# ---- facts for Popen, in dropin

class Making:
    """A transport that is being made, and the launch of its Popen.

    again: a first launch has failed, so the loop waits for this one. child: None, or the
    child after the end of its launch.
    """

    __slots__ = ("args", "again", "pending", "child")

    def __init__(self, args: Any, again: bool) -> None:
        self.args = args
        self.again = again
        self.pending: Optional[Pending] = None
        self.child: Optional[Pending] = None

    def drop(self) -> None:
        """Drop the launch, because there will be no transport for it."""
        if self.pending is not None:
            self.pending.drop()


class _Local(threading.local):
    making: Optional[Making] = None


_local = _Local()


def made_for(popen: Any) -> Optional[Making]:
    """Returns the transport that is being made with this Popen, or None.

    An audit hook or a signal handler may launch meanwhile, with a Popen of its own,
    but only the right Popen has this very object for its arguments.
    """
    making = _local.making
    return making if making is not None and popen.args is making.args else None


# ---- waiting for the end

class _Exit:
    """Waits in a loop for one child to end."""

    __slots__ = ("_loop", "_child", "_transport", "_over", "_told")

    def __init__(self, loop: Any, child: Pending, transport: Any) -> None:
        self._loop = loop
        self._child = child
        self._transport = transport
        self._over = self._told = False

    def wait(self) -> None:
        if not self._over:
            self._loop._add_reader(self._child.pidfd, self)

    def __call__(self) -> None:
        try:
            self._tell()
        except BaseException:
            # A signal handler may have raised an exception: tell the rest later.
            if not self._told:
                self._loop.call_soon(self._tell)
            raise

    def _tell(self) -> None:
        self._over = True
        self._loop._remove_reader(self._child.pidfd)
        try:
            _, status = os.waitpid(self._child.pid, 0)
        except ChildProcessError:
            # Other code has waited for the child.
            returncode = 255
            logger.warning("child process pid %d exit status already read: "
                           " will report returncode 255", self._child.pid)
        else:
            returncode = os.waitstatus_to_exitcode(status)
            if self._loop.get_debug():
                logger.debug("process %s exited with returncode %s",
                             self._child.pid, returncode)
        self._told = True
        self._transport._process_exited(returncode)


def _default_watcher() -> bool:
    """Tells whether children are watched in the default way.

    It looks where get_child_watcher() would, without its warning and its set-up.
    """
    if not hasattr(events, "get_child_watcher"):
        return True  # Python 3.14 has no watchers any more
    policy = events.get_event_loop_policy()
    if type(policy) is not unix_events.DefaultEventLoopPolicy:
        return False
    watcher = policy.__dict__["_watcher"]
    if watcher is None or type(watcher) is _threaded_watcher:
        return True
    # Before 3.12 somebody has attached this watcher to a loop.
    return (sys.version_info >= (3, 12)
            and type(watcher) is unix_events.PidfdChildWatcher)


# ---- waiting for exec

class _Transport(_original_transport):  # type: ignore[misc]
    """Connects its pipes once its child has reached exec.

    launched is a future, which is True if the child has reached exec. If launched is
    None, the child had reached exec before.
    """

    launched: Any = None

    async def _connect_pipes(self, waiter: Any) -> None:
        if self.launched is None or await self.launched:
            await super()._connect_pipes(waiter)

    def discard(self) -> None:
        """Close the transport as if its making had failed: without a child."""
        popen, self._proc = self._proc, None  # type: ignore[has-type]
        for file in popen.stdin, popen.stdout, popen.stderr:
            if file is not None:
                file.close()
        self.close()


class _NotLaunched(Exception):
    """A launch has failed. A second launch, which the loop waits for, may explain why."""


class _Launch:
    """Waits in a loop for a launch to reach exec, and tells the transport.

    A failure goes to the transport's waiter. When nobody wants the launch any more,
    _gone is a future for its end.
    """

    __slots__ = ("_loop", "_fd", "_pending", "_transport", "_waiter", "_gone",
                 "_exit", "over", "failed")

    def __init__(self, loop: Any, pending: Pending, transport: Any,
                 waiter: Any) -> None:
        self._loop = loop
        self._fd = pending.fileno()
        self._pending = pending
        self._transport = transport
        self._waiter = waiter
        self._gone: Any = None
        self._exit: Optional[_Exit] = None
        self.over = self.failed = False
        transport.launched = loop.create_future()
        loop._add_reader(self._fd, self)

    def __call__(self) -> None:
        try:
            self._tell()
        except BaseException:
            # A signal handler may have raised an exception, which the loop gets: tell the
            # others later.
            self._loop.call_soon(self._tell)
            raise

    def _tell(self) -> None:
        """Tell all sides. May run again: each step checks whether it is done."""
        if not self.over:
            self._loop._remove_reader(self._fd)
            self.over = True
        if self._gone is not None:
            self._pending.drop()
            if not self._gone.done():
                self._gone.set_result(None)
            return
        self.failed = self._pending.end() is not None
        if not self.failed:
            self._launched()
        elif not self._waiter.done():
            self._waiter.set_exception(_NotLaunched())
        if not self._transport.launched.done():
            self._transport.launched.set_result(not self.failed)

    def _launched(self) -> None:
        """Wait for the end of the child, which now runs the program."""
        if self._exit is None:
            self._transport._proc._child_created = True
            self._exit = _Exit(self._loop, self._pending, self._transport)
            _counts.launched()
        self._exit.wait()

    def abandon(self) -> Any:
        """End the child. Returns a future for its end; a closed loop never completes it."""
        self._gone = self._loop.create_future()
        self._pending.kill()
        if not self._loop.is_closed():
            self._transport.launched.cancel()
        self._transport.discard()
        return self._gone


def _make_transport(making: Making, loop: Any, protocol: Any, *rest: Any,
                    **kwargs: Any) -> Any:
    before, _local.making = _local.making, making
    try:
        return _Transport(loop, protocol, making.args, *rest, **kwargs)
    except BaseException:
        making.drop()
        raise
    finally:
        _local.making = before


def _watch(loop: Any, transport: Any, making: Making) -> None:
    """Wait for the end of a child."""
    if making.child is None:  # the original has launched it
        making.child = Pending.open(transport.get_pid())
    if making.child is not None:
        _Exit(loop, making.child, transport).wait()
    else:  # out of descriptors, of which a thread needs none
        _threaded_watcher().add_child_handler(
            transport.get_pid(), loop._child_watcher_callback, transport)


async def _make(loop: Any, making: Making, *args: Any, **kwargs: Any) -> Any:
    waiter = loop.create_future()
    transport = _make_transport(making, loop, *args, waiter=waiter, **kwargs)
    launch = None
    if making.pending is None:
        _watch(loop, transport, making)
    else:
        launch = _Launch(loop, making.pending, transport, waiter)
    try:
        await waiter
    except (SystemExit, KeyboardInterrupt):
        raise
    except _NotLaunched:
        transport.discard()
        raise
    except BaseException as error:
        if launch is not None and launch.failed:
            transport.discard()
        elif launch is None or launch.over:
            transport.close()
            await transport._wait()
        else:
            gone = launch.abandon()
            if type(error) is not GeneratorExit:
                await gone
        raise
    return transport


async def _make_subprocess_transport(loop: Any, protocol: Any, args: Any,
                                     *rest: Any, **kwargs: Any) -> Any:
    if not _is_installed or not _default_watcher():
        return await _original_make(loop, protocol, args, *rest, **kwargs)
    # The copy identifies this launch: other code may use the same string for a shell.
    args = args[:1] + args[1:]
    try:
        return await _make(loop, Making(args, False), protocol, *rest, **kwargs)
    except _NotLaunched:
        pass
    return await _make(loop, Making(args, True), protocol, *rest, **kwargs)


def install(patch: Callable[[Any, str, Any], Any]) -> None:
    global _original_make, _is_installed
    _original_make = patch(unix_events._UnixSelectorEventLoop,
                           "_make_subprocess_transport",
                           _make_subprocess_transport)
    _is_installed = True


def uninstall() -> None:
    global _is_installed
    _is_installed = False
