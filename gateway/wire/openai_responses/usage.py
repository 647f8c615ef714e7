"""Token counts, as this dialect adds them up."""

from __future__ import annotations

from typing import Any

from gateway.domain.reply import Json, Usage


def read_usage(json: dict[str, Json]) -> Usage:
    """
    Split the dialect's overlapping counts into disjoint columns.

    ``input_tokens`` includes what came from and went into a cache, and
    ``output_tokens`` the reasoning.
    """
    total = _count(json, "input_tokens")
    inside = json.get("input_tokens_details")
    cached = _count(inside, "cached_tokens")
    written = _count(inside, "cache_write_tokens")
    fresh = None if total is None else total - (cached or 0) - (written or 0)
    return Usage(
        fresh,
        cached,
        written,
        _count(json, "output_tokens"),
        _count(json.get("output_tokens_details"), "reasoning_tokens"),
        raw=json,
    )


def write_usage(usage: Usage) -> dict[str, Json]:
    """Return the counts: the provider's own object if it is of this dialect."""
    raw = usage.raw
    # Anthropic's counts have two of the names, but no total.
    if isinstance(raw, dict) and "total_tokens" in raw and read_usage(raw) == usage:
        return raw
    total, output = usage.input_total or 0, usage.output or 0
    return {
        "input_tokens": total,
        "input_tokens_details": {
            "cached_tokens": usage.cache_read or 0,
            "cache_write_tokens": usage.cache_write or 0,
        },
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning or 0},
        "total_tokens": total + output,
    }


def _count(json: Any, name: str) -> int | None:
    value: Any = json.get(name) if isinstance(json, dict) else None
    # Some servers count in fractions that are none; true and false are no counts.
    whole = isinstance(value, float) and value.is_integer()
    return int(value) if whole or type(value) is int else None
