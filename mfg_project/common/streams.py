"""Answers that are written while they are sent: files of any size, under WSGI and ASGI.

What a view begins goes on after the middleware has ended. Each piece is made in the context the view was in (who
acts, language, plant time), and the database connection is given back between the pieces: a slow reader must not keep
one. A stream that fails breaks off; every format that is sent this way says itself where its end is.
"""

from collections.abc import AsyncIterator, Iterator
from contextvars import copy_context
from typing import IO
from weakref import finalize

import structlog
from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import connection
from django.http import HttpRequest, StreamingHttpResponse

log = structlog.get_logger(__name__)
PIECE = 256 * 1024  # bytes of a file


def streamed(
    request: HttpRequest, pieces: Iterator[bytes], *, content_type: str, filename: str, length: int | None = None
) -> StreamingHttpResponse:
    """Call it at the end of the view: the context is the one of the call."""
    headers = {"Content-Disposition": f'attachment; filename="{filename}"', "Cache-Control": "no-store"}
    if length is not None:
        headers["Content-Length"] = str(length)
    # Given a plain iterator, Django's ASGI handler would collect all of it first.
    is_async = isinstance(getattr(request, "_request", request), ASGIRequest)
    stream = _AsyncStream(pieces, filename) if is_async else _SyncStream(pieces, filename)
    return StreamingHttpResponse(stream, content_type=content_type, headers=headers)


class FilePieces:
    """What is left of an open file, which is closed at the end, or when nobody wants it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.close = finalize(self, file.close)  # also when an answer is thrown away unread

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece = self._file.read(PIECE)
        if not piece:
            self.close()
            raise StopIteration
        return piece


class _Stream:
    def __init__(self, pieces: Iterator[bytes], filename: str) -> None:
        self._pieces, self._filename, self._context = pieces, filename, copy_context()

    def following(self) -> bytes | None:
        """The next piece; None at the end."""
        try:
            return self._context.run(next, self._pieces, None)
        except Exception:
            log.exception("stream_broken", filename=self._filename)
            raise
        finally:
            if not connection.in_atomic_block:
                connection.close()

    def close(self) -> None:
        """Called by the server, also when the reader went away: files and cursors are let go."""
        close = getattr(self._pieces, "close", None)
        if close:
            close()


class _SyncStream(_Stream):
    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece = self.following()
        if piece is None:
            raise StopIteration
        return piece


class _AsyncStream(_Stream):
    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        piece = await sync_to_async(self.following)()
        if piece is None:
            raise StopAsyncIteration
        return piece
