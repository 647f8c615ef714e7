"""Which dialect asks which: what is translated, and what is passed on beside it."""

from __future__ import annotations

from attrs import frozen

from bench import speech

PASSTHROUGH = "passthrough"


@frozen
class Pair:
    """A client's dialect, the model that leads to a backend, and what that says."""

    client: str
    model: str
    upstream: str
    answer: speech.Speech


_PAIRS = {
    PASSTHROUGH: ("openai_chat", "m1", "openai_chat", speech.CHAT),
    "chat->anthropic": ("openai_chat", "anthropic", "anthropic", speech.ANTHROPIC),
    "anthropic->chat": ("anthropic", "m1", "openai_chat", speech.CHAT),
    "responses->gemini": ("openai_responses", "gemini", "gemini", speech.GEMINI),
}
PAIRS = {name: Pair(*pair) for name, pair in _PAIRS.items()}
TRANSLATED = tuple(name for name in PAIRS if name != PASSTHROUGH)
