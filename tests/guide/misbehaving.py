"""A plugin that gets wrong whatever can be got wrong; the model's name says what."""
# mypy: allow-untyped-calls, allow-untyped-globals
# mypy: disable-error-code="arg-type,dict-item,list-item"

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.domain.events import (
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    Fault,
    ReplyEnd,
    ReplyStart,
    TextDelta,
    UsageUpdate,
)
from gateway.domain.parts import Text
from gateway.domain.reply import Choice, Finish, Reply, Stop, Usage
from gateway.plugin import (
    BackendError,
    LLMBackend,
    ProcessedResponse,
    ResponseEnvelope,
    RoutingError,
    StreamingResponseEnvelope,
    StreamingResponseHandle,
)

BEGIN = (ReplyStart("r-1", "m"), BlockStart(0, Text()))
END = (BlockEnd(0), ChoiceEnd(Finish(Stop.END)), ReplyEnd())
REPLY = Reply("r-1", "m", 5, (Choice((Text("one two"),), Finish(Stop.END)),))
CHAT = {
    "id": "c-1",
    "object": "chat.completion",
    "created": 5,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "one two"},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}
SECRET = "planted-plugin-secret-0123"


def chunk(finish=None, **delta):
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c-1", "model": "m", "choices": [choice]}


def note(word):
    """Tell the test, which reads what the process writes."""
    print(f"NOTED {word}", file=sys.stderr, flush=True)


async def of(*pieces):
    for piece in pieces:
        await asyncio.sleep(0)
        if isinstance(piece, BaseException):
            raise piece
        yield piece


def text(*words):
    return ProcessedResponse(tuple(TextDelta(0, word) for word in words))


def piece(*events):
    return ProcessedResponse(tuple(events))


class NoAclose:
    """An iterator that is no generator."""

    def __init__(self):
        self.left = [piece(*BEGIN), text("one ", "two"), piece(*END)]

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self.left:
            raise StopAsyncIteration
        return self.left.pop(0)


async def hanging_cleanup():
    try:
        yield piece(*BEGIN)
        yield text("one ")
        await asyncio.Event().wait()
    finally:
        note("cleaning")
        while True:  # not even a cancellation ends it
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                note("stubborn")
                if os.environ.get("STUBBORN") != "1":
                    raise


async def waiting(noted):
    try:
        yield piece(*BEGIN)
        yield text("one ")
        await asyncio.Event().wait()
    finally:
        note(noted)


async def stray():
    """A task of the plugin's own was cancelled, and nobody caught it."""
    task = asyncio.ensure_future(asyncio.sleep(60))
    await asyncio.sleep(0)
    task.cancel()
    await task


async def raise_for(status, headers):
    """Fail as aiohttp's own `raise_for_status` does."""

    async def answer(request):
        return web.Response(status=status, headers=headers)

    app = web.Application()
    app.router.add_get("/", answer)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        response = await session.get(server.make_url("/"))
        response.raise_for_status()


async def failing_cancel():
    note("cancel called")
    raise ValueError(SECRET)


