"""A caller who refers to responses by id, and the gateway that keeps them."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.process import UPSTREAM_KEY
from tests.sdk.scripts.cast import Cast, configured
from tests.streams import frame_json, frames

if TYPE_CHECKING:
    from pathlib import Path

    from tests.process import Gateway

ANN, BOB = "sk-caller-ann-0123456789", "sk-caller-bob-0123456789"
RESPONSES = "/v1/responses"
TWO = {"server": {"api_keys": [ANN, BOB]}}

streamed_or_not = pytest.mark.parametrize(
    "streamed", [pytest.param(False, id="whole"), pytest.param(True, id="stream")]
)


def config(cast: Cast, file: Path | str, **members: Any) -> dict[str, Any]:
    openai = {
        "api_base_url": f"{cast.root}/responses/v1",
        "api_key": UPSTREAM_KEY,
        "type": "openai",
    }
    return {
        "backends": {**configured(cast.root), "openai": openai},
        "responses": {"file": str(file), **members},
        **TWO,
    }


class Client:
    """One caller."""

    def __init__(self, g: Gateway, key: str = ANN) -> None:
        self._g = g
        self._headers = {"Authorization": f"Bearer {key}"}

    async def call(
        self, method: str, path: str, body: Any = None, **query: str
    ) -> tuple[int, Any]:
        async with (
            aiohttp.ClientSession(headers=self._headers) as session,
            session.request(
                method, f"{self._g.url}{path}", json=body, params=query
            ) as answer,
        ):
            raw = await answer.read()
            if answer.content_type == "text/event-stream":
                return answer.status, [frame_json(frame) for frame in frames(raw)]
            return answer.status, json.loads(raw)

    async def ask(
        self, model: str, text: Any = "hello", *, streamed: bool = False, **members: Any
    ) -> Any:
        """Return the response object, of a stream that of the last event."""
        body = {"model": model, "input": text, "stream": streamed, **members}
        status, told = await self.call("POST", RESPONSES, body)
        assert status == 200, told
        if not streamed:
            return told
        assert told[-1]["type"] in {"response.completed", "response.incomplete"}
        return told[-1]["response"]

    async def get(self, path: str, **query: str) -> tuple[int, Any]:
        return await self.call("GET", f"{RESPONSES}/{path}", None, **query)


def texts_of(items: list[Any]) -> list[str]:
    """Return the texts of messages, wherever a dialect puts them."""
    found = []
    for item in items:
        content = item.get("content") or []
        if isinstance(content, str):
            found.append(content)
        else:
            found += [part["text"] for part in content if "text" in part]
    return found


def kept(file: Path) -> int:
    """Return how many answers the file holds."""
    if not file.exists():
        return 0
    db = sqlite3.connect(file)
    try:
        [count] = db.execute("SELECT count(*) FROM answers").fetchone()
    finally:
        db.close()
    return int(count)
