from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.demo.settings import MODELS
from connectors.demo.texts import HELLO, REFUSAL, THOUGHT, THOUGHTS, lorem, tokens_of
from gateway.domain.parts import Media, Opaque, Refusal, Text, Thinking, ToolCall
from gateway.domain.reply import Finish, Reply, Stop
from gateway.domain.request import (
    OutputFormat,
    Request,
    Role,
    Sampling,
    Tool,
    ToolChoice,
    Turn,
)
from tests.connectors.demo.asks import (
    MATHS,
    WEATHER,
    after_result,
    ask,
    whole,
    words_of,
)

TALKATIVE = [
    model for model in MODELS if model not in ("fail", "cut", "hang", "refuse")
]


def calls_of(reply: Reply) -> list[ToolCall]:
    return [part for part in reply.choices[0].parts if isinstance(part, ToolCall)]


def names_of(reply: Reply) -> list[str]:
    return [call.name for call in calls_of(reply)]


def finish_of(reply: Reply) -> Finish | None:
    return reply.choices[0].finish


@pytest.mark.parametrize(
    "text", ["", "a", " a  b\n\nc ", "x" * 100, "\u2028\n", "é" * 30 + " b"]
)
def test_tokens_join_to_the_text(text: str) -> None:
    """Nothing is lost between tokens, and no token is long."""
    tokens = tokens_of(text, 1000)

    assert "".join(tokens) == text
    assert all(len(token.strip()) <= 24 for token in tokens)
    assert tokens_of(text, 1) == tokens[:1]


@pytest.mark.parametrize("length", [0, 1, 2, 17, 1000])
def test_lorem(length: int) -> None:
    """Exactly so many tokens; the same per seed, and others per other seed."""
    tokens = lorem(length, 1)

    assert len(tokens) == length
    assert tokens == lorem(length, 1)
    assert "".join(tokens_of("".join(tokens), length + 1)) == "".join(tokens)
    assert len(tokens_of("".join(tokens), length + 1)) == length
    assert length < 5 or tokens != lorem(length, 2)


async def test_hello() -> None:
    reply = await whole("hello?rate=0", ask("two words"))

    assert words_of(reply) == HELLO
    assert finish_of(reply) == Finish(Stop.END, "stop")
    assert reply.model == "hello"
    assert reply.usage is not None
    assert reply.usage.input == 2
    assert reply.usage.output == len(tokens_of(HELLO, 1000))


@pytest.mark.parametrize("model", TALKATIVE)
@pytest.mark.parametrize("tokens", [0, 3, 400])
async def test_length(model: str, tokens: int) -> None:
    """The text of every model can be made exactly so many tokens long."""
    reply = await whole(f"{model}?tokens={tokens}&rate=0&first=0")

    assert len(tokens_of(words_of(reply), 1000)) == tokens


async def test_seed() -> None:
    """The query's seed wins over the request's, and choices differ."""
    plain = await whole("lorem?rate=0", ask(sampling=Sampling(seed=5, n=2)))
    query = await whole("lorem?rate=0&seed=5", ask(sampling=Sampling(seed=9)))
    other = await whole("lorem?rate=0")

    assert words_of(plain, 0) == words_of(query)
    assert words_of(plain, 1) != words_of(plain, 0)
    assert words_of(other) != words_of(query)


async def test_echo() -> None:
    """The last thing the user said comes back, space by space."""
    turns = (
        Turn(Role.USER, (Text("first"),)),
        Turn(Role.ASSISTANT, (Text("second"),)),
        Turn(Role.USER, (Text(" a\n\n b "), Media("image"), Text("\ud800"))),
        Turn(Role.ASSISTANT, (Text("prefill"),)),
    )

    assert (
        words_of(await whole("echo?rate=0", Request("any", turns)))
        == " a\n\n b \n\ud800"
    )
    assert (await whole("echo?rate=0", Request("any"))).choices[0].parts == ()


async def test_echo_is_bounded() -> None:
    """A huge message comes back up to the most tokens that the demo says."""
    reply = await whole("echo?rate=0", ask("a " * 100_005))

    assert len(words_of(reply).split()) == 100_000


