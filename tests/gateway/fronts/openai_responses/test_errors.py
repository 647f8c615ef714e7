"""Errors as clients of the Responses expect them."""

from __future__ import annotations

import json

from gateway.domain.errors import APIConnectionError, InvalidRequestError
from gateway.fronts.base import Ask, Cut
from gateway.fronts.openai_responses.front import FRONT
from tests.streams import frame_json, frames


def test_body() -> None:
    """An answer with a status has OpenAI's error object."""
    body = FRONT.write_error(InvalidRequestError("no", param="input[0]"))

    assert json.loads(body) == {
        "error": {
            "message": "no",
            "type": "invalid_request_error",
            "param": "input[0]",
            "code": "invalid_request",
        }
    }


def test_break() -> None:
    """A stream that passed so far ends in both events, with the next numbers."""
    cut = Cut(Ask("m", stream=True), events=7, id="resp_1", model="model-1")

    error, failed = map(
        frame_json, frames(FRONT.write_break(APIConnectionError("gone"), cut))
    )

    assert error["sequence_number"] == 7
    assert error["type"] == "error"
    assert error["code"] == error["error"]["code"] == "upstream_connection_lost"
    assert error["message"] == error["error"]["message"] == "gone"
    assert failed["sequence_number"] == 8
    assert failed["type"] == "response.failed"
    response = failed["response"]
    assert (response["id"], response["model"]) == ("resp_1", "model-1")
    assert (response["status"], response["output"]) == ("failed", [])
    assert response["error"] == {"code": "upstream_connection_lost", "message": "gone"}


def test_break_before_anything() -> None:
    """A response that nobody has named has what the client asked for."""
    cut = Cut(Ask("m", stream=True))

    _, failed = map(frame_json, frames(FRONT.write_break(APIConnectionError("x"), cut)))

    assert failed["response"]["model"] == "m"
    assert failed["response"]["id"].startswith("resp_")
