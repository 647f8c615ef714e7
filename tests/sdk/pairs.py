"""Which SDK is tried with which upstream."""

from __future__ import annotations

import pytest

FRONTS = ("openai-chat", "openai-responses", "anthropic", "google-genai")
MAIN = ("chat", "responses", "anthropic", "gemini")
SMALL = ("cohere", "ollama", "mistral")


def pairs(*upstreams: str) -> pytest.MarkDecorator:
    """Run a test for each SDK with each of *upstreams*, by default the main four."""
    found = [
        pytest.param(front, upstream, id=f"{front}-to-{upstream}")
        for front in FRONTS
        for upstream in upstreams or MAIN
    ]
    return pytest.mark.parametrize(("front", "upstream"), found)
