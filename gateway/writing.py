"""
Who writes answers to clients: the gateway itself, or aiohttp's own responses.

Both have one interface. What is sent goes to the network at once; whether the client
takes it is told to the connection's `gateway.protocol.Flow`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from aiohttp.web import Response, StreamResponse
from attrs import frozen

from gateway.lane.response import FastResponse

if TYPE_CHECKING:
    from gateway.plugin import Headers


class PlainResponse(StreamResponse):
    """A stream that aiohttp writes."""

    def __init__(self, headers: Headers) -> None:
        super().__init__(headers=headers)

    def send(self, data: bytes) -> None:
        """
        Write *data* without waiting for the client to take it.

        Raises:
            ConnectionResetError: the client has left.
        """
        if self._payload_writer is None:
            raise RuntimeError("only a stream that is prepared can be written to")
        writing = cast("Any", self._payload_writer).write(data, drain=False)
        try:
            writing.send(None)
        except StopIteration:
            return
        writing.close()
        raise RuntimeError("aiohttp waits where it was asked not to")


StreamedResponse: TypeAlias = FastResponse | PlainResponse


@frozen
class Writing:
    """
    Attributes:
        stream: makes the response of a stream, from its headers.
        whole: makes one from status, headers and body.
    """

    stream: Callable[[Headers], StreamedResponse]
    whole: Callable[[int, Headers, bytes], StreamResponse]


def _fast_stream(headers: Headers) -> FastResponse:
    return FastResponse(200, headers)


def _plain(status: int, headers: Headers, body: bytes) -> Response:
    return Response(status=status, headers=headers, body=body)


FAST = Writing(_fast_stream, FastResponse)
PLAIN = Writing(PlainResponse, _plain)
