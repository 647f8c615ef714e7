from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from connectors.ollama.translator import TRANSLATOR
from gateway.domain.embeddings import EmbeddingReply, EmbeddingRequest
from gateway.domain.errors import BackendError
from gateway.domain.loss import Grade
from gateway.domain.reply import Usage

if TYPE_CHECKING:
    from gateway.plugin import Written


def write(request: EmbeddingRequest) -> Written:
    assert TRANSLATOR.write_embeddings is not None
    return TRANSLATOR.write_embeddings(request)


def read(json_value: object) -> EmbeddingReply:
    assert TRANSLATOR.read_embeddings is not None
    return TRANSLATOR.read_embeddings(json_value)


def test_request() -> None:
    written = write(
        EmbeddingRequest(
            "m", ("a", "b"), dimensions=64, extras={"ollama": {"truncate": False}}
        )
    )

    assert written.body == {
        "model": "m",
        "input": ["a", "b"],
        "dimensions": 64,
        "truncate": False,
    }
    assert written.losses == ()


def test_least() -> None:
    assert write(EmbeddingRequest("m", ("a",))).body == {"model": "m", "input": ["a"]}


def test_losses() -> None:
    """Token numbers are of a model's own; a task and a user have no place."""
    written = write(EmbeddingRequest("m", ((1, 2), "b"), task="CLUSTERING", user="u"))

    assert written.body["input"] == ["b"]
    assert {loss.path: loss.grade for loss in written.losses} == {
        "inputs[0]": Grade.REFUSED,
        "task": Grade.DROPPED,
        "user": Grade.DROPPED,
    }


def test_reply() -> None:
    reply = read(
        {"model": "m", "embeddings": [[0.5, 1], [2.0]], "prompt_eval_count": 4}
    )

    assert reply == EmbeddingReply("m", ((0.5, 1), (2.0,)), Usage(input=4))


@pytest.mark.parametrize(
    "json_value", [None, [], {}, {"embeddings": 1}, {"embeddings": [1]}]
)
def test_another_shape(json_value: object) -> None:
    with pytest.raises(BackendError):
        read(json_value)
