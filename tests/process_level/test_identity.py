"""What a provider sees of the application behind the gateway."""

from __future__ import annotations

from typing import Any

import pytest

import gateway as package
from tests.client import Caller, ask, chat
from tests.process import UPSTREAM_KEY, config_for, gateway
from tests.upstream import Upstream, reply

WHOLE = {"choices": [{"index": 0, "finish_reason": "stop", "message": {}}]}
ANTHROPIC = {
    "max_tokens": 9,
    "messages": [{"role": "user", "content": "hello"}],
}
CALLER = {
    "user-agent": "their-app/1",
    "http-referer": "https://theirs.example",
    "x-title": "Theirs",
}
MORE: dict[str, dict[str, Any]] = {
    "open": {
        "identity": dict.fromkeys(("user_agent", "referer", "title"), "passthrough")
    },
    "ours": {
        "identity": dict.fromkeys(("user_agent", "referer", "title"), "Ours"),
        "headers": {"X-Title": "configured"},
    },
    "listed": {"models": [], "identity": {"user_agent": "lister/1"}},
}


async def test_headers() -> None:
    """By default our own name and the caller's application, else as configured."""
    async with (
        Upstream(reply(WHOLE)) as up,
        gateway(config_for(up.url, more=MORE)) as g,
    ):
        listed = await up.request()
        up.requests.clear()
        for name in ("up", "open", "ours"):
            await ask(g.port, chat(stream=False, model=f"{name}:m1"), headers=CALLER)
            await ask(
                g.port,
                {**ANTHROPIC, "model": f"{name}:m1"},
                "/v1/messages",
                headers=CALLER,
            )

    told = [{name: request.header(name) for name in CALLER} for request in up.requests]
    own = {**CALLER, "user-agent": f"sluicegate/{package.__version__}"}
    ours = {"user-agent": "Ours", "http-referer": "Ours", "x-title": "configured"}
    assert told == [own, own, CALLER, CALLER, ours, ours]
    assert {r.header("authorization") for r in up.requests} == {
        f"Bearer {UPSTREAM_KEY}"
    }
    assert (listed.path, listed.header("user-agent")) == ("/v1/models", "lister/1")


@pytest.mark.parametrize(
    "lines",
    [
        "x-title: a\r\n b\r\n",
        "x-title: a\r\n\tx-admin: 1\r\n",
        "x-title: a\rb\r\n",
        "x-title: a\x01b\r\n",
        "x-title: \x9b31m\r\n",
        "user-agent: a\x7fb\r\n",
    ],
)
async def test_broken_values(lines: str) -> None:
    """Whatever a caller's title looks like on the wire, it adds nothing to ours."""
    async with (
        Upstream(reply(WHOLE)) as up,
        gateway(config_for(up.url, more=MORE)) as g,
        Caller(g.port) as caller,
    ):
        body = b'{"model": "open:m1", "messages": []}'
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n{lines}"
        head += f"content-length: {len(body)}\r\n\r\n"
        caller.writer.write(head.encode("latin-1") + body)
        answer: Any = await caller.answer()

        sent = [r for r in up.requests if r.method == "POST"]
        if answer.status == 400:  # it was no HTTP at all
            assert sent == []
        else:
            assert answer.status == 200
            told = dict(sent[0].headers)
            assert "x-admin" not in told
            assert told.get("x-title", "").isprintable()
            assert told["user-agent"].isprintable()
