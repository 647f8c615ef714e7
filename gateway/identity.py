"""
Which application asks: the headers in which providers look for that.

Source: https://openrouter.ai/docs/app-attribution
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen

import gateway

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.settings import Identity, IdentityHeader

Headers = dict[str, str]

OWN_USER_AGENT = f"sluicegate/{gateway.__version__}"
# The first is the one that we send; the others are read and passed on as well.
USER_AGENT = ("user-agent",)
REFERER = ("http-referer",)
TITLE = ("x-title", "x-openrouter-title")


def fit(value: str) -> bool:
    """
    Tell whether a caller's value may stand in a header of ours.

    A line break would begin another header, and the rest shows up nowhere.
    """
    return value.isprintable()


def user_agent(rules: Identity) -> str:
    """Return the one of requests on nobody's behalf; and of all, unless passed on."""
    rule = rules.user_agent
    own = rule.value if rule.mode != "passthrough" else None
    return own or OWN_USER_AGENT


def passed(rules: Identity) -> tuple[str, ...]:
    """Return which of a caller's headers go through, in small letters."""
    rows = _rows(rules)
    return tuple(n for rule, names in rows if rule.mode != "override" for n in names)


def always(rules: Identity) -> Headers:
    """Return what is sent whatever the caller says; the session has the agent."""
    return _values(rules, "override")


def otherwise(rules: Identity) -> Headers:
    """Return what is sent where the caller says nothing."""
    return _values(rules, "default")


def _values(rules: Identity, mode: str) -> Headers:
    return {
        names[0]: rule.value
        for rule, names in _rows(rules)
        if rule.mode == mode and rule.value is not None and names is not USER_AGENT
    }


def _rows(rules: Identity) -> tuple[tuple[IdentityHeader, tuple[str, ...]], ...]:
    return (
        (rules.user_agent, USER_AGENT),
        (rules.referer, REFERER),
        (rules.title, TITLE),
    )


@frozen
class CallerIdentity:
    """
    A `gateway.plugin.Identity`: what one backend tells about who asks it now.

    Attributes:
        rules: the backend's.
        caller: the headers of the request that is being served.
    """

    rules: Identity
    caller: Mapping[str, str] = field(factory=dict, repr=False)

    def get_resolved_headers(self, incoming: Mapping[str, str] | None) -> Headers:
        """Return those that have a value, as their names are usually written."""
        given = self.caller if incoming is None else incoming
        said = {name.lower(): value for name, value in given.items() if fit(value)}
        rules = self.rules
        resolved = {
            "User-Agent": _resolved(rules.user_agent, USER_AGENT, said)
            or user_agent(rules),
            "HTTP-Referer": _resolved(rules.referer, REFERER, said),
            "X-Title": _resolved(rules.title, TITLE, said),
        }
        return {name: value for name, value in resolved.items() if value}


def _resolved(
    rule: IdentityHeader, names: tuple[str, ...], said: Mapping[str, str]
) -> str | None:
    if rule.mode == "override":
        return rule.value
    found = next((said[name] for name in names if said.get(name)), None)
    return found or (rule.value if rule.mode == "default" else None)
