"""
Whether what an event holds is of the declared types.

Nothing else would notice where the mistake is: bytes in place of text are written as
base64, and a dictionary in place of token counts fails far from who made it.
"""

from __future__ import annotations

from typing import Any

from gateway.domain import events, parts, reply

_TEXT = (("text", str),)
_NAME = (("id", str), ("name", str))
# Types of what authors fill in; what only our own readers make is not here.
_MEMBERS: dict[type, tuple[tuple[str, Any], ...]] = {
    events.ReplyStart: (
        ("id", str | None),
        ("model", str | None),
        ("created", int | None),
    ),
    events.BlockStart: (("part", parts.Part),),
    events.TextDelta: _TEXT,
    events.ThinkingDelta: _TEXT,
    events.RefusalDelta: _TEXT,
    events.ToolInputDelta: _TEXT,
    events.SignatureDelta: (("signature", parts.Signature),),
    events.CitationDelta: (("citation", parts.Citation),),
    events.MediaDelta: (("data", str), ("transcript", str)),
    events.UsageUpdate: (("usage", reply.Usage),),
    events.ChoiceEnd: (("finish", reply.Finish),),
    parts.ToolCall: _NAME,
    parts.Signature: (("origin", str), ("value", str)),
    reply.Finish: (("stop", reply.Stop), ("raw", str | None)),
    reply.Usage: tuple(
        (name, int | None)
        for name in ("input", "cache_read", "cache_write", "output", "reasoning")
    ),
}


def check_members(event: object) -> None:
    """
    Check what *event* holds, and what that holds.

    Raises:
        TypeError: with the member's name and type, and without its value.
    """
    for name, kind in _MEMBERS.get(type(event), ()):
        found = getattr(event, name)
        if not isinstance(found, kind):
            wanted = getattr(kind, "__name__", kind)
            raise TypeError(
                f"{name} of a {type(event).__name__} is a {type(found).__name__},"
                f" not {wanted}"
            )
        if type(found) in _MEMBERS:
            check_members(found)
