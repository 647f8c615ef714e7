"""What could not be said in the other dialect: where, and how bad it is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from enum import StrEnum
from typing import TYPE_CHECKING

from attrs import frozen

from gateway.domain.parts import Part, ToolResult

if TYPE_CHECKING:
    from gateway.domain.events import Foreign
    from gateway.domain.parts import Extras
    from gateway.domain.reply import Reply
    from gateway.domain.request import Request


class Grade(StrEnum):
    """
    How bad a loss is.

    ``APPROXIMATE``: said in other words that mean nearly the same.
    ``DROPPED``: left out; the answer can still be what the caller wanted.
    ``REFUSED``: without it the answer would be another one, so there is none.
    """

    APPROXIMATE = "approximate"
    DROPPED = "dropped"
    REFUSED = "refused"


@frozen
class Loss:
    """
    One member that did not cross.

    Attributes:
        path: where it stands in the domain model, such as
            ``turns[2].parts[0].cache_control``; never a value.
        why: a short clause for a person, such as ``Anthropic has no seed``.
    """

    path: str
    grade: Grade
    why: str = ""


def approximate(path: str, why: str = "") -> Loss:
    return Loss(path, Grade.APPROXIMATE, why)


def dropped(path: str, why: str = "") -> Loss:
    return Loss(path, Grade.DROPPED, why)


def refused(path: str, why: str = "") -> Loss:
    return Loss(path, Grade.REFUSED, why)


# Members that stand for history or material which the other side does not have.
STATE = {
    "openai_responses": ("previous_response_id", "conversation", "prompt"),
    "gemini": ("cachedContent",),
    "anthropic": ("container", "thread"),
}
# A choice of Responses' own tool, which must then be used.
DEMAND = "tool_choice.hosted"
# Tools that Responses makes available in the middle of a conversation.
LATER_TOOLS = "input.additional_tools"
# Members by which a dialect says in other words what the domain has already (an
# older name, which of several equal forms), or which speak of the transport:
# that they do not cross loses nothing.
_SILENT = {
    "openai_chat": ("max_tokens", "stop", "stream_options", "role", "type"),
    "openai_responses": ("item", "form"),
    "gemini": ("createTime",),
}


def unsaid(
    request: Request, dialect: str, said: Collection[str] = ()
) -> Iterator[Loss]:
    """
    Yield a loss for each member in ``extras`` that *dialect* does not know.

    Args:
        dialect: that of the writer, who wrote its own extras back in place.
        said: paths that the writer did say, in words of its own.
    """
    for path, extras in _places(request):
        for origin, member in _foreign(extras, dialect):
            at = f"{path}.{member}" if path else member
            if at in said:
                continue
            if not path and member in STATE.get(origin, ()):
                yield refused(at, f"{origin} holds what it stands for")
            elif at == DEMAND:
                yield refused(at, f"only {origin} has the tool that is demanded")
            elif at == LATER_TOOLS:
                yield approximate(at, "its tools are offered from the start")
            else:
                yield dropped(at, f"only {origin} knows it")


def unsaid_reply(reply: Reply, dialect: str) -> Iterator[Loss]:
    """Yield the same for a whole answer."""
    places: list[tuple[str, Extras]] = [("", reply.extras)]
    for i, choice in enumerate(reply.choices):
        at = f"choices[{i}]"
        places.append((at, choice.extras))
        places += _of_parts(f"{at}.parts", choice.parts)
    for path, extras in places:
        yield from unsaid_members(path, extras, dialect)


def unsaid_members(path: str, extras: Extras, dialect: str) -> Iterator[Loss]:
    """Yield the same for the members that stand at *path*."""
    for origin, member in _foreign(extras, dialect):
        at = f"{path}.{member}" if path else member
        yield dropped(at, f"only {origin} knows it")


def unsaid_event(event: Foreign, dialect: str) -> Iterator[Loss]:
    """Yield the same for what an upstream said outside all blocks."""
    yield from unsaid_members("", {event.origin: {event.name: event.json}}, dialect)


def _foreign(extras: Extras, dialect: str) -> Iterator[tuple[str, str]]:
    for origin, members in extras.items():
        if origin != dialect and isinstance(members, dict):
            for member, json in members.items():
                # A null says nothing.
                if json is not None and member not in _SILENT.get(origin, ()):
                    yield origin, member


def _places(request: Request) -> Iterator[tuple[str, Extras]]:
    yield "", request.extras
    for i, turn in enumerate(request.turns):
        at = f"turns[{i}]"
        yield at, turn.extras
        yield from _of_parts(f"{at}.parts", turn.parts)
    for i, tool in enumerate(request.tools):
        yield f"tools[{i}]", tool.extras
    for name in ("tool_choice", "reasoning", "output_format"):
        if (value := getattr(request, name)) is not None:
            yield name, value.extras


def _of_parts(path: str, parts: Iterable[Part]) -> Iterator[tuple[str, Extras]]:
    for i, part in enumerate(parts):
        at = f"{path}[{i}]"
        yield at, part.extras
        if isinstance(part, ToolResult):
            yield from _of_parts(f"{at}.parts", part.parts)
