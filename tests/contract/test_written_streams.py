"""Habits of providers that nobody recorded: the bytes pass, the ledger understands."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from attrs import frozen

from tests.streams import cuts
from tests.upstream import stream

if TYPE_CHECKING:
    from tests.stage import Stage

CASES = Path(__file__).resolve().parents[1] / "recordings" / "openai_chat"


@frozen
class Told:
    """What the ledger is to say of one stream."""

    prompt: int | None = 2
    output: int | None = 1
    finish: tuple[str, ...] = ("stop",)
    reasoning: int | None = None
    outcome: str = "completed"
    choices: int = 1


FAILED = Told(None, None, (), outcome="upstream_failed")
EXPECTED = {
    "bare_cr": Told(),
    "byte_order_mark": Told(),
    "comments_while_waiting": Told(),
    "content_as_a_list": Told(2, 2),
    "crlf": Told(),
    "data_over_two_lines": Told(None, None),
    "data_without_a_space": Told(),
    "done_inside_a_text": Told(2, 2),
    "error_after_the_finish": Told(None, None, outcome="upstream_failed"),
    "error_as_text": FAILED,
    "error_with_an_object_word": FAILED,
    "event_and_id_lines": Told(),
    "four_names_of_reasoning": Told(2, 6, reasoning=4),
    "id_changes_on_every_chunk": Told(5, 3),
    "ids_null_then_numbers": Told(3, 1),
    "line_separators_in_text": Told(2, 2),
    "mixed_line_ends": Told(2, 2),
    "no_blank_line_at_the_end": Told(),
    "no_done": Told(),
    "rate_limit_in_the_middle": FAILED,
    "tail_after_done": Told(),
    "two_choices": Told(2, 2, ("stop", "length"), choices=2),
    "unknown_members": Told(),
    "usage_inside_a_text": Told(2, 2),
    "usage_null_until_the_last": Told(4, 1),
    "usage_on_every_chunk": Told(4, 4),
    "usage_on_the_finish_chunk": Told(9, 1, ("length",)),
    "usage_zero_is_a_number": Told(0, 0),
}


def test_every_case_is_there() -> None:
    """The other files show what a reader must survive, not how bytes pass."""
    assert {path.stem for path in CASES.glob("*.sse")} >= set(EXPECTED)


def test_every_case_has_a_source() -> None:
    """``SOURCES.md`` names each file."""
    sources = (CASES.parent / "SOURCES.md").read_text("utf-8")
    assert [name for name in EXPECTED if f"`{name}`" not in sources] == []


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", EXPECTED)
async def test_stream(stage: Stage, name: str) -> None:
    body, told = (CASES / f"{name}.sse").read_bytes(), EXPECTED[name]

    played = await asyncio.gather(
        *(
            stage.exchange(stream(cuts(body, size)), n=told.choices)
            for size in (1, 7, 4096)
        )
    )

    for answer, line in played:
        assert answer.status == 200
        assert answer.body == body
        assert line["outcome"] == told.outcome
        assert line["finish"] == list(told.finish)
        assert line["input_tokens"] == told.prompt
        assert line["output_tokens"] == told.output
        assert line["reasoning_tokens"] == told.reasoning
