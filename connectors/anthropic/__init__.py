"""
The Anthropic Messages protocol.

Source: https://platform.claude.com/docs/en/api/overview
"""

from __future__ import annotations

from connectors.auth import api_key_header
from gateway.plugin import Connector, Dialect, Translator
from gateway.wire.anthropic import PROTOCOL


def _translator() -> Translator:
    from connectors.anthropic.translator import TRANSLATOR

    return TRANSLATOR


DIALECT = Dialect(
    protocol=PROTOCOL,
    paths={"chat": "/messages", "count_tokens": "/messages/count_tokens"},
    translator=_translator,
    # The version whose members are written here: the one after it takes no
    # temperature, of no model. A caller who speaks this dialect sends its own.
    headers={"anthropic-version": "2023-06-01"},
    passes=("anthropic-version", "anthropic-beta"),
)

ANTHROPIC = Connector(
    name="anthropic",
    base_url="https://api.anthropic.com/v1",
    key_env=("ANTHROPIC_API_KEY",),
    auth=api_key_header("x-api-key"),
    speaks=(DIALECT,),
    models_path="/models?limit=1000",  # else it lists 20
    docs="https://platform.claude.com/docs/en/api/overview",
)
