"""Servers for the whole run: a start takes 0.1 s, and an idle one costs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.llama.chains import CALLS, ENDLESS, SPEECH, THOUGHT, Chain
from tests.llama.model import write_model
from tests.llama.serve import llama

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("llama")


@pytest.fixture(scope="session")
def speaker(folder: Path) -> Iterator[str]:
    """The address of a server whose model ``speech`` says `SPEECH`."""
    yield from _serve(folder, "speech", SPEECH)


@pytest.fixture(scope="session")
def thinker(folder: Path) -> Iterator[str]:
    """The address of a server whose model ``thought`` says `THOUGHT`."""
    yield from _serve(folder, "thought", THOUGHT)


@pytest.fixture(scope="session")
def caller(folder: Path) -> Iterator[str]:
    """The address of a server whose model ``calls`` calls two tools."""
    yield from _serve(folder, "calls", CALLS)


@pytest.fixture(scope="session")
def talker(folder: Path) -> Iterator[str]:
    """The address of a server whose model ``endless`` talks slowly for ever."""
    yield from _serve(folder, "endless", ENDLESS)


@pytest.fixture(scope="session")
def embedder(folder: Path) -> Iterator[str]:
    """The address of a server whose model ``embed`` gives embeddings only."""
    model = write_model(folder / "embed.gguf", SPEECH)
    with llama(model, "embed", embeddings=True) as url:
        yield url


def _serve(folder: Path, name: str, chain: Chain) -> Iterator[str]:
    with llama(write_model(folder / f"{name}.gguf", chain), name) as url:
        yield url
