"""
Cohere: its own chat (version 2) and embeddings, and OpenAI's protocol.

The compatible endpoint takes chat clients' requests as they are; others are
translated to Cohere's own protocol, which says more: documents, citations, what
was cached, a budget for thinking.

Source: https://docs.cohere.com/reference/chat,
https://docs.cohere.com/docs/compatibility-api
"""

from __future__ import annotations

from connectors import openai_chat
from connectors.auth import bearer
from gateway.plugin import Connector, Dialect, Translator
from gateway.wire.cohere import PROTOCOL


def _translator() -> Translator:
    from connectors.cohere.translator import TRANSLATOR

    return TRANSLATOR


DIALECT = Dialect(
    protocol=PROTOCOL,
    paths={"chat": "/v2/chat", "embeddings": "/v2/embed"},
    version="",
    translator=_translator,
)

# The address has no version, for the two protocols' differ; Cohere's own SDK
# takes it without one, too.
COHERE = Connector(
    name="cohere",
    base_url="https://api.cohere.com",
    key_env=("CO_API_KEY", "COHERE_API_KEY"),
    auth=bearer,
    speaks=(
        DIALECT,
        openai_chat.DIALECT.only("chat", "embeddings").at(
            "/compatibility/v1", version=""
        ),
    ),
    models_path="/v1/models?page_size=1000",
    docs="https://docs.cohere.com/reference/chat",
)
