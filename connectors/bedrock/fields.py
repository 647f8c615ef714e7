"""
How a model is to draw and to think: Converse's own members, and the makers' words.

Claude's rules (which models take a temperature, a budget or an effort, and what
excludes what) are those of Anthropic's own API, and are not said twice.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InferenceConfiguration.html
and the pages that `connectors.bedrock.models` names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, evolve, field

from connectors.anthropic.translator import TRANSLATOR
from connectors.bedrock.models import family_of
from gateway.domain.loss import Loss, approximate, dropped, refused
from gateway.domain.parts import Signature, Text, Thinking, ToolCall, ToolResult
from gateway.domain.request import Request, Role, Turn
from gateway.wire.anthropic import PROTOCOL as ANTHROPIC
from gateway.wire.bedrock import PROTOCOL
from gateway.wire.effort import effort_of

if TYPE_CHECKING:
    from gateway.domain.reply import Json
    from gateway.domain.request import Reasoning, Sampling

# Nova's and OpenAI's words, and what comes next to others'.
_EFFORTS = ("low", "medium", "high")
_NEAREST = {"minimal": "low", "xhigh": "high", "max": "high"}
# What Converse has no member for, whatever the model.
_UNKNOWN = (
    *("seed", "presence_penalty", "frequency_penalty"),
    *("logprobs", "top_logprobs", "verbosity"),
)
# Of these members what says nothing.
_USUAL = (0, False, "medium")
# Of those OpenAI's models take these, as in their own API.
_OPENAI = ("seed", "presence_penalty", "frequency_penalty")


@define
class Fields:
    """
    Attributes:
        config: ``inferenceConfig``.
        additional: ``additionalModelRequestFields``.
        effort: of ``outputConfig``.
    """

    config: dict[str, Json] = field(factory=dict)
    additional: dict[str, Json] = field(factory=dict)
    effort: str | None = None


def write_fields(request: Request, losses: list[Loss]) -> Fields:
    """Return where the request's numbers stand, for its model."""
    family = family_of(request.model)
    sampling = request.sampling
    fields = Fields()
    if sampling.n is not None and sampling.n > 1:
        losses.append(refused("sampling.n", "Bedrock gives one answer"))
    if family == "claude":
        _claude(request, fields, losses)
        return fields
    _config(sampling, fields, losses)
    for name in _UNKNOWN:
        value = getattr(sampling, name)
        if value is None or (name != "seed" and value in _USUAL):
            continue
        if family == "openai" and name in _OPENAI:
            fields.additional[name] = value
        else:
            losses.append(dropped(f"sampling.{name}", f"Bedrock has no {name}"))
    if sampling.top_k is not None:
        if family in ("nova", "nova2"):
            fields.additional["inferenceConfig"] = {"topK": sampling.top_k}
        else:
            losses.append(dropped("sampling.top_k", "of this model Bedrock has none"))
    _reasoning(request.reasoning, family, fields, losses)
    return fields


def _config(sampling: Sampling, fields: Fields, losses: list[Loss]) -> None:
    config = fields.config
    if sampling.max_tokens is not None:
        config["maxTokens"] = sampling.max_tokens
    for name, member in (("temperature", "temperature"), ("top_p", "topP")):
        if (value := getattr(sampling, name)) is not None:
            config[member] = min(max(value, 0), 1)
            if config[member] != value:
                losses.append(approximate(f"sampling.{name}", "Bedrock's is 0 to 1"))
    stops = [stop for stop in sampling.stop if stop.strip()]
    if len(stops) < len(sampling.stop):
        why = "Bedrock takes none that is only white space"
        losses.append(refused("sampling.stop", why))
    if stops:
        config["stopSequences"] = stops


