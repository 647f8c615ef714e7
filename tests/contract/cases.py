"""
Every answer and every request that the contracts are held against.

Answers are recorded (read in place) or written (``tests/recordings``); requests
are recorded or the probes of `tests.contract.probes`.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
from attrs import frozen

from tests import recordings
from tests.eventstream import of_lines

if TYPE_CHECKING:
    from tests.recordings import Recording

WRITTEN = Path(__file__).resolve().parents[1] / "recordings"
APIS = {
    "openai_chat": "openai.chat",
    "openai_responses": "openai.responses",
    "anthropic": "anthropic.messages",
    "gemini": "gemini.generateContent",
    "cohere": "cohere.chat.v2",
    "ollama": "ollama.chat",
    "mistral": "mistral.chat",
    "bedrock_converse": "bedrock.converse",
}
UPSTREAMS = tuple(APIS)
CLIENTS = ("openai_chat", "openai_responses", "anthropic", "gemini")
SUFFIXES = {
    ".sse": "sse",
    ".ndjson": "ndjson",
    ".array": "array",
    ".json": "whole",
    ".events": "eventstream",  # a line for each message, to be read by people
}


@frozen
class Case:
    """
    An answer of an upstream.

    Attributes:
        framing: ``sse``, ``ndjson``, ``array``, ``eventstream``, or ``whole`` for one
            JSON value.
    """

    protocol: str
    name: str
    framing: str
    recording: Recording | None = None

    def __str__(self) -> str:
        return f"{self.protocol}-{self.name}"

    @property
    def stream(self) -> bool:
        return self.framing != "whole"

    @property
    def body(self) -> bytes:
        if self.recording is not None:
            return self.recording.body
        suffix = next(s for s, framing in SUFFIXES.items() if framing == self.framing)
        body = _read(WRITTEN / self.protocol / f"{self.name}{suffix}")
        return of_lines(body.decode()) if suffix == ".events" else body


@frozen
class Asked:
    """
    A request of a client.

    Attributes:
        model: what the path says of it, where the dialect has it there.
        framing: of the answer, likewise.
    """

    protocol: str
    name: str
    body: bytes
    model: str = ""
    stream: bool = False
    framing: str = "sse"

    def __str__(self) -> str:
        return f"{self.protocol}-{self.name}"


@functools.cache
def _read(path: Path) -> bytes:
    return path.read_bytes()


@functools.cache
def written(protocol: str) -> tuple[Case, ...]:
    paths = sorted((WRITTEN / protocol).iterdir())
    return tuple(Case(protocol, path.stem, SUFFIXES[path.suffix]) for path in paths)


@functools.cache
def recorded(protocol: str) -> tuple[Case, ...]:
    """Return the answers that are answers: no refusals before the first byte."""
    return tuple(
        Case(protocol, str(recording), _framing(recording), recording)
        for recording in recordings.select(APIS[protocol])
        if recording.status < 400 and _generates(recording)
    )


def _generates(recording: Recording) -> bool:
    path = recording.exchange["request"]["path"] or ""
    elsewhere = ("cachedContents", "countTokens", "batch")
    if any(word in path for word in elsewhere):
        return False
    body = recording.response.get("body")
    return not (isinstance(body, dict) and "expireTime" in body)  # a cache was made


def _framing(recording: Recording) -> str:
    if "stream" not in recording.response:
        return "whole"
    if recording.api == "ollama.chat":
        return "ndjson"
    if recording.api == "bedrock.converse":
        return "eventstream"
    return "array" if recording.body.lstrip()[:1] == b"[" else "sse"


@functools.cache
def asked(protocol: str) -> tuple[Asked, ...]:
    """Return the recorded requests of a dialect."""
    return tuple(
        _asked(protocol, recording)
        for recording in recordings.select(APIS[protocol])
        if isinstance(recording.exchange["request"]["body"], dict)
        and _generates(recording)
        and not recording.tags & BROKEN
        and not _unoffered(recording.exchange["request"]["body"])
    )


BROKEN = {"error-400"}  # a request that its own provider found wrong


def _unoffered(body: dict[str, Any]) -> bool:
    """Say whether our fronts refuse it, and say so: deprecated, or not yet there."""
    return "functions" in body or body.get("background") is True


def _asked(protocol: str, recording: Recording) -> Asked:
    request: dict[str, Any] = recording.exchange["request"]
    model, _, method = (request["path"] or "").rpartition("/")[2].partition(":")
    if protocol != "gemini":
        named = {"model": "m1", **request["body"]}  # some clouds have it in the path
        return Asked(protocol, str(recording), json.dumps(named).encode())
    body = json.dumps(request["body"]).encode()
    streams = method.startswith("streamGenerateContent")
    framing = "sse" if "alt=sse" in method else "array"
    return Asked(protocol, str(recording), body, unquote(model), streams, framing)


def params(cases: Any) -> list[Any]:
    """Return *cases* as parameters; recorded ones are marked so."""
    return [
        pytest.param(
            case,
            id=str(case),
            marks=[pytest.mark.recordings] if getattr(case, "recording", None) else [],
        )
        for case in cases
    ]


def all_cases(*protocols: str) -> list[Case]:
    names = protocols or UPSTREAMS
    return [case for name in names for case in (*written(name), *recorded(name))]


def streams(*protocols: str) -> list[Case]:
    return [case for case in all_cases(*protocols) if case.stream]