async def test_think() -> None:
    reply = await whole("think?rate=0")

    assert reply.choices[0].parts == (Thinking(THOUGHTS), Text(THOUGHT))
    assert reply.usage is not None
    assert reply.usage.reasoning == len(tokens_of(THOUGHTS, 1000))


async def test_refuse() -> None:
    reply = await whole("refuse?rate=0")

    assert reply.choices[0].parts == (Refusal(REFUSAL),)
    assert finish_of(reply) == Finish(Stop.REFUSAL, "refusal")


@pytest.mark.parametrize(
    ("model", "text", "choice", "names"),
    [
        ("tools", "Hello", None, ["get_weather"]),
        ("tools", "Hello", ToolChoice("none"), []),
        ("hello", "Hello", None, []),
        ("hello", "Hello", ToolChoice("auto"), []),
        ("hello", "Hello", ToolChoice("required"), ["get_weather"]),
        ("hello", "Hello", ToolChoice("named", ("maths",)), ["maths"]),
        ("hello", "get weather", ToolChoice("auto", ("maths",)), []),
        ("hello", "call get_weather!", None, ["get_weather"]),
        ("lorem", "Get-Weather and maths", None, ["get_weather", "maths"]),
        ("hello", "aftermaths", None, []),
        ("hello?parallel=3", "maths", None, ["maths"] * 3),
        ("tools?parallel=2", "Hello", None, ["get_weather"] * 2),
        (
            "tools?parallel=3",
            "maths, get weather",
            None,
            ["get_weather", "maths", "get_weather"],
        ),
    ],
)
async def test_which_tools(
    model: str, text: str, choice: ToolChoice | None, names: list[str]
) -> None:
    """The caller's choice is obeyed; else a tool is called when it is named."""
    request = ask(text, tools=(WEATHER, Opaque("o", {}), MATHS), tool_choice=choice)

    reply = await whole(model + ("&" if "?" in model else "?") + "rate=0", request)

    finish = Finish(Stop.TOOLS, "tool_calls") if names else Finish(Stop.END, "stop")
    assert names_of(reply) == names
    assert finish_of(reply) == finish


async def test_one_tool_at_a_time() -> None:
    """A caller that wants no parallel calls gets none."""
    request = ask("maths, get_weather", tools=(WEATHER, MATHS), parallel_tools=False)

    assert names_of(await whole("tools?rate=0&parallel=4", request)) == ["get_weather"]


async def test_input_of_calls() -> None:
    """Arguments are JSON after the schema; a custom tool gets words."""
    bare = Tool("bare")
    request = ask("maths, get_weather, bare", tools=(WEATHER, MATHS, bare))

    weather, maths, nothing = calls_of(await whole("tools?rate=0", request))

    assert json.loads(weather.input) == {"city": "Brno"}
    assert maths.custom
    assert maths.input.startswith("an example")
    assert json.loads(nothing.input) == {}
    assert len({weather.id, maths.id, nothing.id}) == 3


async def test_ids_are_unique_in_a_conversation() -> None:
    request = ask(tools=(WEATHER,))

    ids = {calls_of(await whole("tools?rate=0", request))[0].id for _ in range(2)}

    assert len(ids) == 2
    assert all(len(call_id) <= 40 for call_id in ids)  # as long as OpenAI allows


async def test_words_before_a_call() -> None:
    reply = await whole("tools?rate=0&tokens=4", ask(tools=(WEATHER,)))

    assert words_of(reply) == "Let me look that"
    assert names_of(reply) == ["get_weather"]


