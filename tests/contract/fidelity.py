"""
Write ``docs/fidelity.md``: ``make approve``.

Nothing in it is said by hand: each cell is what became of a probe.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from gateway.domain.errors import LLMProxyError
from gateway.domain.loss import Grade, Loss
from gateway.wire.json import encode
from tests.contract import crossing, protocols
from tests.contract.cases import CLIENTS, UPSTREAMS
from tests.contract.oracle import DIALECTS
from tests.contract.probes import ANSWERS
from tests.contract.probes.answered import PLAIN
from tests.contract.protocols import tell_whole, translator
from tests.contract.test_identity import deviations

if TYPE_CHECKING:
    from gateway.plugin import Written

NAMES = {
    "openai_chat": "OpenAI chat",
    "openai_responses": "OpenAI Responses",
    "anthropic": "Anthropic Messages",
    "gemini": "Gemini",
    "cohere": "Cohere v2",
    "ollama": "Ollama",
    "mistral": "Mistral",
    "bedrock_converse": "Bedrock Converse",
}
CROSSES, OTHERWISE, DROPPED, REFUSED, SAME = "yes", "≈", "no", "400", "-"
FAILED, PARTLY = "error", "part"
_WORST = {
    Grade.APPROXIMATE: OTHERWISE,
    Grade.DROPPED: DROPPED,
    Grade.REFUSED: REFUSED,
}
_ORDER = (Grade.REFUSED, Grade.DROPPED, Grade.APPROXIMATE)

INTRODUCTION = f"""\
# What crosses, and what does not

A request goes through untouched where the backend speaks the client's dialect. Where
it does not, it is read into the gateway's own model and written in the backend's words,
and the answer takes the same way back. This page says what survives that. It is made by
`make approve`: each cell is what became of a
small request or answer that says the one thing, beside one that does not; a test checks
that the page is up to date.

| cell | meaning |
| --- | --- |
| {CROSSES} | it crosses |
| {OTHERWISE} | said in other words that mean nearly the same |
| {PARTLY} | it crosses, and something about it is left out |
| {DROPPED} | left out |
| {REFUSED} | without it the answer would be another one: the request is refused |
| {FAILED} | the answer is told as an error |
| {SAME} | it makes no difference: it says what is so anyway |

