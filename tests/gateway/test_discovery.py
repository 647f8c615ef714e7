"""What is there without a configuration."""

from __future__ import annotations

import pytest

from gateway.discovery import DEMO, PREFERENCE, Found, adopt, find
from gateway.registry import Registry
from gateway.settings import Settings

LOCAL = {11434, 8000, 1234, 8080}


def found(*names: str) -> list[Found]:
    return [Found(name, "") for name in names]


@pytest.mark.parametrize(
    ("names", "default"),
    [
        (["demo"], "demo"),
        (["ollama", "demo"], "ollama"),
        (["openai", "ollama", "demo"], "openai"),
        (["together", "openai", "demo"], "openai"),
        (["llama.cpp", "vllm", "demo"], "llama.cpp"),
    ],
)
def test_default(names: list[str], default: str) -> None:
    """Hosted ones before local ones, the demo last."""
    settings = adopt(Settings(), found(*names))

    assert settings.default_backend == default
    assert list(settings.backends) == names


def test_chosen_default() -> None:
    """Whoever has said which one is not overruled."""
    settings = adopt(Settings(default_backend="demo"), found("openai", "demo"))

    assert settings.default_backend == "demo"


async def test_order() -> None:
    """By preference, whatever the order of the environment; the demo is last."""
    keys = {f"{name.upper()}_API_KEY": "x" for name in sorted(PREFERENCE)}

    names = [f.name for f in await find(Registry(), keys, LOCAL)]

    assert names == [*PREFERENCE, DEMO]


async def test_second_variable() -> None:
    """The variable that was found is told, where a provider has two."""
    first, demo = await find(Registry(), {"TOGETHERAI_API_KEY": "x"}, LOCAL)

    assert first == Found("together", "TOGETHERAI_API_KEY is set")
    assert demo.name == DEMO


async def test_our_own_port() -> None:
    """The gateway does not find itself: llama.cpp's port is ours, too."""
    names = [f.name for f in await find(Registry(), {}, LOCAL)]

    assert names == [DEMO]
