"""An exchange as one line for a person."""

from __future__ import annotations

from gateway.ledger import Ledger, Outcome
from gateway.tail import line


def test_empty_ledger() -> None:
    """What is not known is a dash, never a Python word."""
    ledger = Ledger("r-1", "openai_chat", "chat")
    ledger.end(Outcome.REFUSED)

    said = line(ledger.fields())

    assert "refused" in said
    assert "r-1" in said
    assert "None" not in said


def test_large_numbers() -> None:
    """Numbers are written out, not rounded to powers of ten."""
    fields = Ledger("r-1", "openai_chat", "chat").fields()
    fields |= {"outcome": "completed", "input_tokens": 12_345_678}
    fields |= {"duration_ms": 1_234_567.8}

    said = line(fields)

    assert "in 12345678 " in said
    assert "1234567.8 ms" in said


def test_nothing_but_text() -> None:
    """Names come from callers: no colours, no line breaks, no orders."""
    fields = Ledger("r-1", "openai_chat", "chat").fields()
    fields |= {"outcome": "refused", "model": "a\x1b[2J\nb\u2028c\u202e"}

    assert line(fields).isprintable()
