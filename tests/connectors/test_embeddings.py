"""OpenAI's and Gemini's embeddings, and all pairs of fronts and connectors."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from connectors.cohere.translator import TRANSLATOR as COHERE
from connectors.gemini import embeddings as gemini
from connectors.ollama.translator import TRANSLATOR as OLLAMA
from connectors.openai_chat import embeddings as openai_chat
from gateway.domain.embeddings import EmbeddingReply, EmbeddingRequest, write_base64
from gateway.domain.errors import BackendError
from gateway.domain.reply import Usage
from gateway.fronts.base import Ask
from gateway.fronts.gemini import embeddings as gemini_front
from gateway.fronts.openai_chat import embeddings as openai_front

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.domain.loss import Loss
    from gateway.plugin import Written


def grades(losses: tuple[Loss, ...]) -> dict[str, str]:
    return {loss.path: loss.grade for loss in losses}


def test_openai_request_losses() -> None:
    request = EmbeddingRequest(
        "m", ("a",), task="CLUSTERING", extras={"gemini": {"title": "t"}}
    )

    written = openai_chat.write_embeddings(request)

    assert written.body == {"model": "m", "input": ["a"]}
    assert grades(written.losses) == {"task": "dropped", "title": "dropped"}


def test_openai_reply() -> None:
    """Rows may come in any order, and vectors in both forms."""
    reply = openai_chat.read_embeddings(
        {
            "object": "list",
            "data": [
                {"index": 1, "embedding": write_base64((2.0,))},
                {"index": 0, "embedding": [0.5]},
            ],
            "model": "m",
            "usage": {"prompt_tokens": 4, "total_tokens": 4},
            "id": "x",
        }
    )

    assert reply == EmbeddingReply(
        "m", ((0.5,), (2.0,)), Usage(input=4), {"openai_chat": {"id": "x"}}
    )


def test_openai_reply_without_counts() -> None:
    reply = openai_chat.read_embeddings({"data": [{"embedding": [1]}]})

    assert reply == EmbeddingReply(vectors=((1,),))


def test_gemini_request() -> None:
    """One request for each input, each with all that applies to it."""
    written = gemini.write_embeddings(
        EmbeddingRequest(
            "m",
            ("a", (1,), "b"),
            dimensions=3,
            task="X",
            user="u",
            extras={"gemini": {"title": "t"}, "openai_chat": {"z": 1}},
        )
    )

    shared = {
        "model": "models/m",
        "taskType": "X",
        "outputDimensionality": 3,
        "title": "t",
    }
    assert written.body == {
        "requests": [
            {**shared, "content": {"parts": [{"text": text}]}} for text in ("a", "b")
        ]
    }
    assert grades(written.losses) == {
        "inputs[1]": "refused",
        "user": "dropped",
        "z": "dropped",
    }


@pytest.mark.parametrize(
    ("json_value", "expected"),
    [
        ({"embedding": {"values": [1]}}, EmbeddingReply(vectors=((1,),))),
        (
            {
                "embeddings": [{"values": [1]}, {"values": [2]}],
                "usageMetadata": {"promptTokenCount": 4},
            },
            EmbeddingReply(vectors=((1,), (2,)), usage=Usage(input=4)),
        ),
    ],
    ids=["one", "batch"],
)
def test_gemini_reply(json_value: Any, expected: EmbeddingReply) -> None:
    assert gemini.read_embeddings(json_value) == expected


@pytest.mark.parametrize("read", [openai_chat.read_embeddings, gemini.read_embeddings])
@pytest.mark.parametrize(
    "json_value",
    [
        None,
        [],
        1,
        {},
        {"data": [1]},
        {"data": 1},
        {"embedding": 1},
        {"embeddings": [{}]},
    ],
)
def test_another_shape(
    read: Callable[[Any], EmbeddingReply], json_value: object
) -> None:
    """An upstream can answer anything; that is its mistake, not ours."""
    with pytest.raises(BackendError):
        read(json_value)


ASK = Ask("m", stream=False)
FRONTS = {
    "openai": (openai_front, {"model": "m", "input": ["a", "b"]}),
    "gemini": (
        gemini_front,
        {"requests": [{"content": {"parts": [{"text": text}]}} for text in ("a", "b")]},
    ),
}
VECTORS = ((0.5, 1.0), (0.25, 0.0))
LISTS = [list(vector) for vector in VECTORS]
BACKENDS: dict[str, tuple[Any, Any, str, Any]] = {
    "openai": (
        openai_chat.write_embeddings,
        openai_chat.read_embeddings,
        "input",
        {"data": [{"index": i, "embedding": v} for i, v in enumerate(LISTS)]},
    ),
    "gemini": (
        gemini.write_embeddings,
        gemini.read_embeddings,
        "requests",
        {"embeddings": [{"values": v} for v in LISTS]},
    ),
    "cohere": (
        COHERE.write_embeddings,
        COHERE.read_embeddings,
        "texts",
        {"embeddings": {"float": LISTS}},
    ),
    "ollama": (
        OLLAMA.write_embeddings,
        OLLAMA.read_embeddings,
        "input",
        {"embeddings": LISTS},
    ),
}


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_matrix(front: str, backend: str) -> None:
    """Two texts go in and two vectors come out, for each client and provider."""
    module, asked = FRONTS[front]
    write, read, member, answer = BACKENDS[backend]

    request = module.read_embeddings(json.dumps(asked).encode(), ASK)
    written: Written = write(request)
    rendered = module.write_embeddings(read(answer), request)

    assert len(written.body[member]) == 2
    assert "refused" not in grades(written.losses).values()
    rows = rendered.json.get("data") or rendered.json["embeddings"]
    assert [row.get("embedding") or row["values"] for row in rows] == LISTS
