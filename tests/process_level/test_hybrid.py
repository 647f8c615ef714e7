"""Two models behind one name, through the real process: what each client is told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from attrs import Factory, define

from tests.client import Answer, Caller, ask
from tests.connectors.hybrid.wires import (
    anthropic_block,
    anthropic_end,
    anthropic_start,
    anthropic_text,
    anthropic_thought,
    chat_answer,
    chat_call,
    chat_thought,
)
from tests.contract.oracle import DIALECTS, Tokens
from tests.contract.oracle.said import Call
from tests.contract.oracle.shape import faults_of
from tests.contract.test_translated_process import asked
from tests.process import UPSTREAM_KEY, gateway
from tests.streams import KEEP_ALIVE, finish_chunk, text_chunk
from tests.upstream import End, Pause, Script, Upstream, open_stream, reply, stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.contract.oracle import Said
    from tests.process import Gateway, Line
    from tests.upstream import Request

pytestmark = pytest.mark.asyncio(loop_scope="module")

ALLOWED = 0.1  # seconds from leaving to the upstream's connection being closed
CLIENTS = ("openai_chat", "openai_responses", "anthropic", "gemini")

# What the first model says: a thought, then the beginning of an answer that nobody
# waits for.
THOUGHT = [anthropic_start(), *anthropic_thought(0, "Clo", "uds?")]
BEGUN: Script = [
    *open_stream(*THOUGHT, *anthropic_text(1, "It is")[:-1]),
    End.HANG,
]
ANSWER: Script = stream(chat_answer("It is ", "dry."))
HALF_THOUGHT: Script = [*open_stream(*THOUGHT[:-2]), End.HANG]
HALF_ANSWER: Script = [*open_stream(text_chunk("It is ")), End.HANG]


@define
class Stage:
    gateway: Gateway
    first: Upstream
    second: Upstream
    scripts: dict[str, Script] = Factory(dict)

    def play(self, first: Script = BEGUN, second: Script = ANSWER) -> None:
        self.scripts.update(first=first, second=second)
        self.first.requests.clear()
        self.second.requests.clear()

    async def ask(
        self, dialect: str = "openai_chat", model: str = "smart", **members: Any
    ) -> Answer:
        members.setdefault("streamed", True)
        path, body = asked(dialect, model, **members)
        return await ask(self.gateway.port, body, path)

    async def hear(self, dialect: str = "openai_chat", **members: Any) -> Said:
        """Return what a client understood, which it must have liked."""
        answer = await self.ask(dialect, **members)
        assert answer.status == 200, answer.body
        assert answer.complete
        streamed = members.get("streamed", True)
        if streamed:
            assert faults_of(dialect, answer.body) == []
        way = DIALECTS[dialect]
        said: Said = (way.stream if streamed else way.whole)(answer.body)
        return said

    async def done(self, answer: Answer) -> Line:
        return await self.gateway.done(answer.header("x-request-id") or "")


def configured(first: Upstream, second: Upstream) -> dict[str, Any]:
    key = {"api_key": UPSTREAM_KEY}
    # With lists of their own nobody asks them for one.
    claude = {"type": "anthropic", "api_base_url": first.url, "models": ["m1"], **key}
    chat = {"type": "openai-compatible", "api_base_url": second.url, **key}
    extra = {"models": {"named": "[claude:m1,chat:m1]"}}
    return {
        "server": {"keep_alive": "150ms"},
        "backends": {
            "claude": claude,
            "chat": {**chat, "models": ["m1"]},
            "hybrid": {"extra": extra},
            "hybrid.hasty": {"extra": {"reasoning_timeout": "150ms"}},
            "hybrid.off": {"extra": {"enabled": False}},
        },
        "routes": [
            {"model": "smart", "to": "hybrid:[claude:m1?reasoning_effort=low,chat:m1]"},
            {"model": "both-*", "to": "hybrid:[chat:*,chat:m1?temperature=0.25]"},
        ],
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage() -> AsyncIterator[Stage]:
    scripts: dict[str, Script] = {}

    def playing(name: str) -> Script:
        def play(request: Request) -> Any:
            script = scripts[name]
            return script(request) if callable(script) else script

        return play

    async with Upstream(playing("first")) as first, Upstream(playing("second")) as last:
        async with gateway(configured(first, last)) as running:
            yield Stage(running, first, last, scripts)


# -- what clients hear


@pytest.mark.parametrize("streamed", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("dialect", CLIENTS)
async def test_thoughts_then_answer(stage: Stage, dialect: str, streamed: bool) -> None:
    """Every dialect's client hears both, in a reply that follows its rules."""
    whole = reply(
        {
            "id": "c1",
            "object": "chat.completion",
            "created": 1,
            "model": "m1",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": "It is dry."},
                    "finish_reason": "stop",
                }
            ],
            "usage": {
                "prompt_tokens": 100,
                "completion_tokens": 5,
                "total_tokens": 105,
            },
        }
    )
    stage.play(second=ANSWER if streamed else whole)

    said = await stage.hear(dialect, streamed=streamed)

    (choice,) = said.choices
    assert (choice.thinking, choice.text) == ("Clouds?", "It is dry.")
    assert (choice.finish, said.whole) == ("end", True)
    # The first had counted its prompt of 7 tokens, and one of the answer.
    assert (said.usage.prompt, said.usage.output) == (107, 6)


