"""JSON that is looked into but must pass unharmed."""

from __future__ import annotations

import json as stdlib_json
import re
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import msgspec

if TYPE_CHECKING:
    from msgspec.json import Decoder

T = TypeVar("T")

# What JSON takes for blank; Python's `str.strip` knows twenty more.
JSON_SPACE = " \t\r\n"

# JavaScript writes a lone surrogate as an escape, and Python reads it; msgspec
# refuses the document even where the string is skipped. Any escape of the same
# length does for a copy of which only structure and other members are read.
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


def decode(decoder: Decoder[T], data: bytes) -> T:
    """
    Decode *data*, tolerating lone surrogate escapes in it.

    Where there are any, surrogate escapes come out as ``?`` of the same length:
    do not write the result back.

    Raises:
        msgspec.DecodeError: not JSON; the message gives the byte.
        msgspec.ValidationError: JSON of another shape.
    """
    try:
        return decoder.decode(data)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        masked = _SURROGATE.sub(rb"\\u003f", data)
        return _decode(decoder, masked)


def _decode(decoder: Decoder[T], data: bytes) -> T:
    try:
        return decoder.decode(data)
    except UnicodeDecodeError as exc:
        raise msgspec.DecodeError(f"text that is not UTF-8 ({exc.reason})") from exc
    except RecursionError as exc:
        raise msgspec.DecodeError("JSON is nested too deeply") from exc


_ANY = msgspec.json.Decoder()


def loads(data: bytes | str) -> Any:
    """
    Return the JSON of *data*, lone surrogates and all.

    Raises:
        ValueError: it is not JSON.
    """
    try:
        return _ANY.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass
    try:
        text = data if isinstance(data, str) else data.decode()
        return stdlib_json.loads(text, parse_constant=_no_number)
    except RecursionError as exc:
        raise ValueError("JSON is nested too deeply") from exc


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def encode(json: Any) -> bytes:
    """
    Return *json* as compact bytes.

    A lone surrogate, which clients can send and models repeat, is no UTF-8: what
    holds one goes out in escapes, as it came.
    """
    try:
        return msgspec.json.encode(json)
    except UnicodeEncodeError:
        return stdlib_json.dumps(json, separators=(",", ":")).encode()
