"""The list of models in three shapes."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.domain.errors import InvalidRequestError
from gateway.models import write_list, write_model
from gateway.routes import Listed

LISTED = [Listed(f"up:m{i}", "up") for i in range(5)]


def listed(dialect: str, **query: str) -> Any:
    return write_list(dialect, LISTED, query, 1700000000)


def test_openai() -> None:
    json = listed("openai_chat")

    assert json["object"] == "list"
    assert json["data"][0] == {
        "id": "up:m0",
        "object": "model",
        "created": 1700000000,
        "owned_by": "up",
    }
    assert len(json["data"]) == 5
    assert write_model("openai_responses", LISTED[0], 1700000000) == json["data"][0]


def test_anthropic() -> None:
    json = listed("anthropic")

    assert json["data"][0] == {
        "type": "model",
        "id": "up:m0",
        "display_name": "up:m0",
        "created_at": "1970-01-01T00:00:00Z",
    }
    assert (json["first_id"], json["last_id"]) == ("up:m0", "up:m4")
    assert json["has_more"] is False
    assert write_list("anthropic", [], {}, 0) == {
        "data": [],
        "has_more": False,
        "first_id": None,
        "last_id": None,
    }


@pytest.mark.parametrize(
    ("query", "names", "more"),
    [
        ({"limit": "2"}, "01", True),
        ({"limit": "2", "after_id": "up:m1"}, "23", True),
        ({"limit": "2", "after_id": "up:m3"}, "4", False),
        ({"after_id": "up:m4"}, "", False),
        ({"limit": "2", "before_id": "up:m4"}, "23", True),
        ({"limit": "2", "before_id": "up:m1"}, "0", False),
        ({"limit": "999999999999"}, "01234", False),
        ({"limit": ""}, "01234", False),
    ],
)
def test_anthropic_pages(query: dict[str, str], names: str, more: bool) -> None:
    """Forwards from an id, backwards from one, and from the start."""
    json = listed("anthropic", **query)

    assert "".join(row["id"][-1] for row in json["data"]) == names
    assert json["has_more"] is more


def test_gemini() -> None:
    json = listed("gemini")

    assert json["models"][0]["name"] == "models/up:m0"
    assert json["models"][0]["displayName"] == "up:m0"
    assert "generateContent" in json["models"][0]["supportedGenerationMethods"]
    assert "nextPageToken" not in json


def test_gemini_pages() -> None:
    """Following the tokens gives each model once."""
    found, token = [], ""
    while True:
        json = listed("gemini", pageSize="2", pageToken=token)
        found += [row["name"] for row in json["models"]]
        if (token := json.get("nextPageToken", "")) == "":
            break

    assert found == [f"models/up:m{i}" for i in range(5)]


@pytest.mark.parametrize(
    ("dialect", "query"),
    [
        ("anthropic", {"limit": "0"}),
        ("anthropic", {"limit": "-1"}),
        ("anthropic", {"limit": "many"}),
        ("anthropic", {"after_id": "nobody"}),
        ("anthropic", {"before_id": "nobody"}),
        ("gemini", {"pageSize": "x"}),
        ("gemini", {"pageToken": "9"}),
        ("gemini", {"pageToken": "٣"}),
    ],
)
def test_no_such_page(dialect: str, query: dict[str, str]) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        listed(dialect, **query)

    assert caught.value.param in query
