# SPDX-License-Identifier: BSD-2-Clause
"""Output of runs: as text, and in chunks."""
from __future__ import annotations

import codecs
import io
import locale
from typing import Any, Dict, Iterator, NamedTuple, Optional, Union

from . import _native

Buffer = Union[bytes, bytearray, memoryview]

_STREAMS = {_native.CQE_OUT: "stdout", _native.CQE_ERR: "stderr"}


class Chunk(NamedTuple):
    """A part of the output, as it came; stream is "stdout" or "stderr"."""

    stream: str
    data: bytes


class TextChunk(NamedTuple):
    """A part of the output as text. It never ends within a character."""

    stream: str
    data: str


class Text:
    """How bytes become text, with the newlines of subprocess, and text bytes."""

    __slots__ = ("_encoding", "_errors")

    def __init__(self, encoding: Optional[str], errors: Optional[str]) -> None:
        self._encoding = encoding or locale.getpreferredencoding(False)
        self._errors = errors
        codecs.lookup(self._encoding)

    def decoded(self, output: Optional[bytes]) -> Optional[str]:
        """Return output as text. It may be cut off in a character: that is no error."""
        if output is None:
            return None
        text = output.decode(self._encoding, self._errors or "replace")
        return text.replace("\r\n", "\n").replace("\r", "\n")

    def encoded(self, text: str) -> bytes:
        return text.encode(self._encoding, self._errors or "strict")

    def decoder(self) -> io.IncrementalNewlineDecoder:
        """Return a decoder for a stream that comes in parts."""
        make = codecs.getincrementaldecoder(self._encoding)
        return io.IncrementalNewlineDecoder(make(self._errors or "replace"), True)


class Chunks:
    """Makes chunks of the parts of a run's output. With text their borders may move."""

    __slots__ = ("_text", "_decoders")

    def __init__(self, text: Optional[Text]) -> None:
        self._text = text
        self._decoders: Dict[str, io.IncrementalNewlineDecoder] = {}

    def of(self, kind: int, data: bytes) -> Union[Chunk, TextChunk, None]:
        """Return a chunk, or None if the part has only begun a character."""
        stream = _STREAMS[kind]
        if self._text is None:
            return Chunk(stream, data)
        decoder = self._decoders.get(stream)
        if decoder is None:
            decoder = self._decoders[stream] = self._text.decoder()
        text = decoder.decode(data)
        return TextChunk(stream, text) if text else None

    def rest(self) -> Iterator[TextChunk]:
        """Return what is left at the end: characters that were cut off."""
        while self._decoders:
            stream, decoder = self._decoders.popitem()
            text = decoder.decode(b"", True)
            if text:
                yield TextChunk(stream, text)


class TextResult:
    """A Result whose output is text: out, err, stdout and stderr are str."""

    __slots__ = ("_result", "out", "err")

    def __init__(self, result: _native.Result, text: Text) -> None:
        self._result = result
        self.out = text.decoded(result.out)
        self.err = text.decoded(result.err)

    @property
    def stdout(self) -> Optional[str]:
        return self.out

    @property
    def stderr(self) -> Optional[str]:
        return self.err

    @property
    def returncode(self) -> Optional[int]:
        return self._result.returncode

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):        # a copy under construction has no _result
            raise AttributeError(name)
        return getattr(self._result, name)

    def __repr__(self) -> str:
        return repr(self._result)