GOOD = (piece(*BEGIN), text("one ", "two"), piece(*END))
STREAMS = {
    "good": lambda: of(*GOOD),
    "handle": lambda: StreamingResponseHandle(of(*GOOD), failing_cancel),
    "no-aclose": NoAclose,
    "lists": lambda: of([*BEGIN], (TextDelta(0, "one two"),), [*END]),
    "chunks": lambda: of(
        ProcessedResponse(chunk(role="assistant", content="one ")),
        chunk(content="two"),
        ProcessedResponse(chunk("stop")),
    ),
    "sse": lambda: of(
        'data: {"id": "c-1", "choices": [{"index": 0, "del',
        'ta": {"content": "one two"}, "finish_reason": "stop"}]}\n\n',
        b"data: [DONE]\n\n",
    ),
    "more": lambda: of(*GOOD, text("three"), piece(*BEGIN)),
    "no-end": lambda: of(*GOOD[:2], piece(*END[:2])),
    "usage": lambda: of(*GOOD[:2], ProcessedResponse(END, usage=Usage(7, output=9))),
    "none": lambda: of(GOOD[0], text("one "), None),
    "number": lambda: of(GOOD[0], text("one "), 5),
    "no-event": lambda: of(GOOD[0], text("one "), piece("one")),
    "order": lambda: of(GOOD[0], text("one "), piece(TextDelta(7, "x"))),
    "bad-fault": lambda: of(GOOD[0], text("one "), piece(Fault(ValueError("x")))),
    "bytes": lambda: of(GOOD[0], text("one "), text(b"two")),
    "counts": lambda: of(*GOOD[:2], piece(UsageUpdate({"output": 1}), *END)),
    "raises": lambda: of(GOOD[0], text("one "), ValueError(SECRET)),
    "exits": lambda: of(GOOD[0], text("one "), SystemExit(SECRET)),
    "aiohttp": lambda: of(GOOD[0], text("one "), aiohttp.ClientPayloadError("gone")),
    "timeout": lambda: of(GOOD[0], text("one "), TimeoutError()),
    "own": lambda: of(GOOD[0], text("one "), BackendError("no", code="my_code")),
    "cut": lambda: of(GOOD[0], text("one ")),
    "empty": of,
    "status": lambda: of(*GOOD),
    "raises-first": lambda: of(KeyError(SECRET)),
    "hanging": hanging_cleanup,
    "waiting": lambda: waiting("freed"),
    "list": lambda: [*GOOD],
    "nothing": lambda: None,
}
WHOLE = {
    "good": lambda: ResponseEnvelope(REPLY, usage=Usage(7, output=9)),
    "dict": lambda: ResponseEnvelope(CHAT),
    "headers": lambda: ResponseEnvelope(
        REPLY,
        {"X-RateLimit-Left": 5, "retry-after": "1\r\nx-evil: 1", "set-cookie": "a"},
    ),
    "no-headers": lambda: ResponseEnvelope(REPLY, None),
    "status": lambda: ResponseEnvelope(
        {"error": {"message": "no luck", "code": "unlucky"}}, status_code=418
    ),
    "status-only": lambda: ResponseEnvelope(REPLY, status_code=503),
    "bad-dict": lambda: ResponseEnvelope({"answer": SECRET}),
    "text": lambda: ResponseEnvelope("no JSON"),
    "bad-reply": lambda: ResponseEnvelope(Reply(choices=(5,))),
    "bad-parts": lambda: ResponseEnvelope(Reply(choices=(Choice(("x",)),))),
    "bad-text": lambda: ResponseEnvelope(
        Reply(choices=(Choice((Text(b"x"),), Finish(Stop.END)),))
    ),
    "bad-usage": lambda: ResponseEnvelope(REPLY, usage={"prompt_tokens": 1}),
    "number": lambda: ResponseEnvelope(5),
    "none": lambda: None,
    "other": lambda: SimpleNamespace(content=REPLY),
}


class Misbehaving(LLMBackend):
    backend_type = "misbehaving"

    def __init__(self, client, config, translation_service):
        super().__init__(config)
        self.client = client
        self.translation_service = translation_service
        self.tries = 0
        self.mode = None

    async def initialize(self, **kwargs):
        self.tries += 1
        self.mode = kwargs.get("mode")
        note(f"initialize {self.mode} {self.tries}")
        if self.mode == "slow":
            await asyncio.sleep(0.3)
        if self.mode == "raises":
            raise ValueError(SECRET)
        if self.mode == "network":
            await self.client.get("http://127.0.0.1:9/")
        if self.mode == "second" and self.tries == 1:
            raise BackendError("not yet", code="not_yet", status_code=503)

    async def chat_completions(
        self, request_data, processed_messages, effective_model, identity=None, **kwargs
    ):
        kind, _, name = effective_model.partition("-")
        if kind == "stream":
            return self._stream(name)
        if kind == "whole":
            return WHOLE[name]()
        return await self._raises(name, request_data)

    def _stream(self, name):
        made = STREAMS[name]()
        if isinstance(made, StreamingResponseHandle):
            return made
        cancel = None if name == "waiting" else self._cancel
        status = 503 if name == "status" else 200
        return StreamingResponseEnvelope(
            made, status_code=status, cancel_callback=cancel
        )

    async def _cancel(self):
        note("cancelled")

    async def _raises(self, name, request_data):
        if name == "wait":
            try:
                await asyncio.Event().wait()
            finally:
                note("whole freed")
        if name == "network":
            await self.client.get("http://127.0.0.1:9/")
        if name == "exit":
            sys.exit(SECRET)
        if name == "status":
            await raise_for(429, {"Retry-After": "7"})
        if name == "stray":
            await stray()
        if name == "route":
            raise RoutingError("no", {"code": "policy_rejected"})
        if name == "anthropic":
            self.translation_service.from_domain_request(request_data, "anthropic")
        if name == "file":
            Path("/nowhere/at/all").read_bytes()
        raise ValueError(SECRET)

    def get_available_models(self):
        raise ValueError("no list")

    async def close(self):
        note("closed")
        raise ValueError("not closed")
