"""
Token counts, which every compatible server reports a little differently.

Source: https://platform.openai.com/docs/api-reference/chat/object#usage
"""

from __future__ import annotations

from typing import Any

from gateway.domain.reply import Json, Usage


def read_usage(json: dict[str, Json]) -> Usage:
    """
    Split the dialect's overlapping counts into disjoint columns.

    ``prompt_tokens`` includes what came from and went into a cache. xAI counts
    reasoning beside ``completion_tokens``, everybody else inside; only the
    total tells.
    """
    prompt = _count(json, "prompt_tokens")
    output = _count(json, "completion_tokens")
    inside = json.get("prompt_tokens_details")
    cached = _count(inside, "cached_tokens")
    if cached is None:  # DeepSeek; Together
        cached = _count(json, "prompt_cache_hit_tokens")
    if cached is None:
        cached = _count(json, "cached_tokens")
    written = _count(inside, "cache_write_tokens")  # OpenRouter
    reasoning = _count(json.get("completion_tokens_details"), "reasoning_tokens")
    if prompt is not None and output is not None and reasoning:
        outside = _count(json, "total_tokens") == prompt + output + reasoning
        output += reasoning if outside else 0
    fresh = None if prompt is None else prompt - (cached or 0) - (written or 0)
    return Usage(fresh, cached, written, output, reasoning, raw=json)


def write_usage(usage: Usage) -> dict[str, Json]:
    """Return the provider's own object where it says the same, or else a new one."""
    raw = usage.raw
    if isinstance(raw, dict) and "prompt_tokens" in raw and read_usage(raw) == usage:
        return raw
    prompt, output = usage.input_total or 0, usage.output or 0
    json: dict[str, Json] = {
        "prompt_tokens": prompt,
        "completion_tokens": output,
        "total_tokens": prompt + output,
    }
    cached = {
        "cached_tokens": usage.cache_read,
        "cache_write_tokens": usage.cache_write,
    }
    if inside := {name: n for name, n in cached.items() if n is not None}:
        json["prompt_tokens_details"] = inside
    if usage.reasoning is not None:
        json["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning}
    return json


def _count(json: Any, name: str) -> int | None:
    value = json.get(name) if isinstance(json, dict) else None
    if value is None or type(value) is int:
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value)