async def test_what_the_models_are_asked(stage: Stage) -> None:
    """The first is to think, in its own words; the second is given the thoughts."""
    stage.play()

    await stage.hear(tools=True)

    (first,), (second,) = stage.first.requests, stage.second.requests
    assert first.path == "/v1/messages"
    assert first.json["stream"] is True
    assert first.json["tools"][0]["name"] == "weather"
    assert "thinking" in first.json
    system, user = second.json["messages"]
    assert (system["role"], user["content"]) == ("system", "Hello?")
    assert "Clouds?" in system["content"]
    assert "reasoning_effort" not in second.json
    assert second.json["tools"]
    for request in (first, second):
        assert request.header("x-llmproxy-loop-guard")


async def test_who_asks(stage: Stage) -> None:
    """Both are told which application asks, and neither what is for one request."""
    stage.play()
    path, body = asked("openai_chat", "smart", streamed=True)
    told = {"x-title": "App", "idempotency-key": "k1"}

    answer = await ask(stage.gateway.port, body, path, headers=told)

    assert answer.status == 200
    for request in (*stage.first.requests, *stage.second.requests):
        assert request.header("x-title") == "App"
        assert request.header("idempotency-key") is None


async def test_losses(stage: Stage) -> None:
    """What one of them could not be told is in the log."""
    stage.play()

    line = await stage.done(await stage.ask(seed=5))

    assert line["loss_paths"] == ["dropped sampling.seed"]


async def test_first_is_stopped(stage: Stage) -> None:
    """Its connection is closed as soon as it has thought enough."""
    stage.play(second=[Pause(ALLOWED), *ANSWER])  # type: ignore[misc]
    hearing = asyncio.create_task(stage.hear())
    second = await stage.second.request()

    await stage.first.requests[0].gone(ALLOWED)

    await hearing
    assert not second.link.lost


async def test_only_calls(stage: Stage) -> None:
    """A first model that just calls a tool has answered."""
    block = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}
    delta = {"type": "input_json_delta", "partial_json": '{"city": "Brno"}'}
    frames = [
        anthropic_start(),
        *anthropic_block(0, block, delta),
        *anthropic_end("tool_use"),
    ]
    stage.play(stream(frames))

    said = await stage.hear(tools=True)

    assert said.choices[0].calls == (Call("weather", {"city": "Brno"}),)
    assert said.choices[0].finish == "tools"
    assert stage.second.requests == []


