from __future__ import annotations

import json

import pytest

from gateway.domain.loss import approximate, dropped
from gateway.domain.reply import Choice, Finish, Reply, Stop, Usage
from gateway.ledger import LOGGED_LOSSES, MOST_LOSSES, Ledger, Outcome
from gateway.wire.watching import Seen


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


def test_what_is_seen_in_passing() -> None:
    """The first name counts, finish reasons and counts are put together."""
    ledger = new()

    ledger.saw(Seen())
    ledger.saw(Seen("a", "m", {0: Finish(Stop.END, "stop")}, Usage(input=1)))
    ledger.saw(Seen("b", "n", {1: Finish(Stop.END, "stop")}, Usage(output=2)))

    assert (ledger.upstream_id, ledger.upstream_model) == ("a", "m")
    assert set(ledger.finish) == {0, 1}
    assert ledger.usage == Usage(input=1, output=2)


def test_what_a_whole_answer_tells() -> None:
    ledger = new()
    end = Finish(Stop.END, "stop")

    ledger.saw_reply(
        Reply("a", "m", choices=(Choice(), Choice(finish=end)), usage=Usage(input=1))
    )

    assert (ledger.upstream_id, ledger.upstream_model) == ("a", "m")
    assert ledger.finish == {1: end}
    assert ledger.usage == Usage(input=1)


def test_losses() -> None:
    """One of each path, with the first word about it."""
    ledger = new()

    ledger.lost([dropped("sampling.seed", "no seed"), approximate("reasoning")])
    ledger.lost([approximate("sampling.seed")])

    fields = ledger.fields()
    assert fields["losses"] == 2
    assert fields["loss_paths"] == ["dropped sampling.seed", "approximate reasoning"]


def test_losses_are_bounded() -> None:
    """Paths may hold names that callers made up, as many and as long as they like."""
    ledger = new()

    ledger.lost(dropped(f"{i}" + "\u00e9\ud800" * 500) for i in range(3 * MOST_LOSSES))

    fields = ledger.fields()
    assert fields["losses"] == MOST_LOSSES
    assert len(fields["loss_paths"]) == LOGGED_LOSSES
    assert len(json.dumps(fields["loss_paths"], ensure_ascii=False).encode()) < 4096
