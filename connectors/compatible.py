"""
Providers and servers that speak known protocols: one declaration each.

Each was written from the page that its ``docs`` names, and lists every protocol
that the provider speaks itself, so that clients of that protocol are passed on
untouched. The first is the one that others are translated to. Where a protocol
needs a page of its own, a comment names it.
"""

from __future__ import annotations

from connectors import (
    anthropic,
    cohere,
    gemini,
    ollama,
    openai_chat,
    openai_responses,
)
from connectors.auth import api_key_header, bearer
from gateway.plugin import Connector

CHAT = openai_chat.DIALECT
MESSAGES = anthropic.DIALECT.only("chat")
COUNTING_MESSAGES = anthropic.DIALECT
# Without the answers that a provider keeps: of these only OpenAI keeps any for
# others to ask for.
RESPONSES = openai_responses.DIALECT.only("chat")

OPENAI = Connector(
    name="openai",
    base_url="https://api.openai.com/v1",
    key_env=("OPENAI_API_KEY",),
    auth=bearer,
    speaks=(
        openai_chat.OPENAI_DIALECT,
        openai_responses.DIALECT.at("", stores=True),
    ),
    docs="https://platform.openai.com/docs/api-reference",
)

# https://openrouter.ai/docs/api/api-reference/anthropic-messages/create-messages,
# https://openrouter.ai/docs/api/api-reference/responses/create-responses
OPENROUTER = Connector(
    name="openrouter",
    base_url="https://openrouter.ai/api/v1",
    key_env=("OPENROUTER_API_KEY",),
    auth=bearer,
    speaks=(openai_chat.OPENROUTER_DIALECT, RESPONSES, MESSAGES),
    docs="https://openrouter.ai/docs/api-reference/overview",
)

# https://console.groq.com/docs/responses-api: it keeps no answers
GROQ = Connector(
    name="groq",
    base_url="https://api.groq.com/openai/v1",
    key_env=("GROQ_API_KEY",),
    auth=bearer,
    speaks=(CHAT.only("chat"), RESPONSES),
    docs="https://console.groq.com/docs/api-reference",
)

# https://api-docs.deepseek.com/guides/anthropic_api,
# https://api-docs.deepseek.com/guides/responses_api; "/v1" is understood before the
# paths of the first two, and not the documented form.
DEEPSEEK = Connector(
    name="deepseek",
    base_url="https://api.deepseek.com",
    key_env=("DEEPSEEK_API_KEY",),
    auth=bearer,
    speaks=(
        CHAT.only("chat").at("", version=""),
        RESPONSES.at("", version=""),
        MESSAGES.at("/anthropic/v1", version="", auth=api_key_header("x-api-key")),
    ),
    docs="https://api-docs.deepseek.com",
)

# https://docs.together.ai/docs/inference/messages-api,
# https://docs.together.ai/docs/inference/responses-api
TOGETHER = Connector(
    name="together",
    base_url="https://api.together.ai/v1",
    key_env=("TOGETHER_API_KEY", "TOGETHERAI_API_KEY"),
    auth=bearer,
    speaks=(CHAT, RESPONSES, MESSAGES),
    docs="https://docs.together.ai/docs/inference/openai-compatibility",
)

# Its own protocol comes first: there thinking can be turned off and down, and
# pictures need no detour. It has no version, so the address may have one or none.
# https://docs.ollama.com/api/anthropic-compatibility,
# https://docs.ollama.com/api/openai-compatibility (with Responses)
OLLAMA = Connector(
    name="ollama",
    base_url="http://127.0.0.1:11434",
    key_env=("OLLAMA_API_KEY",),
    key_optional=True,
    auth=bearer,
    speaks=(ollama.DIALECT, CHAT, RESPONSES, MESSAGES),
    ports=(11434,),
    models_path="/v1/models",
    docs="https://docs.ollama.com/api",
)

# Its events of Responses lack ``output_index``, without which OpenAI's SDK raises over
# a stream; translated to chat they have it. So that protocol is only for who asks.
LLAMA_CPP = Connector(
    name="llama.cpp",
    base_url="http://127.0.0.1:8080/v1",
    key_env=("LLAMA_API_KEY",),
    key_optional=True,
    auth=bearer,
    speaks=(CHAT, COUNTING_MESSAGES),
    optional=(RESPONSES,),
    ports=(8080,),
    docs="https://github.com/ggml-org/llama.cpp/tree/master/tools/server",
)

# https://docs.vllm.ai/en/latest/serving/online_serving/anthropic_compatible_server
VLLM = Connector(
    name="vllm",
    base_url="http://127.0.0.1:8000/v1",
    key_env=("VLLM_API_KEY",),
    key_optional=True,
    auth=bearer,
    speaks=(CHAT, RESPONSES, COUNTING_MESSAGES),
    ports=(8000,),
    docs="https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
)

# https://lmstudio.ai/docs/developer/anthropic-compat
LM_STUDIO = Connector(
    name="lmstudio",
    base_url="http://127.0.0.1:1234/v1",
    key_env=("LM_API_TOKEN",),
    key_optional=True,
    auth=bearer,
    speaks=(CHAT, RESPONSES, MESSAGES),
    ports=(1234,),
    docs="https://lmstudio.ai/docs/developer/openai-compat",
)

# A private endpoint by configuration alone; it has no address of its own. Its
# ``extra: {speaks: [...]}`` may name any of these protocols. The key of its Messages
# is a bearer token, as the servers that offer them (vLLM, LM Studio) have it.
OPENAI_COMPATIBLE = Connector(
    name="openai-compatible",
    base_url="",
    key_optional=True,
    auth=bearer,
    speaks=(CHAT,),
    optional=(
        openai_responses.DIALECT,
        COUNTING_MESSAGES,
        gemini.DIALECT.at("", auth=api_key_header("x-goog-api-key")),
        ollama.DIALECT,
        cohere.DIALECT,
    ),
)
