"""The least that routing must know of a request."""

from __future__ import annotations

from gateway.fronts.base import Ask
from gateway.fronts.peeking import HEAD, read_head, read_model_and_stream


def peek(body: bytes, said: Ask | None = None) -> Ask:  # noqa: ARG001 - in no path
    """
    Read model and stream; token counts are always in the answer.

    Raises:
        InvalidRequestError: as `read_head` says.
    """
    head = read_head(body, HEAD, read_model_and_stream)
    return Ask(head.model or "", bool(head.stream), wants_usage=True)
