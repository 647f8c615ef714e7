"""
A request, from the domain to the provider's JSON.

Source: https://platform.claude.com/docs/en/api/messages/create
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.anthropic.messages import write_conversation
from connectors.anthropic.models import Model, model_of
from connectors.anthropic.schema import write_schema
from connectors.anthropic.thinking import Thought, as_said, write_thinking
from connectors.anthropic.tools import write_choice, write_tools
from gateway.domain.custom import without_custom
from gateway.domain.loss import Loss, approximate, dropped, refused, unsaid
from gateway.plugin import Written
from gateway.wire.anthropic import PROTOCOL, own

if TYPE_CHECKING:
    from gateway.domain.reply import Json
    from gateway.domain.request import Request

# What ``/messages/count_tokens`` does not take.
_NOT_COUNTED = (
    *("max_tokens", "metadata", "service_tier", "stop_sequences", "stream"),
    *("temperature", "top_k", "top_p"),
)
_TIERS = {"auto": "auto", "default": "standard_only"}
_LONGEST_USER = 256


def write_request(request: Request) -> Written:
    """
    Write what is asked.

    What came in this very dialect is said as it was. What came in another is
    adapted to what the provider takes, and each change is a loss.
    """
    mine = PROTOCOL in request.extras
    model = Model() if mine else model_of(request.model)
    request, adapted = without_custom(request, "Anthropic")
    conversation = write_conversation(request)
    losses, said = conversation.losses, conversation.said
    losses += adapted
    body: dict[str, Json] = {**own(request.extras), "model": request.model}
    most = request.sampling.max_tokens
    if most is None and not mine:
        most = model.most
        why = f"Anthropic needs a limit: {most}"
        losses.append(approximate("sampling.max_tokens", why))
    tools = write_tools(request, losses, said)
    thought = as_said(request.reasoning)
    if not mine:
        thought = write_thinking(request, model, most or 0)
    losses += thought.losses
    members = {
        "max_tokens": most,
        "system": conversation.system,
        "messages": conversation.messages,
        "tools": tools or None,
        "tool_choice": write_choice(request, tools, losses),
        "thinking": thought.thinking,
        "metadata": _metadata(request, losses),
        "service_tier": _tier(request, losses),
        "stream": True if request.stream else None,
        **_format(request, thought, losses),
        **_sampling(request, model, thought, losses),
    }
    body |= {name: value for name, value in members.items() if value is not None}
    losses += unsaid(request, PROTOCOL, said)
    return Written(body, tuple(losses))


def write_count(request: Request) -> Written:
    """Write a request to count the tokens of what is asked."""
    written = write_request(request)
    if PROTOCOL in request.extras:
        return written
    body = {k: v for k, v in written.body.items() if k not in _NOT_COUNTED}
    losses = [
        loss for loss in written.losses if not loss.path.startswith(("sampling.",))
    ]
    return Written(body, tuple(losses))


def _sampling(
    request: Request, model: Model, thought: Thought, losses: list[Loss]
) -> dict[str, Json]:
    sampling = request.sampling
    drawn = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
    }
    if PROTOCOL not in request.extras:
        losses += _unknown(request)
        drawn = _drawn(drawn, model, thought, losses)
        stops = [stop for stop in sampling.stop if stop.strip()]
        if len(stops) < len(sampling.stop):
            why = "Anthropic takes none that is only white space"
            losses.append(refused("sampling.stop", why))
        return {**drawn, "stop_sequences": stops or None}
    return {**drawn, "stop_sequences": list(sampling.stop) or None}


def _drawn(
    drawn: dict[str, Json], model: Model, thought: Thought, losses: list[Loss]
) -> dict[str, Json]:
    """Return how tokens are drawn, as far as the model takes it."""
    said = {name: value for name, value in drawn.items() if value is not None}
    kept: dict[str, Json] = {}
    for name, value in said.items():
        at = f"sampling.{name}"
        if not model.samples:
            losses.append(dropped(at, "this model draws as it likes"))
        elif thought.on and not (name == "temperature" and value == 1):
            losses.append(dropped(at, "not while Anthropic thinks"))
        elif name == "top_p" and model.one_of_two and "temperature" in kept:
            losses.append(dropped(at, "this model takes a temperature or top_p"))
        elif name == "temperature" and value > 1:
            losses.append(approximate(at, "Anthropic's goes from 0 to 1"))
            kept[name] = 1
        else:
            kept[name] = value
    return kept


def _unknown(request: Request) -> list[Loss]:
    """Return a loss for each sampling member that this dialect does not have."""
    sampling = request.sampling
    asked = {
        "seed": sampling.seed is not None,
        "presence_penalty": bool(sampling.presence_penalty),
        "frequency_penalty": bool(sampling.frequency_penalty),
        "logprobs": bool(sampling.logprobs),
        "top_logprobs": bool(sampling.top_logprobs),
        "verbosity": sampling.verbosity not in (None, "medium"),
    }
    losses = [
        dropped(f"sampling.{name}", f"Anthropic has no {name}")
        for name, said in asked.items()
        if said
    ]
    if sampling.n is not None and sampling.n > 1:
        losses.append(refused("sampling.n", "Anthropic gives one answer"))
    return losses


def _format(request: Request, thought: Thought, losses: list[Loss]) -> dict[str, Json]:
    """Return ``output_config`` with the effort and the format in it."""
    config = {**(own(request.extras).get("output_config") or {})}
    if thought.effort is not None:
        config["effort"] = thought.effort
    form = request.output_format
    if form is None or form.kind == "text":
        return {"output_config": config or None}
    if form.kind == "json":
        why = "left to the prompt: Anthropic wants a schema"
        losses.append(approximate("output_format", why))
        return {"output_config": config or None}
    members = own(form.extras)
    schema = form.schema
    if PROTOCOL not in request.extras:
        schema, adapted = write_schema(schema, "output_format.schema")
        losses += adapted
        for name in ("name", "description"):
            if getattr(form, name) is not None:
                at = f"output_format.{name}"
                losses.append(dropped(at, "Anthropic's schemas have none"))
        if form.strict is False:
            why = "Anthropic always keeps to the schema"
            losses.append(approximate("output_format.strict", why))
    rest = {k: v for k, v in members.items() if k != "output_format"}
    json = {"type": "json_schema", "schema": schema, **rest}
    if "output_format" in members:
        return {"output_config": config or None, "output_format": json}
    return {"output_config": {**config, "format": json}}


def _metadata(request: Request, losses: list[Loss]) -> dict[str, Json] | None:
    if PROTOCOL not in request.extras:
        if request.metadata:
            losses.append(dropped("metadata", "Anthropic has none but the user"))
        if request.user is not None and len(request.user) > _LONGEST_USER:
            why = f"Anthropic takes {_LONGEST_USER} characters"
            losses.append(dropped("user", why))
            return None
    before = own(request.extras).get("metadata") or {}
    user = {} if request.user is None else {"user_id": request.user}
    return {**before, **user} or None


def _tier(request: Request, losses: list[Loss]) -> str | None:
    tier = request.service_tier
    if tier is None or PROTOCOL in request.extras:
        return tier
    word = _TIERS.get(tier)
    if word is None:
        losses.append(dropped("service_tier", "Anthropic has no such tier"))
    elif word != tier:
        losses.append(approximate("service_tier", f"said as {word}"))
    return word
