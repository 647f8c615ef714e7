"""
The events of a demo answer, and how it ends.

Pure: nothing here waits. `connectors.demo.backend` plays a script in time.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from attrs import frozen

from connectors.demo.answers import answer
from gateway.domain.events import (
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    Event,
    Fault,
    RefusalDelta,
    ReplyEnd,
    ReplyStart,
    TextDelta,
    ThinkingDelta,
    ToolInputDelta,
    UsageUpdate,
)
from gateway.domain.parts import Refusal, Text, Thinking, ToolCall, ToolResult
from gateway.domain.reply import Usage
from gateway.plugin import (
    APITimeoutError,
    BackendError,
    InvalidRequestError,
    RateLimitExceededError,
    ServiceUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from connectors.demo.answers import Answer
    from connectors.demo.settings import Settings
    from gateway.domain.parts import Part
    from gateway.domain.request import Request

TOKENS = (TextDelta, ThinkingDelta, RefusalDelta, ToolInputDelta)
MOST_CHOICES = 8
MOST_STOPS = 16
_ERRORS: dict[int, type[BackendError]] = {
    429: RateLimitExceededError,
    503: ServiceUnavailableError,
    504: APITimeoutError,
}
_CODES = {
    400: "invalid_request",
    401: "invalid_api_key",
    403: "permission_denied",
    404: "not_found",
    429: "rate_limit_exceeded",
    503: "overloaded",
    504: "timeout",
    529: "overloaded",
}


@frozen
class Script:
    """
    What to play.

    Attributes:
        events: the tokens among them are played in time, the others at once.
        hangs: after the events nothing comes, and no end either.
    """

    events: Iterator[Event]
    hangs: bool = False


def script_of(
    request: Request, settings: Settings, reply_id: str, created: int
) -> Script:
    """
    Return what the demo plays for *request*.

    Raises:
        InvalidRequestError: more choices or stop sequences than the demo can.
        BackendError: the model is told to fail before it says anything.
    """
    _check(request)
    if settings.model == "fail" and settings.after == 0:
        raise failure(settings)
    events = _reply(request, settings, reply_id, created)
    match settings.model:
        case "fail":
            return Script(_failing(events, settings))
        case "cut":
            return Script(_first(events, settings.after))
        case "hang":
            return Script(_first(events, settings.after), hangs=True)
        case _:
            return Script(events)


def failure(settings: Settings) -> BackendError:
    """Return the error that ``fail`` is told to make."""
    status = settings.status
    return _ERRORS.get(status, BackendError)(
        f"the demo failed as it was told to, with status {status}",
        code=_CODES.get(status, "server_error"),
        status_code=status,
        retry_after=settings.retry_after if status in (429, 503) else None,
    )


def _check(request: Request) -> None:
    if (request.sampling.n or 1) > MOST_CHOICES:
        raise InvalidRequestError(
            f"n: the demo gives at most {MOST_CHOICES} choices", param="n"
        )
    if len(request.sampling.stop) > MOST_STOPS:
        raise InvalidRequestError(
            f"stop: the demo takes at most {MOST_STOPS} sequences", param="stop"
        )


def _reply(
    request: Request, settings: Settings, reply_id: str, created: int
) -> Iterator[Event]:
    yield ReplyStart(f"demo-{reply_id}", settings.model, created)
    answers = [
        answer(request, settings, choice, reply_id)
        for choice in range(request.sampling.n or 1)
    ]
    choices = [_choice(number, answer) for number, answer in enumerate(answers)]
    for abreast in zip_longest(*choices):  # choices come interleaved, as in life
        yield from filter(None, abreast)
    yield UsageUpdate(_usage(request, answers))
    yield ReplyEnd()


def _choice(number: int, answer: Answer) -> Iterator[Event]:
    block = number * 100  # no answer has so many
    spoken: tuple[tuple[Part, type, tuple[str, ...]], ...] = (
        (Thinking(), ThinkingDelta, answer.thoughts),
        (Text(), TextDelta, answer.text),
        (Refusal(), RefusalDelta, answer.refusal),
        *(
            (ToolCall(c.id, c.tool.name, custom=c.tool.custom), ToolInputDelta, c.input)
            for c in answer.calls
        ),
    )
    for head, delta, tokens in spoken:
        if tokens:
            yield BlockStart(block, head, number)
            yield from (delta(block, token) for token in tokens)
            yield BlockEnd(block)
            block += 1
    yield ChoiceEnd(answer.finish, number)


def _usage(request: Request, answers: list[Answer]) -> Usage:
    thoughts = sum(len(answer.thoughts) for answer in answers)
    return Usage(
        input=sum(_words(turn.parts) for turn in request.turns),
        output=sum(len(answer) for answer in answers),
        reasoning=thoughts or None,
    )


def _words(parts: Iterable[Part]) -> int:
    """Return the demo's tokens of *parts*: their words."""
    count = 0
    for part in parts:
        match part:
            case Text(text=text) | Thinking(text=text) | Refusal(text=text):
                count += len(text.split())
            case ToolCall():
                count += len(part.input.split())
            case ToolResult():
                count += _words(part.parts)
            case _:
                count += 1  # somewhere one has to begin
    return count


def _first(events: Iterator[Event], after: int) -> Iterator[Event]:
    """Yield events until *after* tokens have passed, and never an end."""
    left = after
    while left > 0:
        event = next(events)
        if isinstance(event, ChoiceEnd):
            return
        left -= isinstance(event, TOKENS)
        yield event


def _failing(events: Iterator[Event], settings: Settings) -> Iterator[Event]:
    yield from _first(events, settings.after)
    yield Fault(failure(settings))
