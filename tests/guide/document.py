"""``docs/adding-a-backend.md``, taken apart into what its reader would type."""

from __future__ import annotations

import functools
import importlib
import re
import sys
from contextlib import contextmanager
from textwrap import indent
from typing import TYPE_CHECKING

from attrs import frozen

from tests.plugins.installed import install
from tests.process import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

    import pytest

DOCUMENT = ROOT / "docs" / "adding-a-backend.md"
_BLOCK = re.compile(
    r"^```(?P<language>\w+)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_METHODS = re.compile(r"\s*(?:async )?def \w+\(\s*self\b")
_ENTRY_POINTS = """
[llm_proxy_backends]
my-provider = my_provider_plugin:plugin
declared = declared:MY_PROVIDER
echo = echo:EchoBackend
lines = lines:LinesBackend
shorter = shorter:ShorterBackend
careful = errors:CarefulBackend
oauth-provider = oauth_provider:OAuthProviderBackend
"""


@frozen
class Block:
    language: str
    title: str
    text: str


@functools.cache
def blocks() -> tuple[Block, ...]:
    text = DOCUMENT.read_text("utf-8")
    return tuple(
        Block(found["language"], found["title"] or "", found["text"])
        for found in _BLOCK.finditer(text)
    )


def told(title: str) -> str:
    """
    Return what the blocks of one title say together; they go on where one ends.

    Methods that stand alone belong to the class of the block before.
    """
    found = [block.text for block in blocks() if block.title == title]
    assert found, f"no block is called {title}"
    return "\n".join(
        indent(text, "    ") if _METHODS.match(text) else text for text in found
    )


def files() -> dict[str, str]:
    """Return the files that the reader makes, by name."""
    names = [block.title for block in blocks() if "." in block.title.partition(" ")[0]]
    return {name: told(name) for name in names}


def write_files(place: Path) -> None:
    place.mkdir(parents=True, exist_ok=True)
    for name, text in files().items():
        (place / name).write_text(text, "utf-8")


def installed(place: Path) -> str:
    """Put all of the document's backends at *place*, as an installer would."""
    write_files(place)
    install(place, "guide-backends", _ENTRY_POINTS)
    return str(place)


@contextmanager
def modules(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make the document's modules importable here."""
    installed(place)
    monkeypatch.syspath_prepend(place)
    importlib.invalidate_caches()
    before = set(sys.modules)
    try:
        yield place
    finally:
        for name in set(sys.modules) - before:
            if str(place) in str(getattr(sys.modules[name], "__file__", "")):
                del sys.modules[name]


def module(name: str) -> ModuleType:
    return importlib.import_module(name)
