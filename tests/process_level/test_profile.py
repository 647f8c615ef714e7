"""``serve --profile``: a picture for a bug report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.client import ask, chat
from tests.process import UPSTREAM_KEY, config_for, gateway, start
from tests.upstream import Upstream, reply

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = reply({"choices": [{"index": 0, "finish_reason": "stop"}]})


@pytest.mark.parametrize("workers", [1, 2])
async def test_written_at_the_end(tmp_path: Path, workers: int) -> None:
    """The gateway's own functions are in it; neither keys, words nor paths are."""
    file = tmp_path / "flame.html"
    async with Upstream(WHOLE) as up:
        config = config_for(up.url, server={"workers": workers})
        async with gateway(config, "--profile", str(file)) as g:
            for _ in range(250):  # a quarter of a second of CPU time, or so
                said = [{"role": "user", "content": "planted-prompt"}]
                answer = await ask(g.port, chat(stream=False, messages=said))
                assert answer.status == 200

    names = [f"flame.{n}.html" for n in range(workers)] if workers > 1 else [file.name]
    assert sorted(found.name for found in tmp_path.iterdir()) == names
    text = "".join(found.read_text("utf-8") for found in tmp_path.iterdir())
    assert "gateway." in text
    for secret in (UPSTREAM_KEY, "planted-prompt", "/gateway/", ".py"):
        assert secret not in text


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("flame.png", "expected a name that ends in .svg or .html"),
        ("nowhere/flame.svg", "cannot be written"),
        (".", "expected a name"),
    ],
)
async def test_refused(tmp_path: Path, name: str, told: str) -> None:
    """Nobody finds out at the end that nothing could be kept."""
    g = await start("serve", "--profile", str(tmp_path / name))

    assert await g.exit_code() == 2
    assert told in "".join(g.text)
