from __future__ import annotations

import math
import struct
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.embeddings import (
    EmbeddingRequest,
    read_vector,
    texts_of,
    unsaid,
    write_base64,
)
from gateway.domain.errors import BackendError

if TYPE_CHECKING:
    from gateway.domain.loss import Loss


@given(st.lists(st.floats(width=32, allow_nan=False)))
def test_base64_and_back(numbers: list[float]) -> None:
    """A vector survives the form in which OpenAI's SDK asks for it."""
    vector = tuple(numbers)

    assert read_vector(write_base64(vector)) == vector


def test_byte_order() -> None:
    """Little-endian, whatever the machine."""
    assert write_base64((1.0,)) == b64encode(struct.pack("<f", 1.0)).decode()


def test_numbers_as_they_are() -> None:
    """No digit is lost where nobody asked for 32 bits."""
    assert read_vector([0.1, 1, math.pi]) == (0.1, 1, math.pi)


def test_number_that_does_not_fit() -> None:
    with pytest.raises(BackendError, match="32 bits"):
        write_base64((1e300,))


@pytest.mark.parametrize("json", [None, 1, {}, ["a"], [True], "not base64!", "AAA="])
def test_no_vector(json: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        read_vector(json)


def test_texts() -> None:
    """Token numbers mean something to the model that made them only."""
    losses: list[Loss] = []

    texts = texts_of(EmbeddingRequest("m", ("a", (1,), "b")), "X", losses)

    assert texts == ["a", "b"]
    assert [(loss.path, loss.grade) for loss in losses] == [("inputs[1]", "refused")]


def test_unsaid() -> None:
    """A null says nothing, and a dialect's own members are its own business."""
    extras = {"a": {"x": 1, "y": None}, "b": {"z": 1}}

    losses = unsaid(EmbeddingRequest("m", extras=extras), "b")

    assert [(loss.path, loss.grade) for loss in losses] == [("x", "dropped")]


def test_no_text_in_a_repr() -> None:
    assert "secret" not in repr(EmbeddingRequest("m", ("secret",)))
