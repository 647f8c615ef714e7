"""The protocols as compatible servers offer them, and what they differ in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from connectors import anthropic, openai_chat, openai_responses
from connectors.auth import api_key_header
from connectors.edits import role
from connectors.openai_chat import translator
from connectors.openai_chat.words import Words

if TYPE_CHECKING:
    from gateway.plugin import Connector, Dialect, Given

CHAT = openai_chat.DIALECT
ONLY_CHAT = CHAT.only("chat")
# Without the answers that a provider keeps: of these only OpenAI's are asked for by
# their ids; the gateway keeps those of others itself.
RESPONSES = openai_responses.DIALECT.only("chat")
MESSAGES = anthropic.DIALECT.only("chat")
COUNTING_MESSAGES = anthropic.DIALECT

# How Anthropic's own clients send a key.
X_API_KEY = api_key_header("x-api-key")
# For who knows ``system`` only, and refuses the newer name of the same role.
OLD_ROLES = role("developer", "system")


def speaking(dialect: Dialect, **words: Any) -> Dialect:
    """Return a dialect of chat for servers that know these `Words`."""
    return evolve(dialect, translator=translator(Words(**words)))


def rooted(connector: Connector, given: Given) -> Connector:
    """
    Take any address from the provider's pages for the one that all begin at.

    For a `Connector.instance` whose dialects stand below paths of their own: people
    configure what they find in the page on their SDK, such as
    ``https://api.deepseek.com/anthropic``.
    """
    url = given.base_url.rstrip("/")
    for dialect in connector.speaks:
        prefix = _prefix(dialect)
        for end in (prefix, prefix.removesuffix("/v1")):
            if end and url.endswith(end):
                # The slash tells it from the connector's own address.
                return evolve(connector, base_url=f"{url.removesuffix(end)}/")
    return connector


_STANDARD = (CHAT, RESPONSES, MESSAGES)


def _prefix(dialect: Dialect) -> str:
    """Return the path that *dialect* stands below."""
    (usual,) = (d.paths for d in _STANDARD if d.protocol == dialect.protocol)
    return dialect.paths["chat"].removesuffix(usual["chat"])
