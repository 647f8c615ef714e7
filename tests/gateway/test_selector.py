from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.selector import Leaf, parse


@pytest.mark.parametrize(
    ("name", "leaf"),
    [
        ("gpt-4o", Leaf(None, "gpt-4o")),
        ("openai:gpt-4o", Leaf("openai", "gpt-4o")),
        ("lab:vendor/model", Leaf("lab", "vendor/model")),
        ("lab:vendor/model:free", Leaf("lab", "vendor/model:free")),
        ("ollama:llama3:8b", Leaf("ollama", "llama3:8b")),
        ("llama3:8b", Leaf("llama3", "8b")),
        ("vendor/model:free", Leaf(None, "vendor/model:free")),
        ("vendor/model", Leaf(None, "vendor/model")),
        ("demo:lorem?tokens=2&rate=5", Leaf("demo", "lorem", "?tokens=2&rate=5")),
        ("lorem?at=1:2/3", Leaf(None, "lorem", "?at=1:2/3")),
        ("demo:fail?a?b", Leaf("demo", "fail", "?a?b")),
        (":model", Leaf(None, ":model")),
        ("demo:", Leaf(None, "demo:")),
        (":", Leaf(None, ":")),
        ("?x", Leaf(None, "", "?x")),
        ("", Leaf(None, "")),
    ],
)
def test_parse(name: str, leaf: Leaf) -> None:
    """The first ``:`` names a backend only before the first ``/``."""
    assert parse(name) == leaf


@given(st.text(st.sampled_from(":/?abc"), max_size=12))
def test_the_parts_are_the_name(name: str) -> None:
    """Nothing of a name gets lost on the way to an upstream."""
    leaf = parse(name)

    head = "" if leaf.backend is None else leaf.backend + ":"
    assert head + leaf.model + leaf.query == name
