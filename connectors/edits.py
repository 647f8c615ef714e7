"""
Small changes to a request's body, for providers that differ from their protocol.

Each is an `Edit`: it changes one member and leaves every other byte as it came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gateway.wire import jsonsplice
from gateway.wire.json import encode

if TYPE_CHECKING:
    from gateway.domain.reply import Json
    from gateway.plugin import Edit, Headers


def drop(*names: str, of: tuple[str, ...] = ()) -> Edit:
    """
    Return what leaves out the members called *names*.

    Args:
        of: the operations whose bodies are changed; none: all.
    """

    def edit(body: bytes, headers: Headers, operation: str) -> bytes:
        del headers
        if of and operation not in of:
            return body
        for name in names:
            body = jsonsplice.remove(body, name)
        return body

    return edit


def default(name: str, value: Json, of: tuple[str, ...] = ()) -> Edit:
    """Return what adds a member where the caller has none of that name."""

    def edit(body: bytes, headers: Headers, operation: str) -> bytes:
        del headers
        if of and operation not in of:
            return body
        if any(key == name for key, _, _ in jsonsplice.members(body)):
            return body
        return jsonsplice.replace(body, name, encode(value))

    return edit


def rename(old: str, new: str, of: tuple[str, ...] = ()) -> Edit:
    """Return what calls the member *old* by the name *new*; a *new* one wins."""

    def edit(body: bytes, headers: Headers, operation: str) -> bytes:
        del headers
        if of and operation not in of:
            return body
        values = {key: body[slice(*span)] for key, _, span in jsonsplice.members(body)}
        if old not in values:
            return body
        body = jsonsplice.remove(body, old)
        return body if new in values else jsonsplice.replace(body, new, values[old])

    return edit


def role(old: str, new: str) -> Edit:
    """
    Return what calls the role *old* of a chat's messages by the name *new*.

    Where there is such a message, white space between messages goes.
    """
    mark = b'"%b"' % old.encode()

    def edit(body: bytes, headers: Headers, operation: str) -> bytes:
        del headers
        if operation != "chat" or mark not in body:
            return body
        try:
            chat = _MESSAGES.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return body  # the provider will say what is wrong with it
        pieces = [_renamed(bytes(raw), old, new) for raw in chat.messages]
        if pieces == [bytes(raw) for raw in chat.messages]:
            return body
        return jsonsplice.replace(body, "messages", b"[%b]" % b",".join(pieces))

    return edit


class _Messages(msgspec.Struct):
    messages: list[msgspec.Raw]


_MESSAGES = msgspec.json.Decoder(_Messages)


def _renamed(message: bytes, old: str, new: str) -> bytes:
    if not message.startswith(b"{"):
        return message
    for key, _, span in jsonsplice.members(message):
        if key == "role" and message[slice(*span)] == encode(old):
            return jsonsplice.replace(message, "role", encode(new))
    return message