def _reasoning(
    reasoning: Reasoning, family: str, fields: Fields, losses: list[Loss]
) -> None:
    off = reasoning.effort == "none" or reasoning.budget == 0
    off = off or reasoning.enabled is False
    asked = (reasoning.effort, reasoning.budget, reasoning.enabled)
    if reasoning.summary is not None:
        why = "Bedrock shows of the thoughts what the model shows"
        losses.append(dropped("reasoning.summary", why))
    if off and family == "nova2":
        fields.additional["reasoningConfig"] = {"type": "disabled"}
    elif off and family == "openai":
        losses.append(approximate("reasoning", "the model always thinks: a little"))
        fields.additional["reasoning_effort"] = "low"
    elif off:
        losses.append(dropped("reasoning", "how is unknown for this model"))
    elif any(one is not None for one in asked):
        _effort(reasoning, family, fields, losses)


def _effort(
    reasoning: Reasoning, family: str, fields: Fields, losses: list[Loss]
) -> None:
    if family not in ("nova2", "openai"):
        losses.append(dropped("reasoning", "how is unknown for this model"))
        return
    word = reasoning.effort
    if word is None:
        budget = reasoning.budget
        word = "medium" if budget is None or budget < 0 else effort_of(budget)
        name = "reasoning" if budget is None else "reasoning.budget"
        losses.append(approximate(name, f"said as effort {word}"))
    near = _NEAREST.get(word, word)
    if near not in _EFFORTS:
        losses.append(dropped("reasoning.effort", "the model has no such word"))
        return
    if near != word:
        losses.append(approximate("reasoning.effort", f"said as {near}"))
    if family == "openai":
        fields.additional["reasoning_effort"] = near
    else:
        config = {"type": "enabled", "maxReasoningEffort": near}
        fields.additional["reasoningConfig"] = config


# -- Claude

_OF_THESE = ("sampling.", "reasoning")


def _claude(request: Request, fields: Fields, losses: list[Loss]) -> None:
    """Ask Anthropic's own writer, which knows the models."""
    asked = Request(
        request.model,
        turns=_essence(request),
        tool_choice=request.tool_choice,
        sampling=evolve(request.sampling, n=None),
        reasoning=evolve(request.reasoning, extras={}),
    )
    written = TRANSLATOR.write_request(asked)
    body = written.body
    limited = request.sampling.max_tokens is not None
    losses += (
        loss
        for loss in written.losses
        if loss.path.startswith(_OF_THESE)
        and (limited or loss.path != "sampling.max_tokens")
    )
    for name, member in (
        ("temperature", "temperature"),
        ("top_p", "topP"),
        ("stop_sequences", "stopSequences"),
    ):
        if body.get(name) is not None:
            fields.config[member] = body[name]
    if limited:
        fields.config["maxTokens"] = request.sampling.max_tokens
    for name in ("thinking", "top_k"):
        if body.get(name) is not None:
            fields.additional[name] = body[name]
    fields.effort = (body.get("output_config") or {}).get("effort")


def _essence(request: Request) -> tuple[Turn, ...]:
    """Return of the history what decides on thinking: who sealed the last thought."""
    turns = request.turns
    last = next((t for t in reversed(turns) if t.role is Role.ASSISTANT), None)
    if last is None or not turns:
        return ()
    parts = [part for part in last.parts if isinstance(part, ToolCall)]
    found = [Turn(Role.ASSISTANT, (*map(_sealed, last.parts[:1]), *parts))]
    if turns[-1] is not last:
        results = any(isinstance(part, ToolResult) for part in turns[-1].parts)
        role = Role.TOOL if results else Role.USER
        found.append(Turn(role, (ToolResult(""),) if results else (Text("-"),)))
    return tuple(found)


def _sealed(part: object) -> Thinking | Text:
    """Return a thought that this protocol brought as Anthropic's."""
    if isinstance(part, Thinking) and part.signature is not None:
        origin = part.signature.origin
        return Thinking("", Signature(ANTHROPIC if origin == PROTOCOL else origin, ""))
    return Text("-")
