"""
AWS' event streams, written: the other half of what botocore reads.

Source: https://smithy.io/2.0/aws/amazon-eventstream.html
"""

from __future__ import annotations

import base64
import json
import struct
from typing import Any
from zlib import crc32

EXCEPTION = "!"


def message(headers: dict[str, str], payload: bytes) -> bytes:
    """Return one message, with its two checksums; all headers are texts."""
    block = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + _sized(value.encode())
        for name, value in headers.items()
    )
    total = 12 + len(block) + len(payload) + 4
    lengths = struct.pack("!II", total, len(block))
    prelude = lengths + struct.pack("!I", crc32(lengths))
    whole = prelude + block + payload
    return whole + struct.pack("!I", crc32(whole))


def _sized(value: bytes) -> bytes:
    return struct.pack("!H", len(value)) + value


def event(kind: str, payload: Any) -> bytes:
    """
    Return an event, or an exception where *kind* begins with a ``!``.

    Args:
        payload: bytes as they are, or JSON.
    """
    word = "exception" if kind.startswith(EXCEPTION) else "event"
    data = payload if isinstance(payload, bytes) else _dumped(payload)
    headers = {
        f":{word}-type": kind.removeprefix(EXCEPTION),
        ":content-type": "application/json",
        ":message-type": word,
    }
    return message(headers, data)


def chunk(payload: bytes) -> bytes:
    """Return an event of ``invoke-with-response-stream``."""
    return event("chunk", {"bytes": base64.b64encode(payload).decode(), "p": "abc"})


def of_lines(text: str) -> bytes:
    """
    Return the stream that is written down as a line for each message.

    A line is the type and the payload; ``~7`` as the last cuts off 7 bytes.
    """
    lines = [line for line in text.split("\n") if line]
    cut = int(lines.pop()[1:]) if lines[-1].startswith("~") else 0
    pairs = (line.split(" ", 1) for line in lines)
    body = b"".join(event(kind, payload.encode()) for kind, payload in pairs)
    return body[: len(body) - cut]


def of_payloads(pieces: list[str]) -> bytes:
    """Return the stream of which only ``{type: payload}`` was kept, event by event."""
    found = (pair for piece in pieces for pair in json.loads(piece).items())
    return b"".join(event(kind, payload) for kind, payload in found)


def _dumped(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
