"""
Which headers cross the gateway: what is not named here stays where it is.

A caller's credentials never reach an upstream and an upstream's cookies never
reach a caller, because neither is on a list.
"""

from __future__ import annotations

import random
import re
from email.utils import parsedate_to_datetime
from functools import lru_cache
from time import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# What we are is enough; with which version of what is nobody's business.
SERVER = "sluicegate"
REQUEST_ID = "x-request-id"
# The provider's own id for its answer; ours has the usual name.
UPSTREAM_REQUEST_ID = "x-upstream-request-id"
# What could not be said in the other dialect; see `gateway.losses`.
LOSS = "x-gateway-loss"
# A number of tokens is no count but a guess.
ESTIMATE = "x-gateway-estimate"
# OpenAI's and Anthropic's SDKs would repeat any 5xx, were it not for this.
NO_RETRY = {"x-should-retry": "false"}

# Which of those that name the caller's application go, each backend says itself.
TO_UPSTREAM = (
    "idempotency-key",
    "openai-beta",
    "traceparent",
    "tracestate",
)

# By which providers' support finds a request, the best one first; `x-request-id`
# goes before all of them, by another name. Azure, AWS, Mistral, DeepSeek, Moonshot,
# NVIDIA and Cohere have their own; what is Cloudflare's says the least.
_IDS = (
    "request-id",
    "apim-request-id",
    "x-amzn-requestid",
    "mistral-correlation-id",
    "x-ds-trace-id",
    "msh-request-id",
    "nvcf-reqid",
    "x-debug-trace-id",
    "x-generation-id",
    "cf-ray",
)
_BEST_IDS = (UPSTREAM_REQUEST_ID, *_IDS)
# Never what speaks of the transport, nor whose account it is that pays.
TO_CLIENT = frozenset(
    {
        *_IDS,
        "openai-processing-ms",
        "openai-version",
        "retry-after",
        "retry-after-ms",
        "x-groq-id",
        "x-ms-region",
        "x-should-retry",
    }
)
# Hugging Face has no x-, Mistral has "ratelimitbysize-".
_TO_CLIENT_PREFIXES = ("x-ratelimit", "ratelimit", "anthropic-ratelimit-")

_JSON = "application/json"
_NUMBER = re.compile(r"\d{1,9}(?:\.\d{1,9})?")
_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


def to_upstream(
    headers: Mapping[str, str], names: Iterable[str] = TO_UPSTREAM
) -> dict[str, str]:
    """
    Return those of a caller's *headers* that go to the upstream, in small.

    What would break a head, or is no text, stays here.

    Args:
        names: of those that go, in small.
    """
    kept = {name: headers[name] for name in names if name in headers}
    if kept and not "".join(kept.values()).isprintable():
        kept = {name: value for name, value in kept.items() if value.isprintable()}
    content_type = headers.get("Content-Type", _JSON)
    kept["content-type"] = content_type if content_type.isprintable() else _JSON
    return kept


def to_client(headers: Mapping[str, str]) -> dict[str, str]:
    """Return those of an upstream's *headers* that go to the caller."""
    kept = {}
    for name, value in headers.items():
        passed = _passed(name)
        if passed is not None:
            kept[passed] = value
    return kept


@lru_cache(maxsize=1024)
def _passed(name: str) -> str | None:
    """Return by what name an upstream's header passes, if it does."""
    low = name.lower()
    if low in TO_CLIENT or low.startswith(_TO_CLIENT_PREFIXES):
        return low
    return UPSTREAM_REQUEST_ID if low == REQUEST_ID else None


def upstream_id(kept: Mapping[str, str]) -> str | None:
    """Return, of what `to_client` kept, the name the provider's support asks for."""
    if not kept:
        return None
    for name in _BEST_IDS:
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
