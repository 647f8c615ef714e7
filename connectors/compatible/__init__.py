"""
Providers and servers that speak known protocols: one declaration each.

Each was written from the page that its ``docs`` names, and lists every protocol
that the provider's pages show, so that clients of that protocol are passed on
untouched. The first is the one that others are translated to. Where a protocol
needs a page of its own, a comment names it; what was found elsewhere says so.

- ``hosted``: providers with one address for all.
- ``regional``: those with another address for mainland China.
- ``clouds``: those whose address holds the name of an account.
- ``gateways``: those that ask others, hosted and one's own.
- ``local``: servers for a machine of one's own, and private endpoints.
"""

from __future__ import annotations

from connectors.compatible.clouds import (
    CLOUDFLARE,
    DATABRICKS,
    SNOWFLAKE,
)
from connectors.compatible.dialects import (
    CHAT,
    COUNTING_MESSAGES,
    MESSAGES,
    RESPONSES,
)
from connectors.compatible.gateways import (
    HUGGINGFACE,
    LITELLM,
    OPENROUTER,
    SLUICEGATE,
    VERCEL,
    ZENMUX,
)
from connectors.compatible.hosted import (
    BASETEN,
    CEREBRAS,
    DEEPINFRA,
    DEEPSEEK,
    FIREWORKS,
    GITHUB,
    GROQ,
    INCEPTION,
    NEBIUS,
    NOVITA,
    NVIDIA,
    OPENAI,
    PERPLEXITY,
    SAMBANOVA,
    SCALEWAY,
    TOGETHER,
    XAI,
)
from connectors.compatible.local import (
    LLAMA_CPP,
    LM_STUDIO,
    OLLAMA,
    OPENAI_COMPATIBLE,
    SGLANG,
    TGI,
    VLLM,
)
from connectors.compatible.regional import (
    INTERNLM,
    KIMI_CODE,
    MINIMAX,
    MOONSHOT,
    QWEN,
    SILICONFLOW,
    ZAI,
    ZAI_CODING,
)

__all__ = [
    "BASETEN",
    "CEREBRAS",
    "CHAT",
    "CLOUDFLARE",
    "COUNTING_MESSAGES",
    "DATABRICKS",
    "DEEPINFRA",
    "DEEPSEEK",
    "FIREWORKS",
    "GITHUB",
    "GROQ",
    "HUGGINGFACE",
    "INCEPTION",
    "INTERNLM",
    "KIMI_CODE",
    "LITELLM",
    "LLAMA_CPP",
    "LM_STUDIO",
    "MESSAGES",
    "MINIMAX",
    "MOONSHOT",
    "NEBIUS",
    "NOVITA",
    "NVIDIA",
    "OLLAMA",
    "OPENAI",
    "OPENAI_COMPATIBLE",
    "OPENROUTER",
    "PERPLEXITY",
    "QWEN",
    "RESPONSES",
    "SAMBANOVA",
    "SCALEWAY",
    "SGLANG",
    "SILICONFLOW",
    "SLUICEGATE",
    "SNOWFLAKE",
    "TGI",
    "TOGETHER",
    "VERCEL",
    "VLLM",
    "XAI",
    "ZAI",
    "ZAI_CODING",
    "ZENMUX",
]
