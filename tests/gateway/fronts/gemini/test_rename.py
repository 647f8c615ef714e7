from __future__ import annotations

import json

import pytest

from gateway.fronts.gemini.front import FRONT


@pytest.mark.parametrize(
    "body",
    [
        b'{"contents": [{"role":"model"}], "b": 1.0}',
        b"{}",
        b'{"contents": [{"parts": [{"functionCall": {"args": {"model": "x"}}}]}]}',
        b'{"requests": 5, "generateContentRequest": 5, "a": {"model": "x"}}',
        b'{"requests": [5, {"model": "x"}]}',
    ],
)
def test_bodies_without_the_model(body: bytes) -> None:
    """Where nothing names the model, every byte stays."""
    assert FRONT.rename(body, "n") == body


@pytest.mark.parametrize(
    ("body", "renamed"),
    [
        (b'{"a": 1.0, "model" : "models/x"}', b'{"a": 1.0, "model" : "models/n"}'),
        (
            b'{"generateContentRequest": {"model": "models/x", "b":"\\ud800"}}',
            b'{"generateContentRequest": {"model": "models/n", "b":"\\ud800"}}',
        ),
        (
            b'{"generate_content_request":{"model":"x"}}',
            b'{"generate_content_request":{"model":"models/n"}}',
        ),
        (
            b'{"requests":[ {"model":"x","a":"{"},\n{"model":"x"} ] }',
            b'{"requests":[ {"model":"models/n","a":"{"},\n{"model":"models/n"} ] }',
        ),
    ],
)
def test_rename(body: bytes, renamed: bytes) -> None:
    """The model's name changes wherever the protocol repeats it, and nothing else."""
    assert FRONT.rename(body, "n") == renamed
    assert json.loads(renamed)
