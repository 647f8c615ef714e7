"""
The response object, and what of it only repeats the request.

Source: https://platform.openai.com/docs/api-reference/responses/object
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.wire.openai_responses.names import DEFAULTS, FORM, extras_of

if TYPE_CHECKING:
    from gateway.domain.parts import Extras
    from gateway.domain.reply import Json

# These are modelled.
_MODELLED = ("id", "model", "created_at", "output", "usage", "status")
# The request's own words, and bookkeeping: a client of another dialect loses nothing.
_REPEATED = frozenset(
    {
        *DEFAULTS,
        *("billing", "completed_at", "conversation", "error", "frequency_penalty"),
        *("incomplete_details", "input_transformations", "object", "output_text"),
        *("presence_penalty", "prompt", "prompt_cache_options"),
        *("prompt_cache_retention", "tool_usage"),
    }
    - {"service_tier"}
)
# The tier is what was really used; these say nothing.
_USUAL = ("auto", "default", None)


def beside_output(response: dict[str, Json]) -> dict[str, Json]:
    """Return the members of a *response* that are not modelled, by their kind."""
    members: dict[str, Json] = {}
    form: dict[str, Json] = {}
    for name, json in response.items():
        if name == "object" and json == "response":
            continue
        if name not in _MODELLED:
            plain = name in _REPEATED or (name == "service_tier" and json in _USUAL)
            (form if plain else members)[name] = json
    return {**members, FORM: form}


def reply_extras(response: dict[str, Json]) -> Extras:
    """Return the same as ``extras``; they tell a reply of this dialect."""
    return extras_of(beside_output(response))


def unfolded(members: dict[str, Json]) -> dict[str, Json]:
    """Return what `beside_output` sorted, in one."""
    form = members.get(FORM, {})
    return {**form, **{k: v for k, v in members.items() if k != FORM}}
