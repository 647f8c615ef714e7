from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.domain.embeddings import EmbeddingReply, EmbeddingRequest
from gateway.domain.errors import BackendError, InvalidRequestError
from gateway.domain.reply import Usage
from gateway.fronts.base import Ask
from gateway.fronts.gemini.embeddings import read_embeddings, write_embeddings

ASK = Ask("m", stream=False)


def one(text: str = "a", **members: Any) -> dict[str, Any]:
    return {"model": "models/m", "content": {"parts": [{"text": text}]}, **members}


def read(json_value: Any) -> EmbeddingRequest:
    return read_embeddings(json.dumps(json_value).encode(), ASK)


def test_one() -> None:
    request = read(one(taskType="CLUSTERING", title="t", outputDimensionality=3))

    assert request == EmbeddingRequest(
        "m",
        ("a",),
        single=True,
        dimensions=3,
        task="CLUSTERING",
        extras={"gemini": {"title": "t"}},
    )


def test_parts_and_names() -> None:
    """The texts of one content are one input, and Google reads snake case, too."""
    content = {"role": "user", "parts": [{"text": "a"}, {"text": "b"}]}
    words = {"task_type": "TASK_TYPE_UNSPECIFIED", "output_dimensionality": 3}

    request = read({"content": content, **words})

    assert request.inputs == ("ab",)
    assert (request.task, request.dimensions) == (None, 3)


@pytest.mark.parametrize("count", [1, 2])
def test_batch(count: int) -> None:
    request = read({"requests": [one(str(i), taskType="X") for i in range(count)]})

    assert request.inputs == tuple(str(i) for i in range(count))
    assert request.single is False
    assert request.task == "X"


@pytest.mark.parametrize(
    ("json_value", "param"),
    [
        ([], None),
        ({}, "content"),
        ({"content": {}}, "content.parts"),
        ({"content": {"parts": [{"inlineData": {}}]}}, "content.parts[0].text"),
        (one(taskType=1), "taskType"),
        (one(outputDimensionality=0), "outputDimensionality"),
        ({"requests": []}, "requests"),
        ({"requests": [one(), {}]}, "requests[1].content"),
        ({"requests": [one(), one(taskType="X")]}, "requests[1].taskType"),
        (
            {"requests": [one(), one(outputDimensionality=3)]},
            "requests[1].outputDimensionality",
        ),
        ({"requests": [one(), one(title="t")]}, "requests[1]"),
    ],
    ids=str,
)
def test_mistakes(json_value: Any, param: str | None) -> None:
    """Each is named by its path; a batch must be of one kind to be translated."""
    with pytest.raises(InvalidRequestError) as caught:
        read(json_value)

    assert caught.value.param == param


@pytest.mark.parametrize(
    ("single", "expected"),
    [
        (True, {"embedding": {"values": [0.5]}}),
        (False, {"embeddings": [{"values": [0.5]}]}),
    ],
)
def test_answer(single: bool, expected: dict[str, Any]) -> None:
    """Each operation has its own shape."""
    rendered = write_embeddings(
        EmbeddingReply(vectors=((0.5,),)), EmbeddingRequest("m", ("a",), single)
    )

    assert json.loads(rendered.body) == rendered.json == expected


def test_counts() -> None:
    rendered = write_embeddings(
        EmbeddingReply(vectors=((0.5,), (1.0,)), usage=Usage(input=4)),
        EmbeddingRequest("m", ("a", "b"), single=False),
    )

    assert len(rendered.json["embeddings"]) == 2
    assert rendered.json["usageMetadata"]["promptTokenCount"] == 4


@pytest.mark.parametrize("count", [0, 1, 3])
def test_other_number_of_vectors(count: int) -> None:
    """Nobody knows which belongs to which input."""
    reply = EmbeddingReply(vectors=((0.5,),) * count)

    with pytest.raises(BackendError) as caught:
        write_embeddings(reply, EmbeddingRequest("m", ("a", "b")))

    assert caught.value.code == "upstream_invalid_reply"
