"""
A whole reply, from the domain to the client's response object.

The object repeats what was asked, and the official SDKs promise their callers
that it does. Seals always go out, as OpenAI's own models send theirs: a client
that keeps its own history can give them back without having asked for them.

Source: https://platform.openai.com/docs/api-reference/responses/object
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.loss import dropped, unsaid_reply
from gateway.domain.parts import Media, Opaque, Part, Text, ToolResult
from gateway.domain.reply import Finish, Stop
from gateway.domain.request import Role
from gateway.fronts.base import Rendered
from gateway.wire.json import encode
from gateway.wire.openai_responses.items import sealed_behind, split, write_item
from gateway.wire.openai_responses.names import (
    DEFAULTS,
    PROTOCOL,
    form_of,
    own,
    said,
)
from gateway.wire.openai_responses.namespaces import apart, namespaced
from gateway.wire.openai_responses.outcome import write_status
from gateway.wire.openai_responses.response import unfolded
from gateway.wire.openai_responses.settings import (
    write_choice,
    write_format,
    write_reasoning,
    write_tools,
)
from gateway.wire.openai_responses.usage import write_usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.domain.loss import Loss
    from gateway.domain.reply import Choice, Json, Reply
    from gateway.domain.request import Request
    from gateway.fronts.base import Context
    from gateway.wire.openai_responses.namespaces import Names

# How a response that failed for no reason that was told is said to have failed.
NO_REASON = {
    "code": "server_error",
    "message": "the model's answer ended in an error",
}


def write_reply(reply: Reply, context: Context) -> Rendered:
    """Return the body of a whole answer."""
    losses = list(unsaid_reply(reply, PROTOCOL))
    if len(reply.choices) > 1:
        losses.append(dropped("choices[1]", "a response has one choice"))
    json = head(context, reply.id, reply.model, reply.created, own(reply.extras))
    for choice in reply.choices[:1]:
        json["output"] = _write_output(choice, context, losses)
    finish = reply.choices[0].finish if reply.choices else None
    json["usage"] = None if reply.usage is None else write_usage(reply.usage)
    finished(json, finish, own_words=PROTOCOL in reply.extras)
    return Rendered(encode(json), json, tuple(losses))


def spaces_of(context: Context) -> dict[str, Names]:
    """Return which of the tools that the client offered stand in a namespace."""
    return {} if context.request is None else namespaced(context.request.tools)


def head(
    context: Context,
    name: str | None,
    model: str | None,
    created: int | None,
    words: dict[str, Json],
) -> dict[str, Json]:
    """
    Return a response that has just begun.

    Args:
        name: the provider's name for it.
        words: the members of this dialect that came with it; without any, it
            repeats what the client asked.
    """
    repeated = unfolded(words) if words else repeat(context.request)
    json = {
        # The store, and clients, tell a response by how its id begins.
        "id": (name if words else None) or f"resp_{context.name}",
        "object": "response",
        "created_at": context.created if created is None else created,
        **repeated,
        "status": "in_progress",
        "output": [],
        "usage": None,
    }
    if model is not None or not words:
        json["model"] = model or context.ask.model
    return json


def finished(json: dict[str, Json], finish: Finish | None, *, own_words: bool) -> None:
    """Set in *json* how the response ended."""
    if finish is None and own_words:
        del json["status"]
        return
    json["status"], details = write_status(finish or Finish(Stop.OTHER), json["output"])
    if details is not None or not own_words:
        json["incomplete_details"] = details
    if json["status"] == "failed":
        json["error"] = NO_REASON


def repeat(request: Request | None) -> dict[str, Json]:
    """Return what a response repeats of its *request*, as the client said it."""
    json: dict[str, Json] = {**DEFAULTS, "error": None, "incomplete_details": None}
    if request is None:
        return json
    words = said(request.extras) | form_of(request.extras)
    json |= {k: words[k] for k in DEFAULTS if words.get(k) is not None}
    named = ("prompt", "prompt_cache_options", "prompt_cache_retention")
    json |= {k: words[k] for k in named if k in words}
    conversation = words.get("conversation")
    if conversation is not None:
        by_name = isinstance(conversation, str)
        json["conversation"] = {"id": conversation} if by_name else conversation
    sampling = request.sampling
    known: dict[str, Json] = {
        "instructions": _instructions(request),
        "max_output_tokens": sampling.max_tokens,
        "metadata": request.metadata,
        "parallel_tool_calls": request.parallel_tools,
        "service_tier": request.service_tier,
        "temperature": sampling.temperature,
        "top_logprobs": sampling.top_logprobs,
        "top_p": sampling.top_p,
        "user": request.user,
    }
    json |= {k: v for k, v in known.items() if v is not None}
    json["reasoning"] = {**DEFAULTS["reasoning"], **write_reasoning(request.reasoning)}
    json["tools"] = write_tools(request.tools)
    if request.tool_choice is not None:
        json["tool_choice"] = write_choice(request.tool_choice, request.tools)
    json["text"] = {**DEFAULTS["text"]}
    if request.output_format is not None:
        json["text"]["format"] = write_format(request.output_format)
    if sampling.verbosity is not None:
        json["text"]["verbosity"] = sampling.verbosity
    return json


def _instructions(request: Request) -> str | None:
    for turn in request.turns[:1]:
        placed = form_of(turn.extras).get("place") == "instructions"
        if turn.role is Role.SYSTEM and placed:
            return "".join(p.text for p in turn.parts if isinstance(p, Text))
    return None


def _write_output(choice: Choice, context: Context, losses: list[Loss]) -> list[Json]:
    output: list[Json] = []
    name, spaces = context.name, spaces_of(context)
    for parts in split(apart(part, spaces) for part in _sayable(choice, losses)):
        output.append(write_item(parts, f"{name}{len(output)}"))
        behind = sealed_behind(parts[-1], f"{name}{len(output)}")
        if behind is not None:
            output.append(behind)
    return output


def _sayable(choice: Choice, losses: list[Loss]) -> Iterator[Part]:
    for i, part in enumerate(choice.parts):
        why = unsayable(part)
        if why is None:
            yield part
        else:
            losses.append(dropped(f"choices[0].parts[{i}]", why))
        losses += uncited(part, f"choices[0].parts[{i}]")


def unsayable(part: Part) -> str | None:
    """Return why a response cannot hold *part*, or ``None``."""
    match part:
        case Opaque(origin=origin) if origin != PROTOCOL:
            return f"only {origin} knows it"
        case Media(kind="image") if part.data:
            return None
        case Media() | ToolResult():
            return "no item of a response holds one"
        case _:
            return None


def uncited(part: Part, path: str) -> Iterator[Loss]:
    """Yield the losses of sources that have no URL, which is all we can say."""
    for i, citation in enumerate(part.citations if isinstance(part, Text) else ()):
        if citation.url is None and PROTOCOL not in citation.extras:
            yield dropped(f"{path}.citations[{i}]", "annotations need a URL")
