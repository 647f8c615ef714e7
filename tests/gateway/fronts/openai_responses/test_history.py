"""What a response store asks of requests and answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.domain.errors import InvalidRequestError
from gateway.fronts.openai_responses.history import (
    answered,
    input_items,
    output_items,
    previous_of,
    stores,
    with_history,
)


def body(**members: Any) -> bytes:
    return json.dumps({"model": "m", **members}).encode()


def test_previous() -> None:
    """The id that is continued, spelt in whatever way."""
    assert previous_of(body()) is None
    assert previous_of(body(previous_response_id=None)) is None
    assert previous_of(body(previous_response_id="resp_1")) == "resp_1"
    assert previous_of(rb'{"previous_\u0072esponse_id":"resp_1"}') == "resp_1"
    with pytest.raises(InvalidRequestError, match="previous_response_id"):
        previous_of(body(previous_response_id=1))


def test_stores() -> None:
    """Answers are kept unless the client says otherwise."""
    assert stores(body())
    assert stores(body(store=None))
    assert stores(body(store=True))
    assert not stores(body(store=False))


def test_items_of_a_string() -> None:
    """A string is a message of the user's."""
    (item,) = input_items(body(input="hi"))

    assert item.pop("id").startswith("msg_")
    assert item == {
        "type": "message",
        "role": "user",
        "status": "completed",
        "content": [{"type": "input_text", "text": "hi"}],
    }


def test_items_of_a_list() -> None:
    """Short forms are spelt out, and ids are added where there are none."""
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    given: list[dict[str, Any]] = [
        {"role": "assistant", "content": "hello"},
        {"role": "user", "content": [], "id": "msg_7", "status": "incomplete"},
        call,
        {"type": "novelty"},
        {"id": "item_9"},
        {"type": "additional_tools", "role": "developer", "tools": []},
    ]

    items = input_items(body(input=given))

    part = {"type": "output_text", "text": "hello", "annotations": []}
    assert items[0]["content"] == [part]
    assert items[1] == {"type": "message", **given[1]}
    assert items[2] == {**call, "id": items[2]["id"]}
    assert [item["id"].split("_")[0] for item in items] == [
        "msg",
        "msg",
        "fc",
        "item",
        "item",
        "at",
    ]
    assert len({item["id"] for item in items}) == 6


def test_ids_are_stable() -> None:
    """The same request gives the same ids, another one others."""
    one, again, other = (
        input_items(body(input="hi", user=name))[0]["id"] for name in ("a", "a", "b")
    )

    assert one == again != other


@pytest.mark.parametrize(("value", "param"), [(3, "input"), ([3], "input[0]")])
def test_items_of_something_else(value: Any, param: str) -> None:
    """What is no input is named."""
    with pytest.raises(InvalidRequestError) as caught:
        input_items(body(input=value))

    assert caught.value.param == param


def test_no_items() -> None:
    """A request may have no input, as one with a prompt."""
    assert input_items(body(input=None)) == []


@pytest.mark.parametrize(
    ("own", "joined"),
    [
        (b'"h\\ud800i"', b'[{"a":1},{"role":"user","content":"h\\ud800i"}]'),
        (b'[ {"b" : 1.0} ]', b'[{"a":1},{"b" : 1.0}]'),
        (b"[]", b'[{"a":1}]'),
        (b"null", b'[{"a":1}]'),
    ],
)
def test_splice(own: bytes, joined: bytes) -> None:
    """History comes first, and everything else keeps its bytes."""
    request = b'{"previous_response_id":"r" , "input": %b, "n" : 1e2}' % own

    spliced = with_history(request, [{"a": 1}])

    assert spliced == b'{"input": %b, "n" : 1e2}' % joined


def test_splice_without_input() -> None:
    """Where nothing is added, the history is the input."""
    assert with_history(b'{"model":"m"}', []) == b'{"input":[],"model":"m"}'


def test_splice_of_something_else() -> None:
    """An input of another type is the client's mistake."""
    with pytest.raises(InvalidRequestError, match="input"):
        with_history(b'{"input":3}', [])


def test_answered() -> None:
    """The response is in a stream's last event, or is the answer itself."""
    response = {"object": "response", "status": "completed", "output": [{"a": 1}, 2]}

    assert answered({"type": "response.completed", "response": response}) is response
    assert answered(response) is response
    assert output_items(response) == [{"a": 1}]


@pytest.mark.parametrize(
    "value",
    [
        None,
        {"type": "response.created", "response": {"object": "response"}},
        {"type": "response.completed", "response": 1},
        {"object": "list", "status": "completed"},
        {"object": "response", "status": "in_progress"},
    ],
)
def test_not_answered(value: Any) -> None:
    """What has not ended, or is no response, is not kept."""
    assert answered(value) is None
    assert output_items(value) == []
