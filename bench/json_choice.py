"""
``python -m bench.json_choice``: which JSON library the hot path should use.

Two jobs: to look for ``model`` and ``stream`` in a request's body, and to read what
a ledger wants out of a stream's chunk. orjson is no dependency of the project: it is
measured only where it is installed.
"""

from __future__ import annotations

import importlib
import json
import timeit
from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct

from bench import canned

Read: TypeAlias = Callable[[bytes], Any]

_SECONDS = 0.2  # for each figure; the best of five is shown
_LONG = 90_000  # bytes: a conversation with tools


class Peeked(Struct):
    model: str
    stream: bool = False


class Choice(Struct):
    index: int = 0
    finish_reason: str | None = None


class Chunk(Struct):
    id: str = ""
    choices: list[Choice] = []
    usage: dict[str, Any] | None = None


def main() -> None:
    request = canned.request("burst 200").partition(b"\r\n\r\n")[2]
    words = b"word\\n " * (_LONG // 7)
    long = request.replace(b'"content":"Explain', b'"content":"' + words)
    chunk = canned.events(10)[3].removeprefix(b"data: ").rstrip()
    jobs: list[tuple[str, bytes, type[Struct]]] = [
        (f"peek, {len(request)} B", request, Peeked),
        (f"peek, {len(long) / 1000:.0f} kB", long, Peeked),
        (f"chunk, {len(chunk)} B", chunk, Chunk),
    ]
    rows = {name: [_microseconds(read, b) for _, b, _ in jobs] for name, read in _any()}
    rows["msgspec, typed"] = [
        _microseconds(msgspec.json.Decoder(kind).decode, body) for _, body, kind in jobs
    ]
    print("| microseconds | " + " | ".join(name for name, _, _ in jobs) + " |")
    print("|---|" + "---:|" * len(jobs))
    for name, figures in rows.items():
        print(f"| {name} | " + " | ".join(f"{us:.2f}" for us in figures) + " |")


def _any() -> list[tuple[str, Read]]:
    """Return the readers that make Python objects of everything."""
    readers: list[tuple[str, Read]] = [("json", json.loads)]
    try:
        readers.append(("orjson", importlib.import_module("orjson").loads))
    except ImportError:
        print("orjson is not installed\n")
    return [*readers, ("msgspec", msgspec.json.decode)]


def _microseconds(read: Read, body: bytes) -> float:
    timer = timeit.Timer(lambda: read(body))
    once = max(timer.timeit(1), 1e-7)
    number = max(1, int(_SECONDS / 5 / once))
    return min(timer.repeat(5, number)) / number * 1e6


if __name__ == "__main__":
    main()
