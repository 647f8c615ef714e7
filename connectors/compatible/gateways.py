"""Those that ask others: hosted gateways, and one's own."""

from __future__ import annotations

from connectors import gemini, openai_chat
from connectors.auth import bearer
from connectors.compatible.dialects import (
    CHAT,
    COUNTING_MESSAGES,
    MESSAGES,
    ONLY_CHAT,
    RESPONSES,
    X_API_KEY,
    rooted,
    speaking,
)
from connectors.openai_chat.words import OPENAI
from gateway.plugin import Connector

# https://openrouter.ai/docs/api/api-reference/anthropic-messages/create-messages,
# https://openrouter.ai/docs/api/api-reference/responses/create-responses
OPENROUTER = Connector(
    name="openrouter",
    title="OpenRouter",
    base_url="https://openrouter.ai/api/v1",
    key_env=("OPENROUTER_API_KEY",),
    auth=bearer,
    speaks=(openai_chat.OPENROUTER_DIALECT, RESPONSES, MESSAGES),
    docs="https://openrouter.ai/docs/api-reference/overview",
)

# https://docs.zenmux.ai/guide/quickstart names four protocols; Gemini's is below paths
# of Vertex AI, with the provider in them, and is left to chat.
# https://docs.zenmux.ai/api/anthropic/create-messages.html
ZENMUX = Connector(
    name="zenmux",
    title="ZenMux",
    base_url="https://zenmux.ai/api",
    key_env=("ZENMUX_API_KEY",),
    auth=bearer,
    instance=rooted,
    speaks=(
        ONLY_CHAT.at("/v1", version=""),
        RESPONSES.at("/v1", version=""),
        MESSAGES.at("/anthropic/v1", version="", auth=X_API_KEY),
    ),
    models_path="/v1/models",
    docs="https://docs.zenmux.ai/guide/quickstart",
    quirks=("Messages know the version `2023-06-01` only, and no `code_execution`.",),
)

# https://huggingface.co/docs/inference-providers/guides/responses-api
HUGGINGFACE = Connector(
    name="huggingface",
    title="Hugging Face Inference Providers",
    base_url="https://router.huggingface.co/v1",
    key_env=("HF_TOKEN", "HUGGINGFACE_API_KEY"),
    auth=bearer,
    speaks=(ONLY_CHAT, RESPONSES),
    docs="https://huggingface.co/docs/inference-providers/tasks/chat-completion",
    quirks=(
        "The token needs the permission to call Inference Providers.",
        "A model's name may end in that of a provider, such as `:cerebras`.",
    ),
)

# https://vercel.com/docs/ai-gateway/sdks-and-apis/openai-chat-completions,
# .../responses, .../anthropic-messages-api
VERCEL = Connector(
    name="vercel",
    title="Vercel AI Gateway",
    base_url="https://ai-gateway.vercel.sh/v1",
    key_env=("AI_GATEWAY_API_KEY", "VERCEL_AI_GATEWAY_API_KEY"),
    auth=bearer,
    speaks=(CHAT.only("chat", "embeddings"), RESPONSES, MESSAGES),
    docs="https://vercel.com/docs/ai-gateway/sdks-and-apis/openai-chat-completions",
)

# https://docs.litellm.ai/docs/proxy/user_keys, /docs/response_api,
# /docs/anthropic_unified, /docs/anthropic_count_tokens, /docs/generateContent
LITELLM = Connector(
    name="litellm",
    title="LiteLLM (proxy)",
    base_url="http://127.0.0.1:4000/v1",
    key_env=("LITELLM_PROXY_API_KEY", "LITELLM_API_KEY"),
    key_optional=True,
    auth=bearer,
    speaks=(CHAT, RESPONSES, COUNTING_MESSAGES),
    docs="https://docs.litellm.ai/docs/simple_proxy",
    quirks=("It is used only if it is configured, even where it runs.",),
)

SLUICEGATE = Connector(
    name="sluicegate",
    title="Sluicegate (another one)",
    base_url="http://127.0.0.1:8080/v1",
    key_env=("SLUICEGATE_API_KEY",),
    key_optional=True,
    auth=bearer,
    speaks=(
        speaking(
            CHAT,
            limit="max_completion_tokens",
            developer=True,
            allowed_tools=True,
            custom=True,
            efforts=OPENAI.efforts,
        ),
        RESPONSES,
        COUNTING_MESSAGES,
        gemini.DIALECT,
    ),
    docs="",
    quirks=(
        (
            "It must allow that requests come from another gateway:"
            " `server: {max_hops: 1}`."
        ),
        "It is used only if it is configured, even where it runs.",
    ),
)
