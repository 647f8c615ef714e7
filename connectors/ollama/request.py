"""
A request, from the domain to Ollama's ``/api/chat``.

Source: https://docs.ollama.com/api/chat, https://docs.ollama.com/capabilities
(thinking, vision, tool-calling, structured-outputs), and for the options
https://docs.ollama.com/modelfile#valid-parameters-and-values
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.ollama.messages import write_messages
from connectors.plain import offered, unsaid_of, write_function
from gateway.domain.custom import without_custom
from gateway.domain.loss import approximate, dropped, refused, unsaid
from gateway.plugin import Written
from gateway.wire.effort import effort_of
from gateway.wire.ollama import PROTOCOL

if TYPE_CHECKING:
    from gateway.domain.loss import Loss
    from gateway.domain.reply import Json
    from gateway.domain.request import OutputFormat, Reasoning, Request, Sampling

# Member of `Sampling`: option.
OPTIONS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "max_tokens": "num_predict",
    "seed": "seed",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
}
LEVELS = ("low", "medium", "high", "max")
NEAREST = {"minimal": "low", "xhigh": "high"}


def write_request(request: Request) -> Written:
    """
    Return the body; it always says whether to stream, which is the default here.

    What ``extras["ollama"]`` holds at the top (``keep_alive``, ``options``) is
    written back, its options beside those of the request.
    """
    request, losses = without_custom(request, "Ollama")
    losses += unsaid_of(request, "Ollama")
    own = dict(request.extras.get(PROTOCOL, {}))
    body: dict[str, Json] = {
        "model": request.model,
        "messages": write_messages(request, losses),
        "stream": request.stream,
    }
    if tools := _write_tools(request, losses):
        body["tools"] = tools
    if options := {**own.pop("options", {}), **_write_options(request.sampling)}:
        body["options"] = options
    body |= _write_logprobs(request.sampling)
    if (think := _write_think(request.reasoning, losses)) is not None:
        body["think"] = think
    if form := _write_format(request.output_format, losses):
        body["format"] = form
    losses += unsaid(request, PROTOCOL)
    return Written(body | own, tuple(losses))


def _write_tools(request: Request, losses: list[Loss]) -> list[Json]:
    tools = offered(request, losses)
    for i, tool in enumerate(request.tools):
        if getattr(tool, "strict", None):
            losses.append(dropped(f"tools[{i}].strict", "Ollama keeps to no schema"))
    choice = request.tool_choice
    match choice.mode if choice is not None else "auto":
        case "none":
            why = "no tool is offered: Ollama cannot be told to use none"
            losses.append(approximate("tool_choice", why))
            return []
        case "required" | "named":
            losses.append(refused("tool_choice", "Ollama cannot be made to use tools"))
    return [write_function(tool) for tool in tools]


def _write_options(sampling: Sampling) -> dict[str, Json]:
    options = {
        option: value
        for member, option in OPTIONS.items()
        if (value := getattr(sampling, member)) is not None
    }
    if sampling.stop:
        options["stop"] = list(sampling.stop)
    return options


def _write_logprobs(sampling: Sampling) -> dict[str, Json]:
    members = {"logprobs": sampling.logprobs, "top_logprobs": sampling.top_logprobs}
    return {name: value for name, value in members.items() if value is not None}


def _write_think(reasoning: Reasoning, losses: list[Loss]) -> bool | str | None:
    if reasoning.enabled is False or reasoning.effort == "none":
        return False
    if (word := reasoning.effort) is not None:
        if word in LEVELS:
            return word
        why = "Ollama knows low, medium, high and max"
        losses.append(approximate("reasoning.effort", why))
        return NEAREST.get(word, True)
    if (budget := reasoning.budget) is not None:
        losses.append(approximate("reasoning.budget", "Ollama knows levels only"))
        # Gemini's -1 leaves it to the model how much.
        return effort_of(budget) if budget > 0 else budget < 0
    return reasoning.enabled


def _write_format(form: OutputFormat | None, losses: list[Loss]) -> Json:
    if form is None or form.kind == "text":
        return None
    if form.description is not None:
        losses.append(dropped("output_format.description", "Ollama takes the schema"))
    if form.kind == "json" or form.schema is None:
        return "json"
    return form.schema
