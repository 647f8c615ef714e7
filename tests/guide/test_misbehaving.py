"""A plugin's mistakes are told as the plugin's, and hurt nobody else."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.client import Caller
from tests.guide.asking import CLIENTS, request, told
from tests.plugins.installed import install
from tests.process import Gateway, config_file, start
from tests.process import _listening as listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.asyncio(loop_scope="module")

HERE = Path(__file__).parent
MODES = ("slow", "raises", "network", "second")
SECRET = "planted-plugin-secret-0123"
each_client = pytest.mark.parametrize("client", CLIENTS)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def g(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    place = tmp_path_factory.mktemp("misbehaving")
    text = (HERE / "misbehaving.py").read_text("utf-8")
    (place / "misbehaving.py").write_text(text, "utf-8")
    points = "[llm_proxy_backends]\nbad = misbehaving:Misbehaving\n"
    install(place, "misbehaving", points)
    backends = {mode: {"type": "bad", "extra": {"mode": mode}} for mode in MODES}
    config = {
        "backends": {
            # The error's text is masked by nobody if it is not known as a secret.
            "bad": {"api_key": SECRET},
            "strict": {"type": "bad", "timeouts": {"first_event": "200ms"}},
            **backends,
        }
    }
    env = {"PYTHONPATH": str(place), "XDG_STATE_HOME": str(place)}
    with config_file(config) as file:
        args = ("serve", "--config", file, "--listen", "127.0.0.1:0")
        running = await start(*args, env=env)
        try:
            await listening(running)
            yield running
            running.signal()
            assert await running.exit_code() == 0
        finally:
            await running.kill()
    said = "".join(running.text)
    assert SECRET not in said
    assert "NOTED closed" in said


async def noted(g: Gateway, word: str, since: int = 0) -> None:
    async with asyncio.timeout(5), g._news:
        await g._news.wait_for(lambda: f"NOTED {word}\n" in "".join(g.text[since:]))


async def test_every_case_is_tried() -> None:
    """The names of the cases here are those of the plugin."""
    from tests.guide import misbehaving

    others = {"waiting", "hanging", "status"}
    assert {*WELL, *BROKEN, *others, *EMPTY, *WRONG} == {*misbehaving.STREAMS}
    assert {*GOOD_WHOLE, *BAD_WHOLE, "headers"} == {*misbehaving.WHOLE}


WELL = (
    *("good", "handle", "no-aclose", "lists", "chunks", "sse", "more", "no-end"),
    "usage",
)


@each_client
@pytest.mark.parametrize("name", WELL)
@pytest.mark.parametrize("streamed", [True, False])
async def test_what_is_meant(
    g: Gateway, client: str, name: str, streamed: bool
) -> None:
    """Where it is clear what a stream means it is taken so, whoever asks how."""
    heard = await told(g.port, client, f"bad:stream-{name}", stream=streamed)

    assert heard.answer.status == 200
    assert heard.words == "one two"
    assert heard.whole


GOOD_WHOLE = ("good", "dict", "no-headers")


@each_client
@pytest.mark.parametrize("name", GOOD_WHOLE)
@pytest.mark.parametrize("streamed", [True, False])
async def test_whole_answers(
    g: Gateway, client: str, name: str, streamed: bool
) -> None:
    heard = await told(g.port, client, f"bad:whole-{name}", stream=streamed)

    assert heard.answer.status == 200
    assert heard.words == "one two"
    assert heard.whole


@pytest.mark.parametrize("name", ["whole-good", "stream-usage"])
async def test_usage_of_the_envelope(g: Gateway, name: str) -> None:
    """Counts may stand beside the answer."""
    heard = await told(g.port, "openai_chat", f"bad:{name}")

    usage = heard.answer.json["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (7, 9)


@pytest.mark.parametrize("streamed", [True, False])
async def test_headers(g: Gateway, streamed: bool) -> None:
    """Only those that may go out, and none that would begin another."""
    heard = await told(g.port, "openai_chat", "bad:whole-headers", stream=streamed)

    assert heard.answer.status == 200
    assert heard.answer.header("x-ratelimit-left") == "5"
    for name in ("retry-after", "x-evil", "set-cookie"):
        assert heard.answer.header(name) is None


BROKEN = {
    **dict.fromkeys(
        (
            *("none", "number", "no-event", "order", "bad-fault", "bytes", "counts"),
            *("raises", "exits"),
        ),
        "plugin_error",
    ),
    "aiohttp": "upstream_connection_lost",
    "timeout": "upstream_timeout",
    "own": "my_code",
    "cut": "upstream_truncated",
}


@each_client
@pytest.mark.parametrize("name", BROKEN)
async def test_broken_streams(g: Gateway, client: str, name: str) -> None:
    """What came is there; then the dialect's error, which is not ours."""
    heard = await told(
        g.port, client, f"bad:stream-{name}", stream=True, headers=named(client, name)
    )
    done = await g.done(f"{client}-{name}")

    assert heard.answer.status == 200
    assert b"one" in heard.answer.body
    assert heard.failed
    assert not heard.whole
    assert done["error_code"] == BROKEN[name]
    assert b"made a mistake" not in heard.answer.body


