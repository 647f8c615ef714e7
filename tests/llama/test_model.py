"""The model and its server alone: what other tests take for known is so."""

from __future__ import annotations

import pytest

from tests.client import ask
from tests.llama.asking import question
from tests.llama.chains import CALLED, CALLS, SPEECH, THOUGHT, TOOLS
from tests.llama.model import prompt_tokens

pytestmark = pytest.mark.needs("python:xllamacpp")


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


async def test_says_its_text(speaker: str) -> None:
    """Text, finish and both token counts are known beforehand."""
    answer = await ask(port_of(speaker), question("speech", stream=False))

    [choice] = answer.json["choices"]
    usage = answer.json["usage"]
    assert choice["message"]["content"] == SPEECH.text
    assert choice["finish_reason"] == "stop"
    assert usage["prompt_tokens"] == prompt_tokens("hello")
    assert usage["completion_tokens"] == SPEECH.tokens


async def test_thinks_first(thinker: str) -> None:
    """Reasoning comes apart from the text."""
    answer = await ask(port_of(thinker), question("thought", stream=False))

    message = answer.json["choices"][0]["message"]
    assert message["reasoning_content"] == "".join(THOUGHT.thought)
    assert message["content"] == THOUGHT.text
    assert answer.json["usage"]["completion_tokens"] == THOUGHT.tokens


async def test_calls_two_tools(caller: str) -> None:
    """Two calls in one answer, with the arguments that the model wrote."""
    body = question("calls", stream=False, tools=TOOLS, parallel_tool_calls=True)

    answer = await ask(port_of(caller), body)

    calls = answer.json["choices"][0]["message"]["tool_calls"]
    functions = [call["function"] for call in calls]
    assert [(f["name"], f["arguments"]) for f in functions] == CALLED
    assert answer.json["usage"]["completion_tokens"] == CALLS.tokens
