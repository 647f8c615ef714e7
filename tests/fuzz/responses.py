"""
Looks for responses that two readers read differently, for some seconds.

    python -m tests.fuzz.responses 600

With atheris what our reader does steers the search; without it, the same seeds are
changed at random. What it finds ends it, with the bytes.
"""

from __future__ import annotations

import importlib
import multiprocessing
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\n"
# Written; what servers send, and a little more.
SEEDS = [
    OK + b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    OK + b"Content-Length: 5\r\n\r\nhello",
    OK + b"Content-Length: 0\r\nConnection: keep-alive\r\n\r\n",
    OK + CHUNKED + b"5\r\nhello\r\n0\r\n\r\n",
    OK + CHUNKED + b"5\r\nhello\r\n00C\r\n, my friends\r\n0\r\n\r\n",
    OK + CHUNKED + b'5;a=b;c="d;e\\"";f\r\nhello\r\n0;g\r\n\r\n',
    OK + CHUNKED + b"1\r\n!\r\n0\r\nDigest: x\r\nExpires: 0\r\n\r\n",
    OK + b"Connection: close\r\n\r\nuntil the end",
    b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
    b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\nx",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n",
    b"HTTP/1.1 429\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 0\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK + CHUNKED + b"0\r\n\r\n",
    OK + b"Content-Length: 0\r\n\r\n" + OK + b"Content-Length: 0\r\n\r\n",
    OK + b"A: \xc3\xa9\xff \t\r\nB:\r\nContent-Length: 0\r\n\r\n",
]
WORDS = [
    b"\r\n", b"\r\n\r\n", b"\n", b"\r", b"\x00", b" ", b"\t", b":", b";", b",", b'"',
    b"=", b"\\", b"0", b"0\r\n", b"0\r\n\r\n", b"5\r\n", b"0x5", b"+5", b"-1", b"1_0",
    b"ffffffffffffffff", b"10000000000000000", b"\x0b", b"\x0c", b"\x7f", b"\x85",
    b"\xe2\x84\xaa", b"\xc2\xa0", b"\xff", b"HTTP/1.1 ", b"HTTP/1.0 ", b"HTTP/2.0 ",
    b"HTTP/1.2 ", b"http/1.1 ", b"100", b"101", b"102", b"199", b"200", b"204", b"205",
    b"304", b"999", b"Content-Length: ", b"Content-Length: 5\r\n", b"5, 5",
    b"Transfer-Encoding: ", b"Transfer-Encoding: chunked\r\n", b"chunked", b"Chunked",
    b"gzip", b"identity", b"gzip, chunked", b"Connection: ", b"close", b"keep-alive",
    b"upgrade", b"Upgrade: websocket\r\n", b"Upgrade: h2\r\n", b"Proxy-Connection: ",
    b"Connection: close\r\n", b"Transfer-Encoding: chunked\t\r\n",
    b"Transfer-Encoding: chun\xe2\x84\xaaed\r\n", b"5 \r\nhello\r\n",
    b"Content-Length: 5, 5\r\n", b"Content-Length: 0\r\n", b"X : y\r\n",
    b"HTTP/1.1 200 OK\r\n",
    b"Content-Encoding: ", b"X: y\r\n", b" folded\r\n", b"; ", b";a=b", b';a="b"',
]  # fmt: skip

LINES = [word for word in WORDS if word.endswith(b"\r\n")]


def split(data: bytes) -> tuple[bytes, str, int]:
    """Return the response, the method and a seed that *data* stands for."""
    from tests.fuzz.agreement import METHODS

    way = data[0] if data else 0
    return data[1:], METHODS[way % 8] if way % 8 < len(METHODS) else "POST", way


def join(raw: bytes, way: int = 0) -> bytes:
    return bytes([way]) + raw


def mutate(data: bytes, dice: random.Random) -> bytes:
    """Change *data* in one to eight places."""
    for _ in range(1 << dice.randrange(4)):
        at, word = dice.randrange(len(data) + 1), dice.choice(WORDS)
        end = min(len(data), at + dice.randrange(1, 20))
        match dice.randrange(10):
            case 0 | 1 | 2:
                data = data[:at] + word + data[at:]
            case 3:
                data = data[:at] + word + data[at + len(word) :]
            case 4:
                data = data[:at] + data[end:]
            case 5:
                data = data[:end] + data[at:]
            case 6:
                other = dice.choice(SEEDS)
                data = data[:at] + other[dice.randrange(len(other)) :]
            case 7 | 8:
                # A whole line where one may stand.
                at = data.find(b"\r\n", at) + 2
                data = data[:at] + dice.choice(LINES) + data[at:]
            case _:
                data = data[:at] + bytes([dice.randrange(256)]) + data[at + 1 :]
    return data


def fresh(dice: random.Random) -> bytes:
    return mutate(join(dice.choice(SEEDS), dice.randrange(256)), dice)


def at_random(seconds: float) -> None:
    from tests.fuzz.agreement import check

    dice, runs, accepted = random.Random(), 0, 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        accepted += check(*split(fresh(dice))).reading is not None
        runs += 1
    print(f"{runs} responses, {accepted} accepted, no disagreement")


def guided(atheris: Any, seconds: float, place: Path) -> None:
    with atheris.instrument_imports(include=["gateway.wire.http1"]):
        agreement = importlib.import_module("tests.fuzz.agreement")

    def test(data: bytes) -> None:
        agreement.check(*split(data))

    def other(data: bytes, most: int, seed: int) -> bytes:
        # libFuzzer alone seldom puts a word where it means something.
        dice = random.Random(seed)
        match dice.randrange(4):
            case 0:
                return bytes(atheris.Mutate(data, most))
            case 1:
                return mutate(data, dice)[:most]
            case _:
                return fresh(dice)[:most]

    corpus = place / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(SEEDS):
        (corpus / f"seed-{number}").write_bytes(join(seed))
    escaped = ["".join(f"\\x{char:02x}" for char in word) for word in WORDS]
    words = place / "words"
    words.write_text("".join(f'"{word}"\n' for word in escaped))
    options = [
        f"-max_total_time={seconds:.0f}",
        f"-dict={words}",
        f"-artifact_prefix={place}/",
        "-max_len=2048",
        "-timeout=20",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], test, custom_mutator=other)
    atheris.Fuzz()


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 600
    try:
        atheris = importlib.import_module("atheris")
    except ImportError:
        at_random(seconds)
    else:
        # In a process of its own, since it ends the one that it is in.
        with tempfile.TemporaryDirectory() as place:
            fork = multiprocessing.get_context("fork")
            child = fork.Process(target=guided, args=(atheris, seconds, Path(place)))
            child.start()
            child.join()
        sys.exit(child.exitcode)


if __name__ == "__main__":
    main()
