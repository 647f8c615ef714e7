from __future__ import annotations

from typing import Any

import pytest

from connectors.hybrid.selector import Leaf, Pair
from connectors.hybrid.settings import Settings, read_settings
from gateway.plugin import ConfigurationError


def test_all_of_them() -> None:
    """Everything can be set, in the words of a configuration file."""
    settings = read_settings(
        {
            "enabled": False,
            "models": {"smart": "[a:b,c:d]"},
            "probability": 0.25,
            "reasoning_timeout": "1.5m",
            "reasoning_effort": None,
            "reasoning_max_tokens": 4096,
            "execution_effort": "low",
            "execution_thinking": "pass",
            "place": "user",
            "stop_phrases": ["therefore,"],
        }
    )

    assert settings == Settings(
        enabled=False,
        models={"smart": Pair(Leaf("a:b"), Leaf("c:d"))},
        probability=0.25,
        reasoning_timeout=90.0,
        reasoning_effort=None,
        reasoning_max_tokens=4096,
        execution_effort="low",
        execution_thinking="pass",
        place="user",
        stop_phrases=("therefore,",),
    )


def test_none_of_them() -> None:
    """Nothing has to be set."""
    assert read_settings({}) == Settings()


@pytest.mark.parametrize(
    ("value", "seconds"), [(2, 2.0), (0.5, 0.5), ("60s", 60.0), ("250 ms", 0.25)]
)
def test_durations(value: Any, seconds: float) -> None:
    """They are written as everywhere in the file, or as seconds."""
    assert read_settings({"reasoning_timeout": value}).reasoning_timeout == seconds


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("timeout", 5),
        ("enabled", "yes"),
        ("models", ["[a:b,c:d]"]),
        ("models", {"smart": 5}),
        ("models", {1: "[a:b,c:d]"}),
        ("models", {"smart": "[a:b]"}),
        ("probability", 1.5),
        ("probability", True),
        ("probability", None),
        ("probability", "often"),
        ("reasoning_timeout", "soon"),
        ("reasoning_timeout", True),
        ("reasoning_effort", "much"),
        ("reasoning_max_tokens", 0),
        ("reasoning_max_tokens", True),
        ("execution_effort", 3),
        ("execution_thinking", "hide"),
        ("place", "middle"),
        ("stop_phrases", "therefore"),
        ("stop_phrases", [""]),
    ],
)
def test_wrong(name: str, value: Any) -> None:
    """What is wrong is named, and nothing is taken for something else."""
    with pytest.raises(ConfigurationError, match=rf"extra\.{name}"):
        read_settings({name: value})
