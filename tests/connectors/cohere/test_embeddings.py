from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from connectors.cohere.translator import TRANSLATOR
from gateway.domain.embeddings import EmbeddingReply, EmbeddingRequest
from gateway.domain.errors import BackendError
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
            "m",
            ("a", "b"),
            dimensions=256,
            task="RETRIEVAL_QUERY",
            extras={"cohere": {"truncate": "NONE"}},
        )
    )

    assert written.body == {
        "model": "m",
        "texts": ["a", "b"],
        "input_type": "search_query",
        "embedding_types": ["float"],
        "output_dimension": 256,
        "truncate": "NONE",
    }
    assert written.losses == ()


@pytest.mark.parametrize(
    ("task", "word"),
    [
        (None, "search_document"),
        ("QUESTION_ANSWERING", "search_query"),
        ("SEMANTIC_SIMILARITY", "clustering"),
        ("NEW", "search_document"),
    ],
)
def test_task_of_another_kind(task: str | None, word: str) -> None:
    """Cohere has to be told something, and the caller that it was."""
    written = write(EmbeddingRequest("m", ("a",), task=task))

    assert written.body["input_type"] == word
    assert [(w.path, w.grade) for w in written.losses] == [("task", "approximate")]


def test_input_type_of_a_chat_client() -> None:
    """OpenAI's SDK passes on what it does not know."""
    extras = {"openai_chat": {"input_type": "search_query", "truncate": "END"}}

    written = write(EmbeddingRequest("m", ("a",), extras=extras))

    assert written.body["input_type"] == "search_query"
    assert [loss.path for loss in written.losses] == ["truncate"]


def test_losses() -> None:
    written = write(EmbeddingRequest("m", ((1, 2), "b"), task="CLUSTERING", user="u"))

    assert written.body["texts"] == ["b"]
    assert {loss.path: loss.grade for loss in written.losses} == {
        "inputs[0]": "refused",
        "user": "dropped",
    }


def test_reply() -> None:
    """What is billed is all that they count here."""
    reply = read(
        {
            "id": "x",
            "embeddings": {"float": [[0.5, 1], [2.0]]},
            "meta": {"billed_units": {"input_tokens": 4.0}},
        }
    )

    assert reply == EmbeddingReply(None, ((0.5, 1), (2.0,)), Usage(input=4))


@pytest.mark.parametrize(
    "json_value", [None, [], {}, {"embeddings": {}}, {"embeddings": {"float": [1]}}]
)
def test_another_shape(json_value: object) -> None:
    with pytest.raises(BackendError):
        read(json_value)
