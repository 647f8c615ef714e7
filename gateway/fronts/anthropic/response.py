"""
A whole answer, from the domain to the client's ``message``.

Source: https://platform.claude.com/docs/en/api/messages
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gateway.domain.loss import Loss, approximate, dropped, unsaid_reply
from gateway.domain.parts import Opaque, Refusal, Text, Thinking, ToolCall
from gateway.domain.reply import Choice, Finish, Stop
from gateway.fronts.base import Rendered
from gateway.wire.anthropic import PROTOCOL, own, write_finish, write_usage
from gateway.wire.anthropic.blocks import (
    whole_of,
    write_carrier,
    write_input,
    write_thinking,
)
from gateway.wire.anthropic.citations import write_citation
from gateway.wire.json import encode

if TYPE_CHECKING:
    from gateway.domain.parts import Part
    from gateway.domain.reply import Json, Reply
    from gateway.fronts.base import Context


def write_reply(reply: Reply, context: Context) -> Rendered:
    """
    Return the body of a whole answer.

    The dialect has one choice; of several the first is written.
    """
    losses = list(unsaid_reply(reply, PROTOCOL))
    losses += [
        dropped(f"choices[{i}]", "Anthropic has one choice")
        for i in range(1, len(reply.choices))
    ]
    choice = reply.choices[0] if reply.choices else Choice()
    content = [
        block
        for i, part in enumerate(choice.parts)
        for block in _blocks(part, f"choices[0].parts[{i}]", losses)
    ]
    finish = choice.finish or Finish(Stop.OTHER)
    refused = any(isinstance(part, Refusal) for part in choice.parts)
    json = {
        **write_head(reply.id, reply.model, context),
        "content": content,
        "stop_reason": write_stop(finish, refused=refused),
        "stop_sequence": finish.sequence,
        "usage": write_usage(reply.usage),
        **own(choice.extras),
        **own(reply.extras),
    }
    return Rendered(encode(json), json, tuple(losses))


def write_head(
    name: str | None, model: str | None, context: Context
) -> dict[str, Json]:
    """
    Return what an answer begins with.

    Claude Code gives sealed thoughts back only to the model whose name it asked
    for, so a provider who calls the model otherwise would never see its own.
    """
    if context.foreign:
        model = context.ask.model
    return {
        "id": name or f"msg_{context.name}",
        "type": "message",
        "role": "assistant",
        "model": model or context.ask.model,
    }


def write_stop(finish: Finish, *, refused: bool) -> str:
    """
    Return the ``stop_reason``.

    Args:
        refused: the answer holds words of refusal, which providers who have a
            part for them end like any other answer.
    """
    if refused and finish.stop is Stop.END:
        return "refusal"
    return write_finish(finish)


def write_start(part: Part) -> dict[str, Json] | None:
    """
    Return the block that *part* begins with, empty; ``None``: there is none.

    A thought without a seal has an empty one: clients' types require it.
    """
    match part:
        case Text() | Refusal():
            return {"type": "text", "text": "", **own(part.extras)}
        case Thinking():
            return {**write_thinking("", None), **own(part.extras)}
        case ToolCall(id=name, name=tool):
            head = {"type": "tool_use", "id": name, "name": tool, "input": {}}
            return {**head, **own(part.extras)}
        case Opaque(origin=origin, json=json) if origin == PROTOCOL:
            block: dict[str, Json] = json
            return block
        case _:
            return None


def losses_of(part: Part, at: str) -> Iterator[Loss]:
    """Yield what the beginning of *part* cannot say."""
    match part:
        case Refusal():
            yield approximate(at, "Anthropic has refusals as text")
        case ToolCall(custom=True):
            yield approximate(f"{at}.custom", "Anthropic's tools take JSON objects")
        case Opaque(origin=origin) if origin != PROTOCOL:
            yield dropped(at, f"only {origin} knows it")
        case Text() | Thinking() | ToolCall() | Opaque():
            pass
        case _:
            yield dropped(at, "Anthropic's answers hold no such part")


def _blocks(part: Part, at: str, losses: list[Loss]) -> Iterator[dict[str, Json]]:
    losses += losses_of(part, at)
    start = write_start(part)
    if start is None:
        return
    signature = getattr(part, "signature", None)
    if signature is not None and not isinstance(part, Thinking):
        yield write_carrier(signature, ahead=True)
    match part:
        case Text(text=text):
            yield {**start, "text": text, **_citations(part, at, losses)}
        case Refusal(text=text):
            yield {**start, "text": text}
        case Thinking(text=text):
            yield {**write_thinking(text, signature), **own(part.extras)}
        case ToolCall(input=text, custom=custom):
            json, whole = write_input(text, custom=custom)
            if not whole and not custom:
                losses.append(approximate(f"{at}.input", "it is no JSON object"))
            yield {**start, "input": json}
        case _:
            yield whole_of(start, getattr(part, "deltas", ()))


def _citations(part: Text, at: str, losses: list[Loss]) -> dict[str, Json]:
    if part.logprobs:
        losses.append(dropped(f"{at}.logprobs", "Anthropic has no logprobs"))
    written = [write_citation(citation) for citation in part.citations]
    known = [json for json in written if json is not None]
    if len(known) < len(written):
        losses.append(dropped(f"{at}.citations", "a source without a URL"))
    return {"citations": known} if known else {}
