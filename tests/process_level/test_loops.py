"""Requests that come back, and gateways that stand behind each other on purpose."""

from __future__ import annotations

import json
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from gateway.loops import LOOP_GUARD
from tests.client import Answer, Caller, ask, chat
from tests.process import config_for, gateway
from tests.streams import chat_stream, frames
from tests.upstream import Upstream, reply, stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.process import Gateway
    from tests.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="module")

WHOLE = {"choices": [{"index": 0, "finish_reason": "stop", "message": {}}]}
GEMINI = "/v1beta/models/up:m1:generateContent"
QUESTION = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}
ANTHROPIC = "/v1/messages"
MESSAGES = {
    "model": "up:m1",
    "max_tokens": 9,
    "messages": [{"role": "user", "content": "hello"}],
}
RESPONSES = "/v1/responses"


def refused_in(dialect: str, answer: Answer) -> bool:
    """Tell whether *answer* is 508 as clients of *dialect* expect it."""
    assert answer.status == 508
    match dialect:
        case "anthropic":
            return bool(answer.json["type"] == "error" and answer.error["message"])
        case "gemini":
            return bool(answer.error["code"] == 508 and answer.error["status"])
        case _:
            return bool(answer.error["code"] == "request_loop_detected")


PATHS = [
    ("POST", "/v1/chat/completions", "openai"),
    ("POST", "/v1/completions", "openai"),
    ("POST", "/v1/embeddings", "openai"),
    ("POST", RESPONSES, "openai"),
    ("GET", f"{RESPONSES}/resp_1", "openai"),
    ("POST", ANTHROPIC, "anthropic"),
    ("POST", "/anthropic/v1/messages/count_tokens", "anthropic"),
    ("POST", GEMINI, "gemini"),
    ("GET", "/v1/models", "openai"),
    ("GET", "/v1/models/up:m1", "openai"),
    ("GET", "/v1beta/models", "gemini"),
    ("GET", "/livez", "openai"),
    ("GET", "/admin/status", "openai"),
    ("GET", "/", "openai"),
    ("OPTIONS", "/v1/chat/completions", "openai"),
    ("GET", "/nothing", "openai"),
]


@pytest.mark.parametrize(("method", "path", "dialect"), PATHS)
@pytest.mark.parametrize("value", ["1", "abc, def", ""])
async def test_no_other_gateway_before(
    stage: Stage, method: str, path: str, dialect: str, value: str
) -> None:
    """Whatever the header says, at whatever path, the answer is 508."""
    before = len(stage.upstream.requests)

    answer = await ask(
        stage.gateway.port,
        chat() if method == "POST" else None,
        path,
        method=method,
        headers={LOOP_GUARD: value},
    )

    assert refused_in(dialect, answer)
    # Both official families of SDKs would send it twice more.
    assert answer.header("x-should-retry") == "false"
    assert answer.header("x-request-id")
    assert len(stage.upstream.requests) == before


async def test_before_the_body(stage: Stage) -> None:
    """Nothing of it is waited for, and the log has the refusal."""
    async with Caller(stage.gateway.port) as caller:
        head = {"content-length": "1000000", LOOP_GUARD: "1", "x-request-id": "loop-1"}
        await caller.send_head(headers=head)
        status, _ = await caller.head(timeout=2)

    line = await stage.gateway.done("loop-1")
    assert status == 508
    assert (line["outcome"], line["error_code"]) == ("refused", "request_loop_detected")


# -- with max_hops


def guards(upstream: Upstream) -> list[list[str]]:
    said = [request.header(LOOP_GUARD) or "" for request in upstream.requests]
    return [value.split(", ") for value in said]


async def test_chain_on_purpose() -> None:
    """Two in a row, of which the second allows it; the last one hears of both."""
    async with (
        Upstream(reply(WHOLE)) as up,
        gateway(config_for(up.url, server={"max_hops": 1})) as far,
        gateway(config_for(f"{far.url}/v1", models=["up:m1"])) as near,
    ):
        up.scripts["s"] = stream(chat_stream())
        model = "up:up:m1"
        answer = await ask(near.port, chat(stream=False, model=model))
        streamed = await ask(near.port, chat("s", model=model))
        direct = await ask(far.port, chat(stream=False))
        third = {LOOP_GUARD: "someone"}
        too_many = await ask(near.port, chat(model=model), headers=third)

        assert (answer.status, streamed.status, direct.status) == (200, 200, 200)
        assert frames(streamed.body)[-1] == b"data: [DONE]\n\n"
        one, two, alone = guards(up)
        assert one == two
        assert [len(one), len(set(one)), len(alone)] == [2, 2, 1]
        assert one[1] == alone[0]
        assert too_many.status == 508


