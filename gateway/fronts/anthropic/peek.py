"""The least that routing must know of a request in Anthropic's dialect."""

from __future__ import annotations

from gateway.fronts.base import Ask
from gateway.fronts.peeking import HEAD, read_head, read_model_and_stream


def peek(body: bytes, named: Ask | None = None) -> Ask:
    """
    Read model and stream.

    Every stream of this dialect ends with token counts, so its clients always
    want them.

    Raises:
        InvalidRequestError: as `read_head` says.
    """
    head = read_head(body, HEAD, read_model_and_stream, named)
    model = named.model if named else head.model or ""
    stream = bool(head.stream) or (named is not None and named.stream)
    return Ask(model, stream, wants_usage=stream)
