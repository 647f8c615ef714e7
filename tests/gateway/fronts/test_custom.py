from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.domain.errors import APIConnectionError
from gateway.domain.events import (
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    Event,
    Fault,
    ReplyEnd,
    ReplyStart,
    SignatureDelta,
    TextDelta,
    ToolInputDelta,
)
from gateway.domain.fold import fold, unfold
from gateway.domain.parts import Opaque, Signature, Text, ToolCall
from gateway.domain.reply import Choice, Finish, Reply, Stop
from gateway.domain.request import Request, Tool
from gateway.fronts.base import Ask, Context, Rendered
from gateway.fronts.custom import (
    CustomWriter,
    Unwrapping,
    names_of,
    streaming,
    unwrapped,
    writing,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.domain.loss import Loss
    from gateway.domain.reply import Json

LEAST = Context(Ask("m", True), 7, "abc")
OFFERED = (Tool("t", custom=True), Tool("f"), Opaque("openai_responses", {}))
ASKED = evolve(LEAST, request=Request("m", tools=OFFERED))
TEXTS = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from('"\\/bnu\n\r\t\0\u2028{}: \ud83d\ude00\U0001f600'),
    )
)
LAYOUTS = st.sampled_from([(",", ":"), (", ", ": "), (" ,\n\t", "\r : ")])


def bit_by_bit(*pieces: str) -> str:
    """Return what a stream brings of the text."""
    unwrapping = Unwrapping()
    return "".join([*map(unwrapping.feed, pieces), unwrapping.end()])


def same_at_every_cut(arguments: str) -> str:
    """Return the text, after all cuts have brought the same."""
    text = unwrapped(arguments)
    assert bit_by_bit(*arguments) == text
    for i in range(len(arguments) + 1):
        assert bit_by_bit(arguments[:i], arguments[i:]) == text
    return text


# -- the text in the arguments


@given(TEXTS, st.booleans(), LAYOUTS, st.sampled_from(["", " ", "\n\t"]))
@example('\U0001f600\ud83d\U0001f600\ude00\\"\\u00e9', True, (",", ":"), "")
def test_any_text(
    text: str, ascii_only: bool, layout: tuple[str, str], space: str
) -> None:
    """Wherever the arguments are cut, the text is what JSON says it is."""
    arguments = {"input": text}
    said = json.dumps(arguments, ensure_ascii=ascii_only, separators=layout)
    said = said.replace("{", "{" + space, 1)

    found = same_at_every_cut(space + said + space)

    assert found == json.loads(said)["input"]


@given(TEXTS, st.dictionaries(st.text(max_size=3), st.integers(), max_size=2))
def test_other_members(text: str, others: dict[str, int]) -> None:
    """They are passed over, whether they stand before or behind."""
    others.pop("input", None)
    for members in ({**others, "input": text}, {"input": text, **others}):
        said = json.dumps(members)

        assert same_at_every_cut(said) == json.loads(said)["input"]


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "ls -l",
        "{}",
        "{",
        '{"inp',
        '{"input"',
        '{"input":',
        '"ls"',
        "[1]",
        "null",
        '{"command":"ls"}',
        '{"input":5}',
        '{"input": null}',
        '{"input":{"a":"b"}}',
        '{"inputs":"ls"}',
        '{"a":1,"input":"cut of',
        "*** Begin Patch\n{",
    ],
)
def test_other_shapes(arguments: str) -> None:
    """What is no such object is the text itself."""
    assert same_at_every_cut(arguments) == arguments


@given(st.text(st.sampled_from('{}[]":,\\ ud83de0input1\n')))
def test_no_cut_matters(arguments: str) -> None:
    """Not even to what no model should write."""
    same_at_every_cut(arguments)


@given(
    st.text(st.sampled_from('\\"ud8c3DEn0a ')),
    st.sampled_from(["", '"', '"}', '" , "input": "b"}']),
)
def test_no_cut_matters_inside(text: str, end: str) -> None:
    same_at_every_cut('{"input":"' + text + end)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (r'{"input":"a\d\u12 b"}', r"a\d\u12 b"),
        ('{"input":"two\nlines"}', "two\nlines"),
        (r'{"\u0069nput":"a"}', "a"),
        ('{"input":"a","input":"b"}', "a"),
        ('{"input":"a"} and more', "a"),
    ],
)
def test_nearly_json(arguments: str, text: str) -> None:
    """Models slip; what was told before is not taken back."""
    assert same_at_every_cut(arguments) == text


@pytest.mark.parametrize(
    "cut", ["", "\\", "\\u", "\\u00e", "\\ud83d", "\\ud83d\\", "\\ud83d\\ude0"]
)
def test_stopped_inside(cut: str) -> None:
    """A model that had no token left said what it said, and no half of an escape."""
    assert same_at_every_cut('{"input":"ab' + cut) == "ab"