async def test_hops_are_the_requests_own() -> None:
    """What one request has passed is not said of the next on its connection."""
    async with (
        Upstream(reply(WHOLE)) as up,
        gateway(config_for(up.url, server={"max_hops": 2})) as g,
        Caller(g.port) as caller,
    ):
        for hops in ("a", "a,b", None):
            headers = {} if hops is None else {LOOP_GUARD: hops}
            await caller.send(chat(stream=False), headers=headers)
            assert (await caller.answer()).status == 200

    one, two, three = guards(up)
    assert one[:-1] == ["a"]
    assert two[:-1] == ["a", "b"]
    assert one[-1:] == two[-1:] == three


@pytest.mark.parametrize(
    "value",
    [
        *("", ",", " , ", "a b", "a,b c", "\xe9", "a;b\t;c", "x" * 65),
        *("a,b,c,d", "a" * 3000, "a," * 2000),
    ],
)
async def test_unfit_hops(stage_of_three: Gateway, value: str) -> None:
    """What is no short list of names is refused, however many are allowed."""
    answer = await ask(stage_of_three.port, chat(), headers={LOOP_GUARD: value})

    assert answer.status == 508
    assert (
        LOOP_GUARD in answer.error["message"] or "max_hops" in answer.error["message"]
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage_of_three() -> AsyncIterator[Gateway]:
    config = config_for("http://127.0.0.1:9/v1", server={"max_hops": 3})
    async with gateway(config) as g:
        yield g


async def test_hops_on_several_lines(stage_of_three: Gateway) -> None:
    """A proxy in between may cut the list up."""
    async with Caller(stage_of_three.port) as caller:
        lines = "".join(f"{LOOP_GUARD}: h{n}\r\n" for n in range(4))
        caller.writer.write(
            f"GET /v1/models HTTP/1.1\r\nhost: x\r\n{lines}\r\n".encode()
        )
        status, _ = await caller.head()

    assert status == 508


# -- round in circles


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def cyclic(own: int, other: int, most: int, **members: Any) -> dict[str, Any]:
    server = {"listen": f"127.0.0.1:{own}", "max_hops": most}
    url = f"http://127.0.0.1:{other}/v1"
    return config_for(url, server=server, **members)


async def exchanges(*gateways: Gateway) -> list[int]:
    return [(await g.status())["exchanges"] for g in gateways]


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("workers", [1, 2])
async def test_pointed_at_itself(*, streaming: bool, workers: int) -> None:
    """
    It says so at once, instead of asking itself until there is no socket left.

    Whichever of its workers is asked, it is the same gateway.
    """
    port = free_port()
    config = cyclic(port, port, 5, models=[])
    config["server"]["workers"] = workers
    async with gateway(config) as g:
        began = time.monotonic()
        answer = await ask(port, chat(stream=streaming, model="up:up:up:up:m1"))
        took = time.monotonic() - began

        assert refused_in("openai", answer)
        assert answer.header("x-should-retry") == "false"
        assert took < 2
        assert await exchanges(g) == [2]
        line = await g.event("models.unknown")
        assert "508" in line["reason"]


@pytest.mark.parametrize(
    ("path", "body", "dialect"),
    [
        ("/v1/chat/completions", chat(stream=False, model="m1"), "openai"),
        ("/v1/chat/completions", chat(model="m1"), "openai"),
        (ANTHROPIC, {**MESSAGES, "model": "m1"}, "anthropic"),
        ("/v1beta/models/m1:generateContent", QUESTION, "gemini"),
    ],
)
async def test_cycle_of_two(path: str, body: dict[str, Any], dialect: str) -> None:
    """However many hops they allow, it ends where it began, in the caller's words."""
    one, two = free_port(), free_port()
    open_list: dict[str, Any] = {"models": [], "models_refresh": 0}
    async with (
        gateway(cyclic(one, two, 9, **open_list)) as near,
        gateway(cyclic(two, one, 9, **open_list)) as far,
    ):
        answer = await ask(one, body, path)

        assert refused_in(dialect, answer)
        assert await exchanges(near, far) == [2, 1]


# -- for those who cannot bear the header


async def test_without_the_guard() -> None:
    """One backend is spared the header, the other is not."""
    more = {"strict": {"loop_guard": False}}
    async with (
        Upstream(reply(WHOLE)) as up,
        gateway(config_for(up.url, more=more)) as g,
    ):
        await ask(g.port, chat(stream=False))
        await ask(g.port, chat(stream=False, model="strict:m1"))

    told = [request.header(LOOP_GUARD) for request in up.requests]
    assert told[0]
    assert told[1] is None
    assert json.loads(up.requests[1].body)["model"] == "m1"