def named(client: str, name: str) -> dict[str, str]:
    return {"x-request-id": f"{client}-{name}"}


@each_client
@pytest.mark.parametrize("name", BROKEN)
async def test_broken_streams_in_one_piece(g: Gateway, client: str, name: str) -> None:
    """Nothing is out yet, so there is a status."""
    heard = await told(g.port, client, f"bad:stream-{name}")

    assert heard.answer.status in (502, 504)
    assert heard.code == BROKEN[name]


WRONG = ("raises-first", "list", "nothing")
EMPTY = ("empty",)


@each_client
@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("streamed", [True, False])
async def test_no_stream(g: Gateway, client: str, name: str, streamed: bool) -> None:
    heard = await told(g.port, client, f"bad:stream-{name}", stream=streamed)

    assert (heard.answer.status, heard.code) == (502, "plugin_error")


@pytest.mark.parametrize("streamed", [True, False])
async def test_empty(g: Gateway, streamed: bool) -> None:
    """An answer without anything is never an empty success."""
    heard = await told(g.port, "openai_chat", "bad:stream-empty", stream=streamed)

    assert heard.answer.status == 502


@pytest.mark.parametrize("streamed", [True, False])
async def test_status_of_a_stream(g: Gateway, streamed: bool) -> None:
    """It is no answer, and what the backend holds is freed all the same."""
    since = len(g.text)

    heard = await told(g.port, "anthropic", "bad:stream-status", stream=streamed)

    assert (heard.answer.status, heard.code) == (503, "provider_error")
    await noted(g, "cancelled", since)


BAD_WHOLE = {
    **dict.fromkeys(
        (
            *("bad-reply", "bad-parts", "bad-text", "bad-usage"),
            *("number", "none", "other"),
        ),
        (502, "plugin_error"),
    ),
    "bad-dict": (502, "upstream_empty"),
    "text": (422, "invalid_json"),
    "status": (418, "unlucky"),
    "status-only": (503, "provider_error"),
}


@each_client
@pytest.mark.parametrize("name", BAD_WHOLE)
@pytest.mark.parametrize("streamed", [True, False])
async def test_bad_answers(g: Gateway, client: str, name: str, streamed: bool) -> None:
    heard = await told(g.port, client, f"bad:whole-{name}", stream=streamed)

    assert (heard.answer.status, heard.code) == BAD_WHOLE[name]


RAISED = {
    "error": (502, "plugin_error"),
    "network": (503, "upstream_unreachable"),
    "stray": (502, "plugin_error"),
    "exit": (502, "plugin_error"),
    "status": (429, "rate_limit_exceeded"),
    "route": (403, "policy_rejected"),
    "file": (502, "plugin_error"),
}


@each_client
@pytest.mark.parametrize("name", RAISED)
@pytest.mark.parametrize("streamed", [True, False])
async def test_raised(g: Gateway, client: str, name: str, streamed: bool) -> None:
    """Ours are kept, the network's are what they are elsewhere, the rest is theirs."""
    heard = await told(g.port, client, f"bad:raise-{name}", stream=streamed)

    assert (heard.answer.status, heard.code) == RAISED[name]
    assert b"Traceback" not in heard.answer.body


async def test_traceback_is_in_the_log(g: Gateway) -> None:
    """With what went wrong where, and without what was secret."""
    await told(g.port, "openai_chat", "bad:raise-error")

    await g.event("plugin.failed", backend="bad")
    logged = [line["exception"] for line in g.found("plugin.failed")]
    assert any('misbehaving.py", line' in text for text in logged)


