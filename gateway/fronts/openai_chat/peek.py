"""The least that routing must know of a request in OpenAI's dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from gateway.fronts.base import Ask
from gateway.fronts.peeking import Head, read_head

if TYPE_CHECKING:
    from gateway.fronts.fields import Fields


class _Head(Head):
    """The same with two details of a stream."""

    n: int | None = None
    stream_options: dict[str, Any] | None = None


_HEAD = msgspec.json.Decoder(_Head)


def peek(body: bytes, named: Ask | None = None) -> Ask:
    """
    Read model, stream and two details; everything else may be as it likes.

    Raises:
        InvalidRequestError: as `read_head` says.
    """
    head = read_head(body, _HEAD, _read, named)
    model = named.model if named else head.model or ""
    if not head.stream:
        return Ask(model, stream=False)
    usage = bool((head.stream_options or {}).get("include_usage"))
    return Ask(model, True, head.n or 1, usage)


def _read(top: Fields) -> _Head:
    head = _Head(top.text("model"), top.flag("stream"))
    if head.stream:  # else the two are none of a passthrough's business
        head.n = top.integer("n")
        head.stream_options = top.object("stream_options")
    return head
