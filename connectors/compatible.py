"""
Providers and servers that speak a known protocol: one declaration each.

Each was written from the page that its ``docs`` names.
"""

from __future__ import annotations

from connectors import openai_chat
from connectors.auth import bearer
from gateway.plugin import Connector

CHAT = openai_chat.DIALECT

OPENAI = Connector(
    name="openai",
    base_url="https://api.openai.com/v1",
    key_env=("OPENAI_API_KEY",),
    auth=bearer,
    speaks=(CHAT,),
    docs="https://platform.openai.com/docs/api-reference",
)

OPENROUTER = Connector(
    name="openrouter",
    base_url="https://openrouter.ai/api/v1",
    key_env=("OPENROUTER_API_KEY",),
    auth=bearer,
    speaks=(CHAT,),
    docs="https://openrouter.ai/docs/api-reference/overview",
)

GROQ = Connector(
    name="groq",
    base_url="https://api.groq.com/openai/v1",
    key_env=("GROQ_API_KEY",),
    auth=bearer,
    speaks=(CHAT.only("chat"),),
    docs="https://console.groq.com/docs/api-reference",
)

DEEPSEEK = Connector(
    name="deepseek",
    base_url="https://api.deepseek.com",
    key_env=("DEEPSEEK_API_KEY",),
    auth=bearer,
    speaks=(CHAT.only("chat"),),
    docs="https://api-docs.deepseek.com",
)

MISTRAL = Connector(
    name="mistral",
    base_url="https://api.mistral.ai/v1",
    key_env=("MISTRAL_API_KEY",),
    auth=bearer,
    speaks=(CHAT.only("chat", "embeddings"),),
    docs="https://docs.mistral.ai/api",
)

TOGETHER = Connector(
    name="together",
    base_url="https://api.together.ai/v1",
    key_env=("TOGETHER_API_KEY", "TOGETHERAI_API_KEY"),
    auth=bearer,
    speaks=(CHAT,),
    docs="https://docs.together.ai/docs/inference/openai-compatibility",
)

OLLAMA = Connector(
    name="ollama",
    base_url="http://127.0.0.1:11434/v1",
    key_env=("OLLAMA_API_KEY",),
    key_optional=True,
    auth=bearer,
    speaks=(CHAT,),
    ports=(11434,),
    docs="https://docs.ollama.com/api/openai-compatibility",
)

LLAMA_CPP = Connector(
    name="llama.cpp",
    base_url="http://127.0.0.1:8080/v1",
    key_env=("LLAMA_API_KEY",),
    key_optional=True,
    auth=bearer,
    speaks=(CHAT,),
    ports=(8080,),
    docs="https://github.com/ggml-org/llama.cpp/tree/master/tools/server",
)

VLLM = Connector(
    name="vllm",
    base_url="http://127.0.0.1:8000/v1",
    key_env=("VLLM_API_KEY",),
    key_optional=True,
    auth=bearer,
    speaks=(CHAT,),
    ports=(8000,),
    docs="https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
)

LM_STUDIO = Connector(
    name="lmstudio",
    base_url="http://127.0.0.1:1234/v1",
    key_env=("LM_API_TOKEN",),
    key_optional=True,
    auth=bearer,
    speaks=(CHAT,),
    ports=(1234,),
    docs="https://lmstudio.ai/docs/developer/openai-compat",
)

# A private endpoint by configuration alone; it has no address of its own.
OPENAI_COMPATIBLE = Connector(
    name="openai-compatible",
    base_url="",
    key_optional=True,
    auth=bearer,
    speaks=(CHAT,),
)
