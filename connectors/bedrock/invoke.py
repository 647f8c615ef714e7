"""
Anthropic's own protocol, as Bedrock offers it: ``invoke``.

The body is that of Messages, without the model and whether to stream, which stand in
the path; with a version of its own and with the betas in it, which are a header
elsewhere. A stream's events come one by one in base64, inside of an event stream.

Source: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html,
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModelWithResponseStream.html
and https://platform.claude.com/docs/en/build-with-claude/claude-on-amazon-bedrock-legacy
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct, field

from connectors.edits import default, drop
from gateway.domain.errors import BackendError
from gateway.wire import jsonsplice
from gateway.wire.bedrock import read_exception
from gateway.wire.eventstream import EXCEPTION, EventStreamFramer
from gateway.wire.json import encode, loads

if TYPE_CHECKING:
    from gateway.plugin import Headers
    from gateway.wire.sse import Frame

VERSION = "bedrock-2023-05-31"
# The header's versions that this one is the name of.
_OLD = ("", "2023-06-01", "2023-01-01")
BETAS = "anthropic_beta"
_HEADER = "anthropic-beta"

# What Anthropic calls errors of these statuses in a stream.
# Source: https://platform.claude.com/docs/en/api/errors
_KINDS = {
    400: "invalid_request_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    429: "rate_limit_error",
    503: "overloaded_error",
}
_NAME = re.compile(rb"[a-z_]{1,64}")
_LINES = re.compile(rb"\r\n|\n|\r")


def version(body: bytes, headers: Headers, operation: str) -> bytes:
    """
    Say in the body what version a caller speaks, which is a header elsewhere.

    A newer one goes on as it is: so does Anthropic's own client for Bedrock.
    """
    said = headers.pop("anthropic-version", "")
    value = VERSION if said in _OLD else said
    return default("anthropic_version", value)(body, headers, operation)


def betas(body: bytes, headers: Headers, operation: str) -> bytes:
    """Say in the body what Anthropic's clients say in a header."""
    del operation
    said = headers.pop(_HEADER, "")
    names = [name.strip() for name in said.split(",") if name.strip()]
    if not names:
        return body
    spans = [span for key, _, span in jsonsplice.members(body) if key == BETAS]
    known = loads(body[slice(*spans[-1])]) if spans else []
    both = [*known, *names] if isinstance(known, list) else names
    return jsonsplice.replace(body, BETAS, encode([*dict.fromkeys(both)]))


EDITS = (drop("model", "stream"), version, betas)


class _Chunk(Struct):
    """A frame's data; msgspec reads base64 where bytes are wanted."""

    data: bytes = field(name="bytes")


class _Event(Struct):
    type: str = ""


_CHUNK = msgspec.json.Decoder(_Chunk)
_EVENT = msgspec.json.Decoder(_Event)


class InvokeDecoder:
    """
    Makes of Bedrock's event stream the one of Anthropic's own API.

    The events' JSON is not touched: what Bedrock adds to the last of them stays. What
    is cut off stays cut off: the last word is Anthropic's ``message_stop``.
    """

    def __init__(self) -> None:
        self._framer = EventStreamFramer()
        self._broken = False

    def feed(self, chunk: bytes) -> bytes:
        return b"".join([self._event(frame) for frame in self._framer.feed(chunk)])

    def eof(self) -> bytes:
        return b""

    def _event(self, frame: Frame) -> bytes:
        if self._broken:
            return b""
        if frame.event.startswith(EXCEPTION):
            name = frame.event.removeprefix(EXCEPTION)
            error = read_exception(name, frame.data)
            return self._error(error, _KINDS.get(error.status_code, "api_error"))
        if frame.event != "chunk":
            return b""  # novelties; there is nothing of Anthropic's in them
        try:
            data = _CHUNK.decode(frame.data).data
        except (msgspec.MsgspecError, UnicodeDecodeError):
            what = "the upstream sent a malformed chunk"
            return self._error(BackendError(what), "api_error")
        return _sse(_type_of(data), data)

    def _error(self, error: BackendError, kind: str) -> bytes:
        self._broken = True
        said = {"type": kind, "message": error.message}
        return _sse(b"error", encode({"type": "error", "error": said}))


def _type_of(data: bytes) -> bytes:
    try:
        name = _EVENT.decode(data).type.encode()
    except (msgspec.MsgspecError, UnicodeError):
        return b""
    return name if _NAME.fullmatch(name) else b""


def _sse(name: bytes, data: bytes) -> bytes:
    if b"\n" in data or b"\r" in data:
        data = b"\ndata: ".join(_LINES.split(data))
    event = b"event: %b\n" % name if name else b""
    return b"%bdata: %b\n\n" % (event, data)
