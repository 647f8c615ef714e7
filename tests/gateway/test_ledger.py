from __future__ import annotations

import json

import pytest

from gateway.domain.reply import Finish, Stop, Usage
from gateway.ledger import Ledger, Outcome


def new() -> Ledger:
    return Ledger("req_1", "openai_chat", "chat")


def test_first_word_counts() -> None:
    """Who ends it first knows why; what follows from that is no other reason."""
    ledger = new()

    ledger.end(Outcome.TRUNCATED, "upstream_truncated")
    ledger.end(Outcome.CLIENT_GONE, "client_gone")

    assert ledger.outcome is Outcome.TRUNCATED
    assert ledger.error_code == "upstream_truncated"


def test_first_event_counts() -> None:
    ledger = new()

    ledger.heard()
    first = ledger.first_event
    ledger.heard()

    assert first is not None
    assert ledger.first_event == first >= 0


def test_usage_is_merged_by_column() -> None:
    """Later reports correct earlier ones and do not wipe out what they leave out."""
    ledger = new()

    ledger.saw_usage(Usage(input=10, output=1))
    ledger.saw_usage(Usage(output=5, reasoning=2))

    assert ledger.usage == Usage(input=10, output=5, reasoning=2)


def test_fields() -> None:
    """They are flat JSON, in the order of the choices, and hold no contents."""
    ledger = new()
    ledger.finish = {1: Finish(Stop.LENGTH, "length"), 0: Finish(Stop.END, "stop")}
    ledger.saw_usage(Usage(input=6, cache_read=4, output=3, reasoning=1))
    ledger.heard()
    ledger.end(Outcome.COMPLETED)

    fields = json.loads(json.dumps(ledger.fields()))

    assert fields["finish"] == ["stop", "length"]
    assert fields["outcome"] == "completed"
    assert fields["input_tokens"] == 10
    assert fields["cache_read_tokens"] == 4
    assert fields["output_tokens"] == 3
    assert fields["reasoning_tokens"] == 1
    assert fields["usage_source"] == "provider"
    assert fields["first_event_ms"] <= fields["duration_ms"]
    assert not any(isinstance(value, dict) for value in fields.values())


def test_nothing_is_known_yet() -> None:
    """Unknown is null and not zero."""
    fields = new().fields()

    for name in ("input_tokens", "output_tokens", "first_event_ms", "outcome"):
        assert fields[name] is None
    assert fields["usage_source"] == "none"
    assert fields["finish"] == []


def test_zero_tokens_are_reported() -> None:
    ledger = new()
    ledger.saw_usage(Usage(input=0, output=0))

    fields = ledger.fields()

    assert (fields["input_tokens"], fields["output_tokens"]) == (0, 0)
    assert fields["usage_source"] == "provider"


@pytest.mark.parametrize("outcome", Outcome)
def test_outcomes_are_words(outcome: Outcome) -> None:
    """They are in logs and dashboards: part of the interface."""
    assert outcome.value == outcome.name.lower()
