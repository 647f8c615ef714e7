"""
Acme, a provider that speaks protocols which the gateway knows.

Nothing here runs per request: the gateway does the rest. Acme is made up; yours is
written from the pages that ``docs`` names.
"""

from __future__ import annotations

from connectors import anthropic, openai_chat
from connectors.auth import api_key_header, bearer
from gateway.plugin import Connector

__all__ = ["ACME"]

ACME = Connector(
    name="acme",
    title="Acme",
    base_url="https://api.acme.example/v1",
    auth=bearer,
    key_env=("ACME_API_KEY",),
    # The first is the one that clients of other protocols are translated to.
    speaks=(
        openai_chat.DIALECT.only("chat", "embeddings"),
        # Below a path of its own, and with the key in another header.
        anthropic.DIALECT.only("chat").at(
            "/anthropic", auth=api_key_header("x-api-key")
        ),
    ),
    quirks=("Acme keeps no conversations.",),
    docs="https://acme.example/docs/api",
)
