"""
Change one top-level member of a JSON object and keep every other byte.

A body that is decoded and encoded again loses integers beyond 64 bits, lone
surrogates, duplicate keys and the order and spelling of everything.
"""

from __future__ import annotations

import re
from typing import TypeAlias

import msgspec

Span: TypeAlias = tuple[int, int]
Member: TypeAlias = tuple[str, Span, Span]

_VALUES = msgspec.json.Decoder(dict[str, msgspec.Raw])

_SPACE = re.compile(rb"[ \t\r\n]*")
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
# A value that is not a string: a scalar, or one step through a nested one.
_SCALAR = re.compile(rb"[^,\]}\s]+")
_STEP = re.compile(
    rb'[^"\[\]{}]*+(?:("[^"\\]*+(?:\\.[^"\\]*+)*+")|([\[{])|([\]}]))', re.DOTALL
)


def members(body: bytes) -> list[Member]:
    """
    Return name, span of the whole member and span of its value, in order.

    Duplicates are listed as often as they stand there. *body* must be a valid
    JSON object, as a front's ``peek`` has checked.
    """
    return _by_lengths(body) or _by_steps(body)


def _by_lengths(body: bytes) -> list[Member] | None:
    """
    Walk from key to key, over values whose length the decoder tells.

    ``None`` where that does not add up, as with duplicate keys, of which the
    decoder shows only one, and lone surrogates, which it refuses.
    """
    try:
        values = _VALUES.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    found = []
    at = _skip(body, body.index(b"{") + 1)
    for name, raw in values.items():
        key = b'"%b"' % name.encode()
        if not body.startswith(key, at):  # a duplicate, or spelt with escapes
            return None
        value = _skip(body, _skip(body, at + len(key)) + 1)
        end = value + len(raw)
        # Of duplicates only the last value is shown: lengths alone might happen
        # to fit a member that lies deeper.
        if not body.startswith(bytes(raw), value):
            return None
        found.append((name, (at, end), (value, end)))
        at = _skip(body, end)
        if body[at : at + 1] == b",":
            at = _skip(body, at + 1)
        elif len(found) < len(values):
            return None
    return found if body[at : at + 1] == b"}" else None


def _by_steps(body: bytes) -> list[Member]:
    found = []
    at = _skip(body, body.index(b"{") + 1)
    while body[at : at + 1] != b"}":
        start = at
        key_end = _match_end(_STRING, body, at)
        name = _name(body[start:key_end])
        value = _skip(body, body.index(b":", key_end) + 1)
        end = _value_end(body, value)
        found.append((name, (start, end), (value, end)))
        at = _skip(body, end)
        if body[at : at + 1] == b",":
            at = _skip(body, at + 1)
    return found


def rename(body: bytes, name: str, text: str) -> bytes:
    """
    Do as `replace` does, for a *name* that is known to be there as a string.

    Where its letters stand once, and nothing is spelt with escapes, that is the
    place, and nothing needs to be walked over.
    """
    value = msgspec.json.encode(text)
    key = b'"%b"' % name.encode()
    if body.count(key) == 1 and b"\\u" not in body:
        at = body.index(key) + len(key)
        start = _skip(body, _skip(body, at) + 1)
        string = _STRING.match(body, start)
        if string is not None:
            return body[:start] + value + body[string.end() :]
    return replace(body, name, value)


def replace(body: bytes, name: str, value: bytes) -> bytes:
    """
    Return *body* with each top-level *name* set to the JSON *value*.

    A missing member is added in front. Of duplicates readers take the first
    or the last, so all of them are set.
    """
    spans = [span for key, _, span in members(body) if key == name]
    if not spans:
        return _insert(body, name, value)
    pieces: list[bytes] = []
    at = 0
    for start, end in spans:
        pieces += (body[at:start], value)
        at = end
    return b"".join((*pieces, body[at:]))


def remove(body: bytes, name: str) -> bytes:
    """Return *body* without the top-level members called *name*."""
    found = members(body)
    kept = [i for i, (key, _, _) in enumerate(found) if key != name]
    if len(kept) == len(found):
        return body
    pieces = [body[: found[0][1][0]]]
    for i in kept:
        start, end = found[i][1]
        # With the comma, unless nothing follows any more.
        pieces.append(body[start : end if i == kept[-1] else found[i + 1][1][0]])
    return b"".join((*pieces, body[found[-1][1][1] :]))


def _insert(body: bytes, name: str, value: bytes) -> bytes:
    at = body.index(b"{") + 1
    empty = body[_skip(body, at) :].startswith(b"}")
    member = msgspec.json.encode(name) + b":" + value + (b"" if empty else b",")
    return body[:at] + member + body[at:]


def _name(key: bytes) -> str:
    if b"\\" not in key:
        return key[1:-1].decode("utf-8", "replace")
    try:
        return msgspec.json.decode(key, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""  # a lone surrogate, or no text at all; no name of ours has one


def _value_end(body: bytes, at: int) -> int:
    first = body[at : at + 1]
    if first == b'"':
        return _match_end(_STRING, body, at)
    if first not in (b"{", b"["):
        return _match_end(_SCALAR, body, at)
    depth = 0
    while True:
        step = _STEP.match(body, at)
        if step is None:
            raise ValueError(f"JSON ends inside a value that is open at byte {at}")
        at = step.end()
        if step[2]:
            depth += 1
        elif step[3]:
            depth -= 1
            if not depth:
                return at


def _skip(body: bytes, at: int) -> int:
    if body[at : at + 1] > b" ":
        return at
    return _match_end(_SPACE, body, at)


def _match_end(pattern: re.Pattern[bytes], body: bytes, at: int) -> int:
    match = pattern.match(body, at)
    if match is None:
        raise ValueError(f"no JSON at byte {at}")
    return match.end()
