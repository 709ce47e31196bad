# SPDX-License-Identifier: BSD-2-Clause
"""Run: a program that runs in an event loop, with its output and its input."""
from __future__ import annotations

import asyncio
from typing import (Any, Callable, Generator, Generic, Iterator, Optional, TypeVar,
                    Union, cast)

from . import _native, engine
from .job import Job
from .options import AnyResult, Request, _winsize
from .output import Buffer, Chunk, Chunks, TextChunk, TextResult

R = TypeVar("R", _native.Result, TextResult)
C = TypeVar("C", Chunk, TextChunk)


class Run(Generic[R, C]):
    """A program that runs. Template.start() and stream() make it.

    async for takes chunks of output as they come; a program waits to write more than
    max_output bytes (1 MiB) that nobody has taken. The run ends with its last chunk.
    await waits for the end and returns the result; async with ends the tree when the
    block is left, and waits for it. A run that nobody refers to any more is ended.
    """

    __slots__ = ("_template", "_request", "_job", "_owned", "_chunks", "_rest",
                 "_begins", "__weakref__")

    def __init__(self, template: Callable[[], _native.Template],
                 request: Request) -> None:
        self._template = template
        self._request = request
        self._job = Job()
        self._owned = False     # a cancelled task does not end the tree
        self._chunks = Chunks(request.text)
        self._rest: Optional[Iterator[TextChunk]] = None
        self._begins: Optional[asyncio.Future[None]] = None

    def __repr__(self) -> str:
        state = ("over" if self._job.over else "in the background"
                 if self._job.detached else "begun" if self._begins else "new")
        return f"<spawn_template.Run {self._request.argv!r} {state}>"

    # ---- the beginning

    async def _begin(self) -> Job:
        """Queue the run, unless a task has done so, which others wait for."""
        job = self._job
        while self._begins is not None and not self._begins.done():
            await asyncio.shield(self._begins)
        if self._begins is None and job.over is None:
            self._begins = asyncio.get_running_loop().create_future()
            try:
                await engine.start(self._template(), job, self._request.argv,
                                   self._request.options)
            except BaseException as error:
                job.finish(error, None)
                raise
            finally:
                self._begins.set_result(None)
            job.begun()
        return job

    async def _start(self) -> Run[R, C]:
        await self._begin()
        self._owned = True
        return self

    # ---- output

    def __aiter__(self) -> Run[R, C]:
        if not self._request.options.get("stream"):
            raise TypeError("the output is kept: use stream(), or start(stream=True)")
        return self

    async def __anext__(self) -> C:
        try:
            job = await self._begin()
            while True:
                chunk = self._next(job)
                if chunk is not None:
                    return cast(C, chunk)
                if job.over is not None:
                    break
                await job.changed()
        except BaseException:
            self._give_up()
            raise
        self._finished()
        raise StopAsyncIteration

    def _next(self, job: Job) -> Union[Chunk, TextChunk, None]:
        while job.parts:
            kind, part = job.parts.popleft()
            chunk = self._chunks.of(kind, part.take())
            if chunk is not None:
                return chunk
        if job.over is None:
            return None
        if self._rest is None:
            self._rest = self._chunks.rest()
        return next(self._rest, None)

    # ---- the end

    @property
    def result(self) -> Optional[R]:
        """The result; None: the run is not over, or has none."""
        result = self._job.over and self._job.over[1]
        return None if result is None else cast(R, self._request.told(result))

    @property
    def returncode(self) -> Optional[int]:
        """The exit code, or the negated signal, once the run is over."""
        result = self._job.over and self._job.over[1]
        return None if result is None else result.returncode

    @property
    def detached(self) -> bool:
        """The timeout has passed, and the program has gone on."""
        return self._job.detached is not None

    def _finished(self) -> R:
        assert self._job.over is not None
        error, result = self._job.over
        if self._job.cancelled and result is None:
            raise asyncio.CancelledError
        if error is not None and not self._job.cancelled:
            raise error
        assert result is not None
        return cast(R, self._request.told(result) if self._job.cancelled else
                    self._request.answer(result))

    async def wait(self) -> R:
        """Wait for the end, and return the result. Output must be taken meanwhile."""
        try:
            job = await self._begin()
            while job.over is None:
                await job.changed()
        except BaseException:
            self._give_up()
            raise
        return self._finished()

    def __await__(self) -> Generator[Any, None, R]:
        return self.wait().__await__()

    async def first_result(self) -> R:
        """Wait for the timeout of a run with detach, or for its end if that is earlier.

        Returns the result of that moment, whose attribute detached tells which it is.
        """
        try:
            job = await self._begin()
            while job.over is None and job.detached is None:
                await job.changed()
        except BaseException:
            self._give_up()
            raise
        if job.detached is not None:
            return cast(R, self._request.told(job.detached))
        return self._finished()

    def cancel(self) -> None:
        """End the tree: SIGTERM, and SIGKILL after grace. The run still has a result."""
        job = self._job
        if job.over is not None:
            return
        job.cancelled = True
        if job.engine is not None:
            job.engine.end(job)
        else:
            job.finish(asyncio.CancelledError(), None)

    def _give_up(self) -> None:
        """A task has failed to wait: end the tree, unless somebody else owns the run."""
        if not self._owned:
            self.cancel()

    async def aclose(self) -> None:
        """End the tree, and wait until it has ended."""
        job = self._job
        self.cancel()
        while job.over is None:
            job.parts.clear()
            await job.changed()
        job.parts.clear()

    async def __aenter__(self) -> Run[R, C]:
        return await self._start()

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    def __del__(self) -> None:
        job: Optional[Job] = getattr(self, "_job", None)
        if job is not None and job.engine is not None and job.over is None:
            job.engine.forget(job)

    # ---- input and terminal

    def write(self, data: Union[str, Buffer]) -> None:
        """Write to the program's stdin, of a run with open_input. Never waits.

        What the program has not read is kept, so await drain() before there is much.
        BrokenPipeError: the program reads no more.
        """
        self._needs("open_input")
        if isinstance(data, str):
            if self._request.text is None:
                raise TypeError("the input of this run is bytes")
            data = self._request.text.encoded(data)
        self._job.write(bytes(data))

    async def drain(self) -> None:
        """Wait until at most 1 MiB of what was written has not been read."""
        self._needs("open_input")
        job = await self._begin()
        while job.unsent:
            await job.changed()
        if job._broken:
            job.check_input()

    def close_input(self) -> None:
        """End the program's stdin, behind what was written before."""
        self._needs("open_input")
        self._job.close_input()

    def resize(self, rows: int, columns: int) -> None:
        """Set the size of the terminal, of a run with pty."""
        self._needs("pty")
        size = _winsize((rows, columns))
        job = self._job
        if job.engine is None:
            self._request.options["winsize"] = size
        elif job.over is None:
            job.engine.ring.winsize(job, size)

    def _needs(self, option: str) -> None:
        if not self._request.options.get(option):
            raise ValueError(f"the run has no {option}=True")


async def run(template: _native.Template, request: Request) -> AnyResult:
    """Run a program to its end, and pass its output on as it comes."""
    handed = request.on_output
    request.options["stream"] = True
    going: Run[Any, Any] = Run(lambda: template, request)
    try:
        async for chunk in going:
            answer: Any = handed(chunk) if handed else None
            if hasattr(answer, "__await__"):
                await answer
    except BaseException:
        going.cancel()
        raise
    result: AnyResult = going._finished()
    return result
