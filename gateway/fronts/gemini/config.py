"""
``generationConfig``: sampling, thinking, and the form of the answer.

Where the same can be said in two ways, ``None`` under the member's name in ``extras``
tells which one it was.

Source: https://ai.google.dev/api/generate-content#generationconfig
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.request import OutputFormat, Reasoning, Sampling
from gateway.fronts.fields import Fields, unacceptable, unexpected
from gateway.wire.gemini import extras_of, read_schema

if TYPE_CHECKING:
    from gateway.domain.reply import Json

LEVELS = ("minimal", "low", "medium", "high", "xhigh")


def read_sampling(config: Fields) -> Sampling:
    return Sampling(
        temperature=config.number("temperature"),
        top_p=config.number("topP"),
        top_k=_whole(config, "topK"),
        max_tokens=_whole(config, "maxOutputTokens", least=1),
        stop=_read_stop(config),
        n=_whole(config, "candidateCount", least=1),
        seed=_whole(config, "seed"),
        presence_penalty=config.number("presencePenalty"),
        frequency_penalty=config.number("frequencyPenalty"),
        logprobs=config.flag("responseLogprobs"),
        top_logprobs=_whole(config, "logprobs", least=0),
    )


def _whole(config: Fields, name: str, least: int | None = None) -> int | None:
    """Read an integer; Google's parser takes ``2.0`` for one."""
    value = config.number(name)
    if value is None:
        return None
    if value != int(value):
        raise unexpected(config.at(name), "an integer", value)
    if least is not None and value < least:
        expected = f"an integer from {least} up"
        raise unacceptable(config.at(name), expected, int(value))
    return int(value)


def _read_stop(config: Fields) -> tuple[str, ...]:
    stops = list(config.items("stopSequences"))
    for at, stop in stops:
        if not isinstance(stop, str):
            raise unexpected(at, "a string", stop)
    return tuple(stop for _, stop in stops)


def read_reasoning(config: Fields | None) -> Reasoning:
    """
    Read how much to think.

    A budget of 0 turns thinking off, and -1 leaves it to the model.

    Source: https://ai.google.dev/gemini-api/docs/thinking
    """
    if config is None:
        return Reasoning()
    mark: dict[str, Json] = {}
    shown = config.flag("includeThoughts")
    if shown is False:
        mark["includeThoughts"] = None
    level = config.text("thinkingLevel")
    if level is not None and level.lower() not in LEVELS:
        config.keep("thinkingLevel", level)
        level = None
    if level is not None:
        mark["thinkingLevel"] = None
    budget = _whole(config, "thinkingBudget", least=-1)
    if budget is not None:
        mark["thinkingBudget"] = None
    return Reasoning(
        effort=None if level is None else level.lower(),
        budget=None if budget == -1 else budget,
        enabled=None if budget is None else budget != 0,
        summary="auto" if shown else None,
        extras=extras_of(mark | config.rest()),
    )


def read_format(config: Fields) -> OutputFormat | None:
    """Read what the answer must look like: said in one of three ways."""
    mime = config.text("responseMimeType")
    openapi = config.object("responseSchema")
    schema = config.object("responseJsonSchema")
    newer = config.fields("responseFormat")
    text = None if newer is None else newer.fields("text")
    if text is not None:
        return _read_newer(text)
    if openapi is not None:
        marks = _of_mime(mime) | {"responseSchema": None}
        return OutputFormat("schema", read_schema(openapi), extras=extras_of(marks))
    if schema is not None:
        marks = _of_mime(mime) | {"responseJsonSchema": None}
        return OutputFormat("schema", schema, extras=extras_of(marks))
    match mime:
        case None:
            return None
        case "application/json":
            return OutputFormat("json")
        case "text/plain":
            return OutputFormat("text")
        case _:
            return OutputFormat("text", extras=extras_of({"responseMimeType": mime}))


def _of_mime(mime: str | None) -> dict[str, Json]:
    return {} if mime == "application/json" else {"responseMimeType": mime}


def _read_newer(text: Fields) -> OutputFormat:
    """Read ``responseFormat.text``, which is to replace the others."""
    mime, schema = text.text("mimeType"), text.object("jsonSchema")
    marks: dict[str, Json] = {"responseFormat": None}
    if mime is not None:
        marks["mimeType"] = mime
    if schema is not None:
        return OutputFormat("schema", schema, extras=extras_of(marks))
    json = mime is not None and "json" in mime.lower()
    return OutputFormat("json" if json else "text", extras=extras_of(marks))
