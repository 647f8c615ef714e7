"""What a gateway loads before it serves: time and memory that all pay."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.process import config_for, gateway

if TYPE_CHECKING:
    from pathlib import Path

# For commands, flags and backends that nobody has named.
SELDOM = {
    *("gateway.flame", "gateway.profiling", "gateway.importing", "gateway.testing"),
    *("gateway.models_table", "gateway.connectors_table", "gateway.tail"),
    *("connectors.bedrock", "connectors.vertex", "connectors.azure"),
    *("connectors.hybrid", "connectors.mistral", "connectors.auth.tokens"),
    *("connectors.anthropic.translator", "connectors.cohere.translator"),
    *("connectors.gemini.translator", "connectors.ollama.translator"),
    "connectors.openai_responses.translator",
    # Libraries of which one import too many would go unnoticed.
    *("botocore", "google.auth", "gcloud", "cryptography", "requests", "urllib3"),
    *("multiprocessing", "sqlite3", "unittest", "xml.etree.ElementTree", "pdb"),
    *("pytest", "openai", "anthropic", "pydantic", "httpx", "setuptools"),
}
ONLY_TO_FIND = {"gateway.banner", "gateway.discovery", "connectors.demo"}


# Every Python imports it by itself, if it is on its path.
SITE = """
import atexit, os, sys
from pathlib import Path

def tell():
    Path(os.environ["LOADED"]).write_text(" ".join(sys.modules))

atexit.register(tell)
"""


async def loaded(place: Path, config: dict[str, object] | None) -> set[str]:
    """Return the names of all modules that a gateway has imported."""
    place.mkdir()
    (place / "sitecustomize.py").write_text(SITE, "ascii")
    env = {
        "PYTHONPATH": str(place),
        "LOADED": str(place / "loaded"),
        "COVERAGE_PROCESS_START": "",
    }
    async with gateway(config, env=env):
        pass
    return set((place / "loaded").read_text("utf-8").split())


async def test_only_what_is_needed(tmp_path: Path) -> None:
    """One backend's type loads nothing of others; to find backends loads none."""
    one, none = await asyncio.gather(
        loaded(tmp_path / "one", config_for("http://127.0.0.1:9/v1")),
        loaded(tmp_path / "none", None),
    )

    assert {"gateway.server", "aiohttp", "connectors.openai_chat.stream"} <= one
    assert not one & (SELDOM | ONLY_TO_FIND)
    assert {"gateway.server", "aiohttp", "connectors.signs"} <= none
    assert none >= ONLY_TO_FIND
    assert not none & (SELDOM | {"yaml", "connectors.compatible"})
