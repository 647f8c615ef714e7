"""Two real models behind one name: one thinks, the other one speaks."""

from __future__ import annotations

import pytest

from tests.client import ask
from tests.llama.asking import chunks, question
from tests.llama.chains import SPEECH, THOUGHT
from tests.process import gateway

pytestmark = pytest.mark.needs("python:xllamacpp")


async def test_thoughts_of_one_and_words_of_the_other(
    thinker: str, speaker: str
) -> None:
    """The answer of the first is stopped where it begins, and the second's is whole."""
    config = {
        "backends": {
            "deep": {"type": "llama.cpp", "api_base_url": thinker},
            "fast": {"type": "llama.cpp", "api_base_url": speaker},
            "hybrid": {},
        }
    }
    body = question("hybrid:[deep:thought,fast:speech]")
    async with gateway(config) as running:
        answer = await ask(running.port, body)
        line = await running.event("exchange.done")

    found = [row["choices"][0]["delta"] for row in chunks(answer) if row["choices"]]
    thoughts = "".join(delta.get("reasoning_content") or "" for delta in found)
    assert thoughts.strip() == "".join(THOUGHT.thought).strip()
    assert "".join(delta.get("content") or "" for delta in found) == SPEECH.text
    assert line["outcome"] == "completed"
