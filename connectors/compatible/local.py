"""Servers for a machine of one's own, and private endpoints."""

from __future__ import annotations

from connectors import cohere, gemini, ollama, openai_responses
from connectors.auth import api_key_header, bearer
from connectors.compatible.dialects import (
    CHAT,
    COUNTING_MESSAGES,
    MESSAGES,
    RESPONSES,
)
from connectors.edits import rename
from gateway.plugin import Connector

# Its own protocol comes first: there thinking can be turned off and down, and
# pictures need no detour. It has no version, so the address may have one or none.
# https://docs.ollama.com/api/anthropic-compatibility,
# https://docs.ollama.com/api/openai-compatibility (with Responses)
OLLAMA = Connector(
    name="ollama",
    title="Ollama",
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
    title="llama.cpp",
    base_url="http://127.0.0.1:8080/v1",
    key_env=("LLAMA_API_KEY",),
    key_optional=True,
    auth=bearer,
    speaks=(CHAT, COUNTING_MESSAGES),
    optional=(RESPONSES,),
    ports=(8080,),
    docs="https://github.com/ggml-org/llama.cpp/tree/master/tools/server",
    quirks=(
        "Its Responses cannot be streamed by OpenAI's SDK, so they are translated.",
    ),
)

# https://docs.vllm.ai/en/latest/serving/online_serving/anthropic_compatible_server
VLLM = Connector(
    name="vllm",
    title="vLLM",
    base_url="http://127.0.0.1:8000/v1",
    key_env=("VLLM_API_KEY",),
    key_optional=True,
    auth=bearer,
    speaks=(CHAT, RESPONSES, COUNTING_MESSAGES),
    ports=(8000,),
    docs="https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
)

# https://lmstudio.ai/docs/developer/anthropic-compat; the members of chat that it
# knows: https://lmstudio.ai/docs/developer/openai-compat/chat-completions
LM_STUDIO = Connector(
    name="lmstudio",
    title="LM Studio",
    base_url="http://127.0.0.1:1234/v1",
    key_env=("LM_API_TOKEN", "LMSTUDIO_API_KEY"),
    key_optional=True,
    auth=bearer,
    speaks=(
        CHAT.at(
            "", edits=(rename("max_completion_tokens", "max_tokens", of=("chat",)),)
        ),
        RESPONSES,
        MESSAGES,
    ),
    ports=(1234,),
    docs="https://lmstudio.ai/docs/developer/openai-compat",
    quirks=("In chat, `max_completion_tokens` is sent as `max_tokens`.",),
)

# https://docs.sglang.io/docs/basic_usage/anthropic_api; embeddings:
# https://docs.sglang.io/docs/basic_usage/openai_api_embeddings. Responses are not in
# the pages that were read.
SGLANG = Connector(
    name="sglang",
    title="SGLang",
    base_url="http://127.0.0.1:30000/v1",
    key_env=("SGLANG_API_KEY",),
    key_optional=True,
    auth=bearer,
    speaks=(CHAT, COUNTING_MESSAGES),
    ports=(30000,),
    docs="https://docs.sglang.io/docs/basic_usage/openai_api_completions",
)

# https://huggingface.co/docs/text-generation-inference/messages_api: what it calls
# Messages is OpenAI's chat.
TGI = Connector(
    name="tgi",
    title="Text Generation Inference",
    base_url="http://127.0.0.1:3000/v1",
    key_env=("TGI_API_KEY",),
    key_optional=True,
    auth=bearer,
    speaks=(CHAT.only("chat", "completions"),),
    ports=(3000,),
    docs="https://huggingface.co/docs/text-generation-inference/reference/api_reference",
    quirks=("Its one model answers to any name, by custom to `tgi`.",),
)

# A private endpoint by configuration alone; it has no address of its own. Its
# ``extra: {speaks: [...]}`` may name any of these protocols. The key of its Messages
# is a bearer token, as the servers that offer them (vLLM, LM Studio) have it.
OPENAI_COMPATIBLE = Connector(
    name="openai-compatible",
    title="Any other server",
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
