"""Embeddings by Google's ``predict``."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.vertex.embeddings import read_embeddings, write_embeddings
from gateway.domain.embeddings import EmbeddingRequest
from gateway.plugin import BackendError


def test_request() -> None:
    """Each input is an instance; what is said of all of them is said of each."""
    request = EmbeddingRequest(
        "m",
        ("a", "b"),
        dimensions=3,
        task="RETRIEVAL_QUERY",
        extras={"gemini": {"title": "t", "autoTruncate": True, "x": None}},
    )

    written = write_embeddings(request)

    shared = {"task_type": "RETRIEVAL_QUERY", "title": "t"}
    assert written.body == {
        "instances": [{**shared, "content": "a"}, {**shared, "content": "b"}],
        "parameters": {"outputDimensionality": 3},
    }
    assert [loss.path for loss in written.losses] == ["autoTruncate"]


def test_losses() -> None:
    """What cannot be said is reported, token numbers refuse the request."""
    request = EmbeddingRequest(
        "m", ("a", (1, 2)), user="u", extras={"openai_chat": {"seed": 1}}
    )

    written = write_embeddings(request)

    assert written.body == {"instances": [{"content": "a"}]}
    assert {(loss.path, str(loss.grade)) for loss in written.losses} >= {
        ("inputs[1]", str(written.losses[0].grade))
    }
    assert {loss.path for loss in written.losses} == {"inputs[1]", "user", "seed"}


def test_answer() -> None:
    """Vectors keep their order, and token counts add up."""
    row = {"values": [1, 0.5], "statistics": {"token_count": 4.0, "truncated": False}}
    json = {"predictions": [{"embeddings": row}, {"embeddings": {"values": [2.0]}}]}

    reply = read_embeddings(json)

    assert reply.vectors == ((1, 0.5), (2.0,))
    assert reply.usage is not None
    assert reply.usage.input == 4


@pytest.mark.parametrize("json", [{}, [], {"predictions": [{"embeddings": None}]}])
def test_other_shape(json: Any) -> None:
    """An answer without vectors is the backend's failure."""
    with pytest.raises(BackendError):
        read_embeddings(json)


def test_no_counts() -> None:
    """An answer without counts has no usage, rather than none of it."""
    assert read_embeddings({"predictions": []}).usage is None