async def test_no_tools_offered() -> None:
    assert "offers none" in words_of(await whole("tools?rate=0"))


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (after_result(Text("12 C")), "The tool answered: 12 C"),
        (after_result(Text("x"), name="f"), "The tool f answered: x"),
        (after_result(Text("x"), error=True), "The tool failed and said: x"),
        (after_result(), "The tool answered nothing."),
        (after_result(Text("y" * 999)), "The tool answered: " + "y" * 400 + " ..."),
    ],
)
@pytest.mark.parametrize("model", ["hello", "tools"])
async def test_after_a_tool(model: str, request_: Request, said: str) -> None:
    """A result is answered in words, so that no program goes round for ever."""
    reply = await whole(f"{model}?rate=0", request_)

    assert words_of(reply) == said
    assert finish_of(reply) == Finish(Stop.END, "stop")


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (OutputFormat("json"), {"answer": "example"}),
        (OutputFormat("schema", {"properties": {"n": {"type": "integer"}}}), {"n": 3}),
        (OutputFormat("schema"), {"answer": "example"}),
    ],
)
async def test_structured_output(wanted: OutputFormat, said: Any) -> None:
    """A caller that asks for JSON gets JSON, after its schema."""
    reply = await whole("lorem?rate=0&tokens=1", ask(output_format=wanted))

    assert json.loads(words_of(reply)) == said


async def test_text_output() -> None:
    reply = await whole("echo?rate=0", ask(output_format=OutputFormat("text")))

    assert words_of(reply) == "Hello you"


@pytest.mark.parametrize(
    ("stops", "said", "sequence"),
    [
        (("c",), "a b ", "c"),
        (("e", "d", "b"), "a ", "b"),
        (("b c", "b"), "a ", "b"),
        (("a",), "", "a"),
        (("x",), "a b c d e", None),
    ],
)
async def test_stop_sequences(
    stops: tuple[str, ...], said: str, sequence: str | None
) -> None:
    """The text ends before the first of them, and the reply says which it was."""
    request = ask("a b c d e", sampling=Sampling(stop=stops))

    reply = await whole("echo?rate=0", request)

    stop = Stop.SEQUENCE if sequence else Stop.END
    assert words_of(reply) == said
    assert finish_of(reply) == Finish(stop, "stop", sequence)


@pytest.mark.parametrize("most", [1, 5, 39, 40, 69])
async def test_limit_on_thoughts_and_words(most: int) -> None:
    """Thoughts count; what is left of the limit is for words."""
    full = tokens_of(THOUGHTS, 1000), tokens_of(THOUGHT, 1000)

    reply = await whole("think?rate=0", ask(sampling=Sampling(max_tokens=most)))

    thinking = "".join(full[0][:most])
    words = "".join(full[1][: max(0, most - len(full[0]))])
    assert reply.choices[0].parts == (
        Thinking(thinking),
        *((Text(words),) if words else ()),
    )
    assert finish_of(reply) == Finish(Stop.LENGTH, "length")
    assert reply.usage is not None
    assert reply.usage.output == most


async def test_limit_that_is_not_reached() -> None:
    reply = await whole("echo?rate=0", ask("a b", sampling=Sampling(max_tokens=2)))

    assert finish_of(reply) == Finish(Stop.END, "stop")


async def test_limit_inside_calls() -> None:
    """A call that is cut is told with what there is of it, and as cut."""
    request = ask(tools=(WEATHER,), sampling=Sampling(max_tokens=4))

    reply = await whole("tools?rate=0&parallel=3", request)

    assert [call.input for call in calls_of(reply)] == ['{"city": "Brno"}', '{"city']
    assert finish_of(reply) == Finish(Stop.LENGTH, "length")


async def test_limit_on_a_refusal() -> None:
    reply = await whole("refuse?rate=0", ask(sampling=Sampling(max_tokens=2)))

    assert reply.choices[0].parts == (Refusal("I'm sorry,"),)


async def test_usage_of_a_conversation() -> None:
    """The demo counts words, in all turns and in what tools said."""
    turns = (
        Turn(Role.SYSTEM, (Text("be brief"),)),
        Turn(Role.USER, (Text("one two three"), Media("image"))),
        Turn(Role.ASSISTANT, (ToolCall("c", "f", '{"a": 1}'),)),
        *after_result(Text("it is cold")).turns[1:],
    )

    reply = await whole("echo?rate=0", Request("any", turns))

    assert reply.usage is not None
    assert reply.usage.input == 2 + 3 + 1 + 2 + 3
