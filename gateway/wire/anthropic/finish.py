"""
How a message ended.

Source: https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons
"""

from __future__ import annotations

from gateway.domain.reply import Finish, Json, Stop

STOPS = {
    "end_turn": Stop.END,
    "max_tokens": Stop.LENGTH,
    "model_context_window_exceeded": Stop.LENGTH,
    "stop_sequence": Stop.SEQUENCE,
    "tool_use": Stop.TOOLS,
    "refusal": Stop.REFUSAL,
    # The provider's own tools take long, or the context was summed up: whoever
    # asked is to ask again.
    "pause_turn": Stop.OTHER,
    "compaction": Stop.OTHER,
}
WORDS = {
    Stop.END: "end_turn",
    Stop.LENGTH: "max_tokens",
    Stop.SEQUENCE: "stop_sequence",
    Stop.TOOLS: "tool_use",
    Stop.FILTER: "refusal",  # which is what its own classifiers say
    Stop.REFUSAL: "refusal",
}


def read_finish(word: str, sequence: Json = None) -> Finish:
    """Return how it ended; *sequence* is the stop sequence that was hit."""
    hit = sequence if isinstance(sequence, str) else None
    return Finish(STOPS.get(word, Stop.OTHER), word, hit)


def write_finish(finish: Finish) -> str:
    """
    Return the ``stop_reason``.

    A word that nobody here knows is written as the provider said it: made to
    mean ``end_turn``, it would pass for success.
    """
    raw = finish.raw
    if raw and STOPS.get(raw) is finish.stop:
        return raw
    return WORDS.get(finish.stop) or raw or finish.stop.value