async def test_calls_of_the_second(stage: Stage) -> None:
    """Calls after the thoughts are the answer, too."""
    stage.play(second=stream(chat_call()))

    said = await stage.hear("anthropic", tools=True)

    assert said.choices[0].thinking == "Clouds?"
    assert said.choices[0].calls == (Call("weather", {"city": "Brno"}),)


async def test_same_backend_for_both(stage: Stage) -> None:
    """What a model says first is a thought, with its own mark, with tags or without."""
    answers: Any = iter(
        [
            stream([*chat_thought("Hm"), *chat_answer("No.")]),
            ANSWER,
            stream(chat_answer("<think>", "Hm", "</think>", "No.")),
            stream(chat_answer("<think>x</think>", "It is dry.")),
            stream(chat_answer("H", "m")),
            ANSWER,
        ]
    )
    stage.play(second=lambda _: next(answers))

    for _ in range(3):
        said = await stage.hear(model="both-m1")

        assert said.choices[0].thinking == "Hm"
        assert said.choices[0].text == "It is dry."
    assert "temperature" not in stage.second.requests[0].json
    assert stage.second.requests[1].json["temperature"] == 0.25
    # The last one came to its end, and so its counts were heard.
    assert said.usage == Tokens(prompt=200, output=10, reasoning=5)


async def test_too_slow(stage: Stage) -> None:
    """A first model that does not come to an end is left; the second goes alone."""
    stage.play(HALF_THOUGHT)

    said = await stage.hear(model="hybrid.hasty:[claude:m1,chat:m1]")

    assert said.choices[0].text == "It is dry."
    assert said.choices[0].thinking == "Clouds?"
    await stage.first.requests[0].gone()
    assert [m["role"] for m in stage.second.requests[0].json["messages"]] == ["user"]


async def test_signs_of_life(stage: Stage) -> None:
    """Between the phases the client sees that somebody is there."""
    stage.play(second=[Pause(0.5), *ANSWER])  # type: ignore[misc]

    answer = await stage.ask()

    before, _, after = answer.body.partition(KEEP_ALIVE)
    assert b"uds?" in before
    assert b"dry." in after


async def test_names(stage: Stage) -> None:
    """A pair with a name can be asked for by it, and is listed."""
    stage.play()

    said = await stage.hear(model="hybrid:named")
    listed = (await ask(stage.gateway.port, path="/v1/models", method="GET")).json

    assert said.choices[0].text == "It is dry."
    names = [row["id"] for row in listed["data"]]
    assert {"smart", "hybrid:named"} <= set(names)


async def test_account(stage: Stage) -> None:
    """The log has one line for both, with what both have used up."""
    stage.play()

    line = await stage.done(await stage.ask())

    assert (line["backend"], line["outcome"]) == ("hybrid", "completed")
    assert (line["input_tokens"], line["output_tokens"]) == (107, 6)


# -- failures


async def test_first_refuses(stage: Stage) -> None:
    """Before anything is out, a failure has a status, and says which model it was."""
    headers = {"content-type": "application/json", "retry-after": "7"}
    stage.play(reply({"error": {"message": "slow down"}}, 429, headers))

    answer = await stage.ask()

    assert answer.status == 502
    assert answer.error["code"] == "hybrid_reasoning_failed"
    assert "reasoning model (claude:m1) failed: slow down" in answer.error["message"]
    assert answer.header("retry-after") == "7"


async def test_second_refuses(stage: Stage) -> None:
    """After the thoughts it stands in the stream, and nothing is said to be whole."""
    stage.play(second=reply({"error": {"message": "no"}}, 500))

    answer = await stage.ask()

    assert answer.status == 200
    assert b"hybrid_execution_failed" in answer.body
    assert DIALECTS["openai_chat"].stream(answer.body).error
    assert (await stage.done(answer))["outcome"] == "upstream_failed"


async def test_second_refuses_without_a_stream(stage: Stage) -> None:
    """Who waits for one piece gets a status for either."""
    stage.play(second=reply({"error": {"message": "no"}}, 500))

    answer = await stage.ask("anthropic", streamed=False)

    assert answer.status == 502
    assert "execution model (chat:m1) failed: no" in answer.error["message"]


