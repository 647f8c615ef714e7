"""
A request, from the domain to Cohere's chat, version 2.

Source: https://docs.cohere.com/reference/chat, with the ranges of its numbers;
https://docs.cohere.com/docs/reasoning, https://docs.cohere.com/docs/tool-use
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.cohere.messages import write_messages
from connectors.cohere.schema import unknown
from connectors.plain import offered, unoffered, unsaid_of, write_function
from gateway.domain.custom import without_custom
from gateway.domain.loss import approximate, dropped, refused, unsaid
from gateway.domain.request import Tool
from gateway.plugin import Written
from gateway.wire.cohere import PROTOCOL
from gateway.wire.effort import budget_of

if TYPE_CHECKING:
    from gateway.domain.loss import Loss
    from gateway.domain.reply import Json
    from gateway.domain.request import OutputFormat, Reasoning, Request, Sampling

# Member of `Sampling`: Cohere's name, and the least and the most it takes. OpenAI's
# clients use more (a temperature of up to 2), and would get an error.
NUMBERS: dict[str, tuple[str, float, float]] = {
    "temperature": ("temperature", 0.0, 1.0),
    "top_p": ("p", 0.01, 0.99),
    "top_k": ("k", 0, 500),
    "presence_penalty": ("presence_penalty", 0.0, 1.0),
    "frequency_penalty": ("frequency_penalty", 0.0, 1.0),
}


def write_request(request: Request) -> Written:
    """
    Return the body.

    What ``extras["cohere"]`` holds at the top (``documents``, ``safety_mode``,
    ``citation_options``, ``priority``) is written back.
    """
    request, losses = without_custom(request, "Cohere")
    losses += unsaid_of(request, "Cohere")
    body: dict[str, Json] = {
        "model": request.model,
        "messages": write_messages(request, losses),
        "stream": request.stream,
    }
    body |= _write_tools(request, losses)
    body |= _write_sampling(request.sampling, losses)
    if thinking := _write_thinking(request.reasoning, losses):
        body["thinking"] = thinking
    if form := _write_format(request.output_format, losses):
        body["response_format"] = form
    losses += unsaid(request, PROTOCOL)
    own: dict[str, Json] = request.extras.get(PROTOCOL, {})
    return Written(body | own, tuple(losses))


def _write_tools(request: Request, losses: list[Loss]) -> dict[str, Json]:
    tools = offered(request, losses)
    choice = request.tool_choice
    if unoffered(choice, tools):
        why = "the tool that must be used is not offered"
        losses.append(refused("tool_choice", why))
    if not tools:
        return {}
    body: dict[str, Json] = {"tools": [write_function(tool) for tool in tools]}
    if any(tool.strict for tool in tools):
        body["strict_tools"] = True
        losses += (
            approximate(f"tools[{i}].strict", "Cohere is strict with all or none")
            for i, tool in enumerate(request.tools)
            if isinstance(tool, Tool) and not tool.strict
        )
    match choice.mode if choice is not None else "auto":
        case "none":
            body["tool_choice"] = "NONE"
        case "required":
            body["tool_choice"] = "REQUIRED"
        case "named":
            why = "no other tool is offered: Cohere cannot be told which to use"
            losses.append(approximate("tool_choice", why))
            body["tool_choice"] = "REQUIRED"
    return body


def _write_sampling(sampling: Sampling, losses: list[Loss]) -> dict[str, Json]:
    body: dict[str, Json] = {}
    for member, (name, least, most) in NUMBERS.items():
        if (value := getattr(sampling, member)) is not None:
            body[name] = min(max(value, least), most)
            if body[name] != value:
                why = f"Cohere takes {least} to {most}"
                losses.append(approximate(f"sampling.{member}", why))
    for name in ("max_tokens", "logprobs"):
        if (value := getattr(sampling, name)) is not None:
            body[name] = value
    if sampling.stop:
        body["stop_sequences"] = list(sampling.stop)
    if sampling.seed is not None and sampling.seed < 0:
        losses.append(dropped("sampling.seed", "Cohere takes none below 0"))
    elif sampling.seed is not None:
        body["seed"] = sampling.seed
    if sampling.top_logprobs:
        losses.append(dropped("sampling.top_logprobs", "Cohere has no others"))
    return body


def _write_thinking(reasoning: Reasoning, losses: list[Loss]) -> dict[str, Json]:
    budget = reasoning.budget
    if reasoning.effort is not None:
        budget = budget_of(reasoning.effort)
        if budget != 0:
            losses.append(approximate("reasoning.effort", "Cohere counts tokens"))
    if reasoning.enabled is False or budget == 0:
        return {"type": "disabled"}
    if budget is not None and budget > 0:
        return {"type": "enabled", "token_budget": budget}
    said = reasoning.enabled or budget is not None or reasoning.effort is not None
    return {"type": "enabled"} if said else {}


def _write_format(form: OutputFormat | None, losses: list[Loss]) -> dict[str, Json]:
    if form is None:
        return {}
    if form.kind == "text":
        return {"type": "text"}
    if form.description is not None:
        losses.append(dropped("output_format.description", "Cohere takes the schema"))
    if form.schema is None:
        return {"type": "json_object"}
    losses += unknown(form.schema)
    return {"type": "json_object", "json_schema": form.schema}