async def test_what_cannot_be_said(g: Gateway) -> None:
    """The translation service's refusal names the member as the client calls it."""
    heard = await told(g.port, "openai_chat", "bad:raise-anthropic", n=2)

    assert (heard.answer.status, heard.error["param"]) == (422, "n")


# -- leaving


@each_client
async def test_client_leaves(g: Gateway, client: str) -> None:
    """A generator is closed even where there is no callback."""
    since = len(g.text)
    path, body = request(client, "bad:stream-waiting", stream=True)
    async with Caller(g.port) as caller:
        await caller.send(body, path)
        await caller.head()
        await caller.until(b"one")
        caller.leave()
    await noted(g, "freed", since)
    await g.idle()


@pytest.mark.parametrize("streamed", [True, False])
async def test_client_leaves_before_there_is_anything(
    g: Gateway, streamed: bool
) -> None:
    since = len(g.text)
    path, body = request("openai_chat", "bad:raise-wait", stream=streamed)
    async with Caller(g.port) as caller:
        await caller.send(body, path, headers={"x-request-id": f"left-{streamed}"})
        await _begun(g)
        caller.leave()
    await noted(g, "whole freed", since)
    done = await g.done(f"left-{streamed}")
    assert (done["outcome"], done["status"]) == ("client_gone", 499)


async def _begun(g: Gateway) -> None:
    async with asyncio.timeout(5):
        while not (await g.status())["active_exchanges"]:
            await asyncio.sleep(0.01)


async def test_client_leaves_a_stream_asked_for_in_one_piece(g: Gateway) -> None:
    since = len(g.text)
    path, body = request("openai_chat", "bad:stream-waiting", stream=False)
    async with Caller(g.port) as caller:
        await caller.send(body, path)
        await _begun(g)
        caller.leave()
    await noted(g, "freed", since)


async def test_cleaning_up_that_hangs(g: Gateway) -> None:
    """The client's exchange ends, and what hangs is cancelled after its time."""
    since = len(g.text)
    path, body = request("openai_chat", "bad:stream-hanging", stream=True)
    async with Caller(g.port) as caller:
        await caller.send(body, path)
        await caller.head()
        await caller.until(b"one")
        caller.leave()
    await noted(g, "cleaning", since)
    await g.event("plugin.cancel_timeout", timeout=10, backend="bad")
    await g.idle()


async def test_callback_that_fails(g: Gateway) -> None:
    """It is called, and that it raises is a line in the log."""
    heard = await told(g.port, "openai_chat", "bad:stream-handle", stream=True)

    assert heard.whole
    await g.event("plugin.cancel_failed", backend="bad")


async def test_clock(g: Gateway) -> None:
    """A backend that says nothing is waited for as long as any other."""
    heard = await told(g.port, "openai_chat", "strict:raise-wait")

    assert (heard.answer.status, heard.code) == (504, "upstream_timeout")


# -- starting


async def test_requests_wait_for_initialize(g: Gateway) -> None:
    """All that come meanwhile, and it happens once."""
    heard = await asyncio.gather(
        *(told(g.port, "openai_chat", "slow:stream-good") for _ in range(5))
    )

    assert {one.answer.status for one in heard} == {200}
    assert "".join(g.text).count("NOTED initialize slow") == 1


@pytest.mark.parametrize(
    ("mode", "status", "code"),
    [
        ("raises", 502, "plugin_error"),
        ("network", 503, "upstream_unreachable"),
    ],
)
async def test_initialize_fails(g: Gateway, mode: str, status: int, code: str) -> None:
    """Requests are told why."""
    for client in CLIENTS:
        heard = await told(g.port, client, f"{mode}:stream-good")
        assert (heard.answer.status, heard.code) == (status, code)


async def test_initialize_is_tried_again(g: Gateway) -> None:
    async with asyncio.timeout(10):
        while True:
            heard = await told(g.port, "openai_chat", "second:stream-good")
            if heard.answer.status == 200:
                break
            assert heard.code == "not_yet"
            await asyncio.sleep(0.1)

    assert "".join(g.text).count("NOTED initialize second") == 2
