"""
Which headers cross the gateway: what is not named here stays where it is.

A caller's credentials never reach an upstream and an upstream's cookies never
reach a caller, because neither is on a list.
"""

from __future__ import annotations

import random
import re
from email.utils import parsedate_to_datetime
from time import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# What we are is enough; with which version of what is nobody's business.
SERVER = "sluicegate"
REQUEST_ID = "x-request-id"
# The provider's own id for its answer; ours has the usual name.
UPSTREAM_REQUEST_ID = "x-upstream-request-id"
# What could not be said in the other dialect; see `gateway.losses`.
LOSS = "x-gateway-loss"
# A number of tokens is no count but a guess.
ESTIMATE = "x-gateway-estimate"

_TO_UPSTREAM = (
    "idempotency-key",
    "openai-beta",
    "traceparent",
    "tracestate",
    "http-referer",
    "x-title",
    "x-openrouter-title",
)

TO_CLIENT = frozenset(
    {
        "cf-ray",
        "openai-processing-ms",
        "openai-version",
        "request-id",
        "retry-after",
        "retry-after-ms",
        "x-generation-id",
        "x-groq-id",
        "x-should-retry",
    }
)
# Hugging Face has no x-, Mistral has "ratelimitbysize-".
_TO_CLIENT_PREFIXES = ("x-ratelimit", "ratelimit", "anthropic-ratelimit-")

_IDS = (UPSTREAM_REQUEST_ID, "request-id", "x-generation-id", "cf-ray")
_NUMBER = re.compile(r"\d{1,9}(?:\.\d{1,9})?")
_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


def to_upstream(headers: Mapping[str, str]) -> dict[str, str]:
    """Return those of a caller's *headers* that go to the upstream, in small."""
    kept = {name: headers[name] for name in _TO_UPSTREAM if name in headers}
    kept["content-type"] = headers.get("Content-Type", "application/json")
    return kept


def to_client(headers: Mapping[str, str]) -> dict[str, str]:
    """Return those of an upstream's *headers* that go to the caller."""
    kept = {}
    for name, value in headers.items():
        low = name.lower()
        if low in TO_CLIENT or low.startswith(_TO_CLIENT_PREFIXES):
            kept[low] = value
        elif low == REQUEST_ID:
            kept[UPSTREAM_REQUEST_ID] = value
    return kept


def upstream_id(kept: Mapping[str, str]) -> str | None:
    """Return, of what `to_client` kept, the name the provider's support asks for."""
    if not kept:
        return None
    for name in _IDS:
        if name in kept:
            return kept[name]
    return None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """
    Return after how many seconds another try makes sense, if *headers* say so.

    Source: RFC 9110, section 10.2.3; ``retry-after-ms`` is OpenAI's.
    """
    milliseconds = headers.get("retry-after-ms", "")
    if _NUMBER.fullmatch(milliseconds):
        return float(milliseconds) / 1000
    said = headers.get("Retry-After", "").strip()
    if _NUMBER.fullmatch(said):
        return float(said)
    try:
        moment = parsedate_to_datetime(said).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
    return max(0.0, moment - time())


def request_id(headers: Mapping[str, str]) -> str:
    """Return the caller's own id where it is a plain one, else a new one."""
    given = headers.get(REQUEST_ID)
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given
    # Unique is enough: nothing is protected by not knowing it.
    return f"req_{random.getrandbits(96):024x}"
