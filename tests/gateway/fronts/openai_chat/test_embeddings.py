from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.openai_chat.embeddings import write_embeddings as write_upstream
from gateway.domain.embeddings import EmbeddingReply, EmbeddingRequest, write_base64
from gateway.domain.errors import BackendError, InvalidRequestError
from gateway.domain.reply import Usage
from gateway.fronts.base import Ask
from gateway.fronts.openai_chat.embeddings import read_embeddings, write_embeddings

ASK = Ask("m", stream=False)


def read(**members: Any) -> EmbeddingRequest:
    return read_embeddings(json.dumps({"model": "m", **members}).encode(), ASK)


@pytest.mark.parametrize(
    "members",
    [
        {"input": "a"},
        {"input": ["a"]},
        {"input": ["a", "b"]},
        {"input": [1, 2]},
        {"input": [[1, 2], [3]]},
        {"input": ["a", [3]]},
        {"input": "a", "dimensions": 3, "encoding_format": "base64", "user": "u"},
        {"input": "a", "input_type": "query", "user": None},
    ],
    ids=str,
)
def test_identity(members: dict[str, Any]) -> None:
    """What a client says comes out as it went in, known or unknown."""
    written = write_upstream(read(**members))

    assert written.body == {"model": "m", **members}
    assert written.losses == ()


def test_read() -> None:
    assert read(input=["a", [1, 2]], encoding_format="float") == EmbeddingRequest(
        "m", ("a", (1, 2)), single=False, encoding="float"
    )


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({}, "input"),
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": {}}, "input"),
        ({"input": ["a", 1]}, "input[1]"),
        ({"input": ["a", []]}, "input[1]"),
        ({"input": [1, "a"]}, "input[1]"),
        ({"input": [[1, True]]}, "input[0][1]"),
        ({"input": [True]}, "input[0]"),
        ({"input": "a", "dimensions": 0}, "dimensions"),
        ({"input": "a", "encoding_format": "int8"}, "encoding_format"),
        ({"input": "a", "user": 1}, "user"),
        ({"input": "a", "model": 1}, "model"),
    ],
    ids=str,
)
def test_mistakes(members: dict[str, Any], param: str) -> None:
    """Each is named by its path."""
    with pytest.raises(InvalidRequestError) as caught:
        read(**members)

    assert caught.value.param == param


REPLY = EmbeddingReply("up", ((0.5, 1.0), (2.0, 0.0)), Usage(input=3, cache_read=1))


def test_answer() -> None:
    rendered = write_embeddings(REPLY, EmbeddingRequest("m", ("a", "b")))

    assert json.loads(rendered.body) == rendered.json
    assert rendered.json == {
        "object": "list",
        "data": [
            {"object": "embedding", "index": 0, "embedding": [0.5, 1.0]},
            {"object": "embedding", "index": 1, "embedding": [2.0, 0.0]},
        ],
        "model": "up",
        "usage": {"prompt_tokens": 4, "total_tokens": 4},
    }


def test_answer_in_base64() -> None:
    """As OpenAI's SDK asks unless it is told otherwise."""
    request = EmbeddingRequest("m", ("a", "b"), encoding="base64")

    rendered = write_embeddings(REPLY, request)

    assert [row["embedding"] for row in rendered.json["data"]] == [
        write_base64(vector) for vector in REPLY.vectors
    ]


def test_answer_of_a_model_that_says_little() -> None:
    """The SDK needs a model and counts."""
    rendered = write_embeddings(
        EmbeddingReply(vectors=((1.0,),), extras={"openai_chat": {"id": "x"}}),
        EmbeddingRequest("m", ("a",)),
    )

    assert rendered.json["model"] == "m"
    assert rendered.json["usage"] == {"prompt_tokens": 0, "total_tokens": 0}
    assert rendered.json["id"] == "x"


@pytest.mark.parametrize("count", [0, 1, 3])
def test_other_number_of_vectors(count: int) -> None:
    """Nobody knows which belongs to which input."""
    reply = EmbeddingReply(vectors=((0.5,),) * count)

    with pytest.raises(BackendError) as caught:
        write_embeddings(reply, EmbeddingRequest("m", ("a", "b")))

    assert caught.value.code == "upstream_invalid_reply"
