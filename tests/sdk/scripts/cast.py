"""One upstream that speaks every protocol, each below a path of its own."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from attrs import define, field

from tests.process import UPSTREAM_KEY
from tests.sdk.scripts import (
    anthropic,
    cohere,
    gemini,
    ollama,
    openai_chat,
    openai_responses,
)
from tests.sdk.scripts.said import Heard, Said
from tests.upstream import (
    SSE_HEADERS,
    Request,
    Step,
    Upstream,
    open_stream,
    reply,
    stream,
)

if TYPE_CHECKING:
    from types import ModuleType

PROTOCOLS: dict[str, ModuleType] = {
    "chat": openai_chat,
    "responses": openai_responses,
    "anthropic": anthropic,
    "gemini": gemini,
    "cohere": cohere,
    "ollama": ollama,
    "mistral": openai_chat,
}
_TYPES: dict[str, dict[str, Any]] = {
    "chat": {"type": "openai-compatible"},
    # It keeps no answers.
    "responses": {
        "type": "openai-compatible",
        "extra": {"speaks": ["openai_responses"]},
    },
    "anthropic": {"type": "anthropic"},
    # Not the compatible endpoints, which would be taken where they fit.
    "gemini": {"type": "gemini", "extra": {"speaks": ["gemini"]}},
    "cohere": {"type": "cohere", "extra": {"speaks": ["cohere"]}},
    "ollama": {"type": "ollama", "extra": {"speaks": ["ollama"]}},
    "mistral": {"type": "mistral"},
}
_MODEL = re.compile(r"/models/([^:/]+):")
_NUMBERS = itertools.count(1)
Play = Callable[[Request], list[Step]]


def configured(root: str) -> dict[str, Any]:
    """Return the settings of a backend for each protocol, with that name."""
    return {
        name: {"api_base_url": f"{root}/{name}", "api_key": UPSTREAM_KEY, **members}
        for name, members in _TYPES.items()
    }


def model_of(request: Request) -> str:
    if found := _MODEL.search(request.path):
        return found[1]
    return str(request.json.get("model", "")) if request.body else ""


def streams(request: Request) -> bool:
    if "generateContent" in request.path or "GenerateContent" in request.path:
        return ":stream" in request.path
    # Ollama's default is to stream.
    return bool(request.json.get("stream", request.path.endswith("/api/chat")))


@define(eq=False)
class Cast:
    """
    Plays what a test has given for a model; each test has models of its own.

    Attributes:
        plays: model to what it does, once for each request, the last for the rest.
        deleting: what it answers to who deletes something.
    """

    plays: dict[str, list[Play]] = field(factory=dict)
    deleting: list[Step] = field(factory=lambda: reply({"deleted": True}))
    upstream: Upstream = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.upstream = Upstream(self._script)

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.upstream.port}"

    def model(self, *plays: Said | Play) -> str:
        """Return a model that answers one request after the other with *plays*."""
        name = f"model-{next(_NUMBERS)}"
        self.plays[name] = [
            saying(play) if isinstance(play, Said) else play for play in plays
        ]
        return name

    async def requests(self, model: str, count: int = 1) -> list[Request]:
        """Wait for *count* requests to *model*."""
        async with asyncio.timeout(5):
            while len(found := self._found(model)) < count:
                await asyncio.sleep(0.005)
        return found

    async def heard(self, model: str) -> list[Heard]:
        found = await self.requests(model)
        return [_protocol(request).heard(request.json) for request in found]

    def _found(self, model: str) -> list[Request]:
        return [r for r in self.upstream.requests if model_of(r) == model]

    def _script(self, request: Request) -> Iterator[Step]:
        if request.method == "GET":  # which models it has: it does not say
            return iter(reply({"data": []}))
        if request.method == "DELETE":
            return iter(self.deleting)
        if (counted := _counted(request)) is not None:
            return iter(reply(counted))
        model = model_of(request)
        plays = self.plays[model]
        play = plays[min(len(self._found(model)), len(plays)) - 1]
        return iter(play(request))


COUNTED = 42


def _counted(request: Request) -> dict[str, Any] | None:
    """Return the answer to who asks how many tokens a request has."""
    path = request.path.partition("?")[0]
    if path.endswith("/count_tokens"):
        return {"input_tokens": COUNTED}
    return {"totalTokens": COUNTED} if path.endswith(":countTokens") else None


def _protocol(request: Request) -> ModuleType:
    return PROTOCOLS[request.path.split("/")[1]]


def _headers(request: Request) -> Mapping[str, str]:
    return getattr(_protocol(request), "NDJSON", SSE_HEADERS)


def saying(said: Said) -> Play:
    """Answer with *said*, in pieces if asked for."""

    def play(request: Request) -> list[Step]:
        protocol, model = _protocol(request), model_of(request)
        if streams(request):
            return stream(protocol.pieces(said, model), _headers(request))
        return reply(protocol.whole(said, model))

    return play


def refusing(status: int, message: str, headers: Mapping[str, str]) -> Play:
    def play(request: Request) -> list[Step]:
        body = json.dumps(_protocol(request).error(status, message)).encode()
        return reply(body, status, {"content-type": "application/json", **headers})

    return play


def failing(message: str) -> Play:
    """Answer 200, and then say with the first event of the stream that it failed."""

    def play(request: Request) -> list[Step]:
        said = _protocol(request).failure(message)
        return stream([said], _headers(request))

    return play


def breaking(said: Said, *ends: Any) -> Play:
    """Say the beginning of *said*, then what *ends* are: ``failure`` or steps."""

    def play(request: Request) -> list[Step]:
        protocol, model = _protocol(request), model_of(request)
        pieces = protocol.pieces(said, model)
        # What says that it is over is among the last; half of it is safely before.
        steps = stream(pieces[: len(pieces) // 2], _headers(request))[:-1]
        for end in ends:
            if isinstance(end, str):
                steps += open_stream(protocol.failure(end))[1:]
            else:
                steps.append(end)
        return steps

    return play
