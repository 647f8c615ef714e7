"""What each demo model answers, before it is known how fast and how it ends."""

from __future__ import annotations

import re
from itertools import cycle, islice
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from connectors.demo import texts
from connectors.demo.schema import example
from connectors.demo.settings import MODELS, PARAMETERS
from gateway.domain.parts import Text, ToolResult
from gateway.domain.reply import Finish, Stop
from gateway.domain.request import Role, Tool

if TYPE_CHECKING:
    from connectors.demo.settings import Settings
    from gateway.domain.request import Request

_MOST = int(PARAMETERS["tokens"].most)
_FRAGMENT = 6  # characters of arguments that make one token: a guess
_END = Finish(Stop.END, "stop")
_TOOLS = Finish(Stop.TOOLS, "tool_calls")
_QUOTED = 400  # characters of a tool's result that an answer repeats


@frozen
class Call:
    """A tool call with its input in fragments."""

    id: str
    tool: Tool
    input: tuple[str, ...]


@frozen
class Answer:
    """
    One choice, in tokens.

    Attributes:
        finish: how it ends when nothing cuts it short.
    """

    thoughts: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    refusal: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    finish: Finish = _END

    def __len__(self) -> int:
        spoken = len(self.thoughts) + len(self.text) + len(self.refusal)
        return spoken + sum(len(call.input) for call in self.calls)


def answer(request: Request, settings: Settings, choice: int, reply_id: str) -> Answer:
    """
    Return the answer to *request*, within its stop sequences and its limit.

    Args:
        request: what the caller asks.
        settings: what the name of the model asks.
        choice: the number of the choice, which varies the words of ``lorem``.
        reply_id: unique, so that ids made of it are unique in a conversation.
    """
    tools = tools_to_call(request, settings)
    if settings.model == "refuse":
        full = Answer(
            refusal=_fitted(texts.REFUSAL, settings),
            finish=Finish(Stop.REFUSAL, "refusal"),
        )
    elif tools:
        text = texts.tokens_of(texts.CALLING, settings.tokens or 0)
        calls = _calls(tools, f"call_{reply_id}_{choice}")
        full = Answer(text=tuple(text), calls=calls, finish=_TOOLS)
    else:
        thoughts = texts.THOUGHTS if settings.model == "think" else ""
        full = Answer(
            thoughts=tuple(texts.tokens_of(thoughts, _MOST)),
            text=_text(request, settings, choice),
        )
    return _limited(_stopped(full, request.sampling.stop), request.sampling.max_tokens)


def tools_to_call(request: Request, settings: Settings) -> list[Tool]:
    """
    Return the tools that the answer calls, none for an answer in words.

    The caller's choice is obeyed; if it leaves the choice to the model, a tool is
    called if the last message names it. A tool's result is always answered in
    words: else a program that insists on calls would go round for ever.
    """
    offered = [tool for tool in request.tools if isinstance(tool, Tool)]
    choice = request.tool_choice
    mode = choice.mode if choice else "auto"
    if choice and choice.names:
        offered = [tool for tool in offered if tool.name in choice.names]
    if mode == "none" or not offered or last_result(request) is not None:
        return []
    words = last_words(request).lower()
    wanted = [tool for tool in offered if _mentions(words, tool.name)]
    if not wanted and (mode != "auto" or settings.model == "tools"):
        wanted = offered[:1]
    count = max(settings.parallel, len(wanted)) if wanted else 0
    if request.parallel_tools is False:
        count = min(count, 1)
    return list(islice(cycle(wanted), min(count, 16)))


def last_words(request: Request) -> str:
    """Return the text of the user's last turn."""
    for turn in reversed(request.turns):
        if turn.role is Role.USER:
            return "\n".join(p.text for p in turn.parts if isinstance(p, Text))
    return ""


def last_result(request: Request) -> ToolResult | None:
    """Return the tool's result that the last turn brings, if it does."""
    last = request.turns[-1].parts if request.turns else ()
    results = [part for part in last if isinstance(part, ToolResult)]
    return results[-1] if results else None


def _mentions(words: str, name: str) -> bool:
    spoken = re.sub(r"[_-]+", r"[ _-]", re.escape(name.lower()).replace("\\-", "-"))
    return re.search(rf"(?<!\w){spoken}(?!\w)", words) is not None


def _calls(tools: list[Tool], prefix: str) -> tuple[Call, ...]:
    calls = []
    for i, tool in enumerate(tools):
        schema = {"type": "object"} | (tool.schema or {})
        text = texts.INPUT if tool.custom else example(schema)
        pieces = [text[at : at + _FRAGMENT] for at in range(0, len(text), _FRAGMENT)]
        calls.append(Call(f"{prefix}_{i}", tool, tuple(pieces)))
    return tuple(calls)


def _text(request: Request, settings: Settings, choice: int) -> tuple[str, ...]:
    result, wanted = last_result(request), request.output_format
    if result is not None:
        return _fitted(_about(result), settings)
    if wanted is not None and wanted.kind != "text":
        schema = wanted.schema or {"properties": {"answer": {}}}
        return tuple(texts.tokens_of(example(schema), _MOST))  # never cut: it is JSON
    match settings.model:
        case "lorem":
            seed = settings.seed
            seed = request.sampling.seed or 0 if seed is None else seed
            return tuple(texts.lorem(settings.tokens or 0, seed + choice))
        case "echo":
            return _fitted(last_words(request), settings)
        case model:
            return _fitted(_TEXTS.get(model, texts.HELLO), settings)


_TEXTS = {"think": texts.THOUGHT, "tools": texts.NO_TOOLS, "slow": texts.LATE}


def _fitted(text: str, settings: Settings) -> tuple[str, ...]:
    tokens, length = texts.tokens_of(text, _MOST), settings.tokens
    if length is None and "after" in MODELS[settings.model].takes:
        length = max(len(tokens), settings.after + 1)  # something must be left to come
    return tuple(tokens if length is None else texts.stretched(tokens, length))


def _about(result: ToolResult) -> str:
    said = " ".join(part.text for part in result.parts if isinstance(part, Text))
    quoted = said if len(said) <= _QUOTED else said[:_QUOTED] + " ..."
    who = f"The tool {result.name}" if result.name else "The tool"
    what = "failed and said" if result.error else "answered"
    return f"{who} {what}: {quoted}" if quoted else f"{who} {what} nothing."


def _stopped(answer: Answer, stops: tuple[str, ...]) -> Answer:
    """Cut the text before the first of *stops*, as providers do."""
    text = "".join(answer.text)
    hits = [(at, stop) for stop in stops if (at := text.find(stop)) >= 0]
    if not hits:
        return answer
    at, stop = min(hits)
    cut = tuple(texts.tokens_of(text[:at], _MOST))
    return evolve(
        answer, text=cut, calls=(), finish=Finish(Stop.SEQUENCE, "stop", stop)
    )


def _limited(answer: Answer, most: int | None) -> Answer:
    if most is None or len(answer) <= most:
        return answer
    thoughts, left = answer.thoughts[:most], max(most - len(answer.thoughts), 0)
    text, left = answer.text[:left], max(left - len(answer.text), 0)
    refusal, left = answer.refusal[:left], max(left - len(answer.refusal), 0)
    calls = []
    for call in answer.calls:
        if left > 0:
            calls.append(evolve(call, input=call.input[:left]))
            left -= len(call.input)
    return Answer(thoughts, text, refusal, tuple(calls), Finish(Stop.LENGTH, "length"))
