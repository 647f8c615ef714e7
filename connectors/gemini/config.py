"""
``generationConfig``: sampling, thinking, and the form of the answer.

Source: https://ai.google.dev/api/generate-content#generationconfig
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.gemini.models import has_levels, levels
from gateway.domain.loss import approximate, dropped
from gateway.wire.effort import budget_of, effort_of
from gateway.wire.gemini import own, unheeded, write_schema

if TYPE_CHECKING:
    from gateway.domain.loss import Loss
    from gateway.domain.reply import Json
    from gateway.domain.request import OutputFormat, Reasoning, Request, Sampling

# Google: "The API will stop at the first appearance of a stop_sequence", up to 5.
MOST_STOPS = 5
_SAME = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "max_tokens": "maxOutputTokens",
    "n": "candidateCount",
    "seed": "seed",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "logprobs": "responseLogprobs",
    "top_logprobs": "logprobs",
}


def write_config(request: Request, losses: list[Loss]) -> dict[str, Json]:
    """Return the members of ``generationConfig``; *losses* grows."""
    config = _write_sampling(request.sampling, losses)
    thinking = _write_reasoning(request.reasoning, request.model, losses)
    if thinking:
        config["thinkingConfig"] = thinking
    if request.output_format is not None:
        config |= _write_format(request.output_format, losses)
    kept = own(request.extras).get("generationConfig")
    return _joined(config, kept) if isinstance(kept, dict) else config


def _joined(config: dict[str, Json], kept: dict[str, Json]) -> dict[str, Json]:
    """Return *config* with what no field of the domain took, inner objects too."""
    joined = dict(config)
    for name, json in kept.items():
        mine = joined.get(name)
        if isinstance(json, dict) and isinstance(mine, dict):
            joined[name] = _joined(mine, json)
        else:
            joined[name] = json
    return joined


def _write_sampling(sampling: Sampling, losses: list[Loss]) -> dict[str, Json]:
    config = {
        member: value
        for name, member in _SAME.items()
        if (value := getattr(sampling, name)) is not None
    }
    if sampling.stop:
        config["stopSequences"] = list(sampling.stop[:MOST_STOPS])
        if len(sampling.stop) > MOST_STOPS:
            why = f"Gemini takes {MOST_STOPS} stop sequences"
            losses.append(dropped("sampling.stop", why))
    if sampling.verbosity is not None:
        losses.append(dropped("sampling.verbosity", "Gemini has no such setting"))
    return config


def _write_reasoning(
    reasoning: Reasoning, model: str, losses: list[Loss]
) -> dict[str, Json]:
    """
    Return the ``thinkingConfig``.

    What came in Google's words goes out in them. Else the model's name says whether
    it takes a level (from Gemini 3 on) or a budget.
    """
    marks = own(reasoning.extras)
    config: dict[str, Json] = {}
    # Who turns thinking on elsewhere is shown it.
    thinks = reasoning.enabled is True and "thinkingBudget" not in marks
    if reasoning.summary not in (None, "none") or thinks:
        config["includeThoughts"] = True
    elif "includeThoughts" in marks:
        config["includeThoughts"] = False
    if reasoning.effort is not None and "thinkingLevel" in marks:
        config["thinkingLevel"] = reasoning.effort.upper()
    elif reasoning.effort is not None:
        config |= _write_effort(reasoning.effort, model, losses)
    elif has_levels(model) and "thinkingBudget" not in marks:
        config |= _as_level(reasoning, model, losses)
    elif reasoning.budget is not None:
        config["thinkingBudget"] = reasoning.budget
    elif reasoning.enabled is not None:
        config["thinkingBudget"] = -1 if reasoning.enabled else 0
    return config | {name: json for name, json in marks.items() if json is not None}


def _write_effort(effort: str, model: str, losses: list[Loss]) -> dict[str, Json]:
    if has_levels(model):
        level = _level(effort, model)
        if level != effort:
            why = "the nearest level that this model knows"
            losses.append(approximate("reasoning.effort", why))
        return {"thinkingLevel": level.upper()}
    budget = budget_of(effort)
    if budget is None:
        losses.append(dropped("reasoning.effort", "no budget is known for this word"))
        return {}
    losses.append(approximate("reasoning.effort", "this model thinks by a budget"))
    # No model takes more. Source: https://ai.google.dev/gemini-api/docs/thinking
    return {"thinkingBudget": min(budget, 24576)}


def _as_level(reasoning: Reasoning, model: str, losses: list[Loss]) -> dict[str, Json]:
    """Say a budget, or that thinking is off, to a model that takes levels."""
    if reasoning.enabled is False:
        level = levels(model)[0]
        why = "this model cannot be kept from thinking"
        losses.append(approximate("reasoning.enabled", why))
    elif reasoning.budget is not None:
        level = _level(effort_of(reasoning.budget), model)
        why = "this model thinks by levels"
        losses.append(approximate("reasoning.budget", why))
    else:
        return {}
    return {"thinkingLevel": level.upper()}


_ORDER = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


def _level(effort: str, model: str) -> str:
    """Return the level that is the nearest, and rather more than less."""
    known = levels(model)
    if effort in known or effort not in _ORDER:
        return effort if effort in known else known[-1]
    wanted = _ORDER.index(effort)
    return next((level for level in known if _ORDER.index(level) >= wanted), known[-1])


def _write_format(form: OutputFormat, losses: list[Loss]) -> dict[str, Json]:
    marks = own(form.extras)
    if "responseFormat" in marks:
        return {"responseFormat": {"text": _write_newer(form, marks)}}
    config: dict[str, Json] = {}
    mime = "text/plain" if form.kind == "text" else "application/json"
    if (said := marks.get("responseMimeType", mime)) is not None:
        config["responseMimeType"] = said
    if form.kind != "schema":
        return config
    if "responseSchema" in marks:
        return config | {"responseSchema": write_schema(form.schema)}
    for name in ("name", "description"):
        # A strict schema loses nothing: all are kept to.
        if getattr(form, name) is not None:
            why = "Gemini's schema of an answer has none"
            losses.append(dropped(f"output_format.{name}", why))
    if "responseJsonSchema" not in marks:
        for path, keyword in unheeded(form.schema, "output_format.schema"):
            losses.append(dropped(path, f"Gemini does not heed {keyword}"))
    if form.schema is not None:
        config["responseJsonSchema"] = form.schema
    return config


def _write_newer(form: OutputFormat, marks: dict[str, Json]) -> dict[str, Json]:
    text = {"mimeType": marks["mimeType"]} if "mimeType" in marks else {}
    return text if form.kind != "schema" else {**text, "jsonSchema": form.schema}