CUTS: dict[str, dict[str, Script]] = {
    "reasoning": {"first": [*open_stream(*THOUGHT[:-2]), End.FIN]},
    "execution": {"second": [*open_stream(text_chunk("It is ")), End.FIN]},
    "execution, reset": {"second": [*open_stream(text_chunk("It is ")), End.RST]},
    "execution, no last word": {
        "second": [*open_stream(text_chunk("It is "), finish_chunk()[:20]), End.FIN]
    },
}


@pytest.mark.parametrize("dialect", CLIENTS)
@pytest.mark.parametrize("phase", CUTS)
async def test_cut(stage: Stage, phase: str, dialect: str) -> None:
    """An upstream that breaks off in either phase never makes a whole answer."""
    stage.play(**CUTS[phase])

    answer = await stage.ask(dialect)

    assert DIALECTS[dialect].stream(answer.body).broken
    line = await stage.done(answer)
    assert line["outcome"] in ("upstream_failed", "truncated")
    assert line["error_code"] == f"hybrid_{phase.partition(',')[0]}_failed"


@pytest.mark.parametrize(
    ("model", "members", "status", "code"),
    [
        ("hybrid:[claude:m1]", {}, 400, "invalid_hybrid_model"),
        ("hybrid:[claude:m1?top_k=x,chat:m1]", {}, 400, "invalid_hybrid_model"),
        ("hybrid:[claude:m1,smart]", {}, 400, "invalid_hybrid_model"),
        ("hybrid:[nobody:m1,chat:m1]", {}, 404, "model_not_found"),
        ("hybrid.off:[claude:m1,chat:m1]", {}, 400, "hybrid_backend_disabled"),
        ("smart", {"n": 2}, 400, "invalid_request"),
    ],
)
async def test_wrong_question(
    stage: Stage, model: str, members: dict[str, Any], status: int, code: str
) -> None:
    """What cannot be asked is refused, with the place and a reason."""
    # The answer of the first is one that needs the second.
    stage.play()

    answer = await stage.ask(model=model, streamed=False, **members)

    assert answer.status == status
    if model != "smart":
        assert answer.error["param"] == "model"
        assert answer.error["code"] == code


# -- leaving


async def test_leaving_before_the_head(stage: Stage) -> None:
    """Nobody thinks for a client that has left."""
    stage.play([End.HANG])

    await _leave(stage, stage.first, b"")


async def test_leaving_while_it_thinks(stage: Stage) -> None:
    """Its thoughts were seen while they came, and the model is freed at once."""
    stage.play(HALF_THOUGHT)

    await _leave(stage, stage.first, b"uds?")


async def test_leaving_between(stage: Stage) -> None:
    """The second, which has not begun to answer, is freed at once."""
    stage.play(second=[End.HANG])

    await _leave(stage, stage.second, b"uds?")


async def test_leaving_while_it_answers(stage: Stage) -> None:
    """So it is in the middle of its answer."""
    stage.play(second=HALF_ANSWER)

    await _leave(stage, stage.second, b"It is ")


async def test_leaving_without_a_stream(stage: Stage) -> None:
    """Who waits for one piece may leave as well."""
    stage.play(HALF_THOUGHT)

    await _leave(stage, stage.first, b"", streamed=False)


async def _leave(
    stage: Stage, upstream: Upstream, seen: bytes, *, streamed: bool = True
) -> None:
    path, body = asked("openai_chat", "smart", streamed=streamed)
    async with Caller(stage.gateway.port) as caller:
        await caller.send(body, path)
        if seen:
            await caller.head()
            await caller.until(seen)
        request = await upstream.request()
        await asyncio.sleep(0.02)  # let the first bytes arrive
        left = caller.leave()

        assert await request.gone() - left < ALLOWED
    await stage.gateway.idle()