def test_text_flows() -> None:
    """Each piece brings what it completes, not only the last."""
    unwrapping = Unwrapping()
    pieces = ['{"in', 'put": "l', "s \\", "n\\ud8", "3d\\ude", "00 -", 'l"', "}"]

    assert [unwrapping.feed(piece) for piece in pieces] == [
        *("", "l", "s ", "\n", "", "\U0001f600 -", "l", "")
    ]
    assert unwrapping.end() == ""


# -- which calls


@pytest.mark.parametrize(
    ("context", "names"),
    [
        (LEAST, set()),
        (evolve(LEAST, request=Request("m")), set()),
        (ASKED, {"t"}),
        (
            evolve(LEAST, request=Request("m", tools=(*OFFERED, Tool("t")))),
            set(),
        ),
    ],
    ids=["unknown", "none", "offered", "a function has the same name"],
)
def test_names(context: Context, names: set[str]) -> None:
    assert names_of(context) == names


class Noting:
    """Writes nothing, and remembers what."""

    def __init__(self, _: Context) -> None:
        self.losses: list[Loss] = []
        self.result: Json = None
        self.told: list[Event] = []

    def feed(self, events: Iterable[Event]) -> bytes:
        self.told += events
        self.result = len(self.told)
        return b"%d" % len(self.told)


def told(*events: Event) -> list[Event]:
    """Return what the writer behind is told, event by event."""
    noting = Noting(ASKED)
    writer = CustomWriter(noting, names_of(ASKED))
    for event in events:
        assert writer.feed([event]) == b"%d" % len(noting.told)
    assert (writer.result, writer.losses is noting.losses) == (len(noting.told), True)
    return noting.told


SEAL = Signature("gemini", "v")
PARTS = (
    Text('{"input":"x"}'),
    ToolCall("a", "t", '{"input":"ls \\"a\\""}', signature=SEAL),
    ToolCall("b", "f", '{"input":"x"}'),
    ToolCall("c", "t", '{"input":"x"}', custom=True),
    ToolCall("d", "t", ""),
    ToolCall("e", "t", '{"a": 1}'),
)
MEANT = (
    PARTS[0],
    ToolCall("a", "t", 'ls "a"', custom=True, signature=SEAL),
    *PARTS[2:4],
    ToolCall("d", "t", "", custom=True),
    ToolCall("e", "t", '{"a": 1}', custom=True),
)
END = Finish(Stop.TOOLS)
REPLY = Reply("r", "m", 1, (Choice(PARTS, END), Choice(PARTS[1:3], END)))
WANTED = Reply("r", "m", 1, (Choice(MEANT, END), Choice(MEANT[1:3], END)))


def test_whole_answer() -> None:
    """Calls of an offered custom tool hold its text, and all else is as it was."""

    def write(reply: Reply, context: Context) -> Rendered:
        return Rendered(b"", (reply, context))

    assert writing(write)(REPLY, ASKED).json == (WANTED, ASKED)
    assert writing(write)(REPLY, LEAST).json == (REPLY, LEAST)


def test_stream() -> None:
    """A stream amounts to the same."""
    assert fold(told(*unfold(REPLY))) == WANTED


def test_streams_without_custom_tools() -> None:
    """They are written as if this were not here."""
    assert isinstance(streaming(Noting)(LEAST), Noting)
    assert isinstance(streaming(Noting)(ASKED), CustomWriter)


def test_calls_side_by_side() -> None:
    """Each has its own text."""
    found = told(
        ReplyStart(),
        BlockStart(0, ToolCall("a", "t")),
        BlockStart(1, ToolCall("b", "t")),
        ToolInputDelta(0, '{"input":"l'),
        ToolInputDelta(1, '{"input":"p'),
        SignatureDelta(1, SEAL),
        ToolInputDelta(0, 's"}'),
        ToolInputDelta(1, 'wd"}'),
        BlockEnd(1),
        BlockEnd(0),
        ChoiceEnd(END),
        ReplyEnd(),
    )

    assert found[3:8] == [
        ToolInputDelta(0, "l"),
        ToolInputDelta(1, "p"),
        SignatureDelta(1, SEAL),
        ToolInputDelta(0, "s"),
        ToolInputDelta(1, "wd"),
    ]


@pytest.mark.parametrize("begun", ['{"input":"rm -r', '{"a":1,"input":"rm', "{"])
def test_broken_off(begun: str) -> None:
    """What is held back stays unsaid: nothing makes half a call look whole."""
    start = BlockStart(0, ToolCall("a", "t"))
    fault = Fault(APIConnectionError("gone"))
    plain: Any = told(ReplyStart(), start, ToolInputDelta(0, begun))

    broken = told(ReplyStart(), start, ToolInputDelta(0, begun), fault)

    assert broken == [*plain, fault]
    assert not any(isinstance(event, BlockEnd) for event in broken)


def test_text_of_others_passes() -> None:
    text: list[Event] = [
        ReplyStart(),
        BlockStart(0, Text()),
        TextDelta(0, "{"),
        BlockEnd(0),
    ]

    assert told(*text) == text