All but {CROSSES} and {SAME} are reported, as `approximate`, `dropped` or `refused`: in
the log, in a counter, and in the `x-gateway-loss` header of the answer. A route with
`losses: refuse` refuses requests that lose anything.
"""


@frozen
class Cell:
    """What became of one probe on one other side."""

    word: str
    whys: tuple[str, ...] = ()


# What a feature is held against, where that is not the plain request: it is said
# beside something that has to be there.
BESIDE = {
    "strict tool": "tools",
    "failed tool": "a tool's result",
    "image detail": "image as data",
    "no parallel tools": "several tools",
    **{
        f"tool choice: {choice}": "several tools"
        for choice in ("auto", "none", "required", "one tool", "some tools")
    },
    "most calls of tools": "several tools",
    **{
        f"{kind} thoughts in the history": "a longer conversation"
        for kind in ("sealed", "redacted", "unsigned")
    },
    "cache marks": "a text in a block",
}


def request_cell(client: str, feature: str, upstream: str) -> Cell:
    written = _written(client, feature, upstream)
    bare = _written(client, BESIDE.get(feature, "plain"), upstream)
    same = written.body == bare.body
    return _cell(_new(written.losses, bare.losses), same=same)


def _written(client: str, name: str, upstream: str) -> Written:
    asked = next(probe for probe in crossing.probes(client) if probe.name == name)
    return translator(upstream).write_request(protocols.read_asked(asked))


def answer_cell(upstream: str, feature: str, client: str) -> Cell:
    read = translator(upstream).read_reply
    bare = tell_whole(client, read(ANSWERS[upstream][PLAIN]))
    try:
        told = tell_whole(client, read(ANSWERS[upstream][feature]))
    except LLMProxyError:
        return Cell(FAILED)
    cell = _cell(_new(told.losses, bare.losses), same=told.body == bare.body)
    spoke = DIALECTS[upstream].whole(encode(ANSWERS[upstream][feature]))
    heard = DIALECTS[client].whole(told.body)
    if heard.error:
        return Cell(FAILED)
    one, other = spoke.choices[0].finish, heard.choices[0].finish
    if one != other and cell.word in (CROSSES, SAME):
        return Cell(OTHERWISE, (f"`{one}` is told as `{other}`",))
    return cell


def _new(losses: Iterable[Loss], known: Iterable[Loss]) -> list[Loss]:
    paths = {loss.path for loss in known}
    return [loss for loss in losses if loss.path not in paths]


def _cell(losses: list[Loss], *, same: bool) -> Cell:
    if not losses:
        return Cell(SAME if same else CROSSES)
    grade = min((loss.grade for loss in losses), key=_ORDER.index)
    whys = dict.fromkeys(loss.why for loss in losses if loss.why)
    if grade is Grade.DROPPED and not same:
        return Cell(PARTLY, tuple(whys))
    return Cell(_WORST[grade], tuple(whys))


def page() -> str:
    return "\n".join([INTRODUCTION, *_requests(), *_answers(), *_identity(), ""])


def _requests() -> Iterator[str]:
    yield "## Requests\n"
    for client in CLIENTS:
        yield f"### From {NAMES[client]}\n"
        features = [question.name for question in crossing.probes(client)[1:]]
        others = [upstream for upstream in UPSTREAMS if upstream != client]
        cells = {
            (feature, upstream): request_cell(client, feature, upstream)
            for feature in features
            for upstream in others
        }
        yield from _table("request", features, others, cells)


def _answers() -> Iterator[str]:
    yield "## Answers\n"
    for upstream in UPSTREAMS:
        yield f"### From {NAMES[upstream]}\n"
        features = [feature for feature in ANSWERS[upstream] if feature != PLAIN]
        others = [client for client in CLIENTS if client != upstream]
        cells = {
            (feature, client): answer_cell(upstream, feature, client)
            for feature in features
            for client in others
        }
        yield from _table("answer", features, others, cells)


def _table(
    what: str,
    features: list[str],
    others: list[str],
    cells: dict[tuple[str, str], Cell],
) -> Iterator[str]:
    yield f"| {what} | " + " | ".join(NAMES[other] for other in others) + " |"
    yield "| --- |" + " --- |" * len(others)
    for feature in features:
        words = [cells[feature, other].word for other in others]
        yield f"| {feature} | " + " | ".join(words) + " |"
    yield ""
    yield from _reasons(features, others, cells)


def _reasons(
    features: list[str], others: list[str], cells: dict[tuple[str, str], Cell]
) -> Iterator[str]:
    lines = []
    for feature in features:
        found: dict[str, list[str]] = defaultdict(list)
        for other in others:
            for why in cells[feature, other].whys:
                found[why].append(NAMES[other])
        said = [f"{why} ({', '.join(names)})" for why, names in found.items()]
        if said:
            lines.append(f"- *{feature}*: {'; '.join(said)}.")
    if lines:
        yield from ["Why:", "", *lines, ""]


def _identity() -> Iterator[str]:
    yield "## The same dialect on both sides\n"
    yield (
        "Where a translation is needed although both sides speak one dialect, JSON\n"
        "comes out as it went in, except for these:\n"
    )
    yield "| dialect | of | what differs | why |\n| --- | --- | --- | --- |"
    for protocol in CLIENTS:
        for name, deviation in deviations(protocol).items():
            reason = " ".join(deviation.reason.split())
            yield f"| {NAMES[protocol]} | {deviation.kind} | {name} | {reason} |"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), "utf-8")
