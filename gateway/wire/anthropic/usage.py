"""
Token counts.

The columns are disjoint in this dialect, too. ``message_start`` has those of the
input, ``message_delta`` at the end has the sums of all; older models' and Vertex'
``message_delta`` has the output alone.

Source: https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from __future__ import annotations

from typing import Any

from gateway.domain.reply import Json, Usage


def read_usage(json: dict[str, Json]) -> Usage:
    return Usage(
        input=_count(json, "input_tokens"),
        cache_read=_count(json, "cache_read_input_tokens"),
        cache_write=_count(json, "cache_creation_input_tokens"),
        output=_count(json, "output_tokens"),
        reasoning=_count(json.get("output_tokens_details"), "thinking_tokens"),
        raw=json,
    )


def write_usage(usage: Usage | None) -> dict[str, Json]:
    """
    Return the object for a message; clients need both sums, known or not.

    What this provider itself reported goes back whole.
    """
    if usage is not None and _reported(usage):
        return {"input_tokens": 0, "output_tokens": 0, **usage.raw}
    usage = usage or Usage()
    json = {
        "input_tokens": usage.input or 0,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "output_tokens": usage.output or 0,
    }
    return _detailed(json, usage)


def write_delta_usage(usage: Usage, later: Usage | None) -> dict[str, Json]:
    """
    Return the object for the end of a stream: all that is known by then.

    Args:
        usage: what its beginning said.
        later: what has been reported since.
    """
    if later is not None and _reported(later):
        return {"output_tokens": 0, **later.raw}
    usage = usage.merged(later) if later is not None else usage
    columns = {
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
    }
    json = {name: count for name, count in columns.items() if count is not None}
    return _detailed({**json, "output_tokens": usage.output or 0}, usage)


def _reported(usage: Usage) -> bool:
    raw = usage.raw
    return isinstance(raw, dict) and bool(raw) and read_usage(raw) == usage


def _detailed(json: dict[str, Json], usage: Usage) -> dict[str, Json]:
    if usage.reasoning is not None:
        json["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    return json


def _count(json: Any, name: str) -> int | None:
    value = json.get(name) if isinstance(json, dict) else None
    return value if type(value) is int else None
