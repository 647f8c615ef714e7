"""
By what a gateway without a configuration finds our connectors.

To load all of them only to look for keys takes a tenth of the start. So what they
declare of that is here once more, and a test holds it against the declarations.
"""

from __future__ import annotations

# The variables of each connector's `key_env`, if a key is all that it is found by.
KEYS: dict[str, tuple[str, ...]] = {
    "anthropic": ("ANTHROPIC_API_KEY",),
    "azure": ("AZURE_OPENAI_API_KEY", "AZURE_API_KEY"),
    "baseten": ("BASETEN_API_KEY",),
    "bedrock": ("AWS_BEARER_TOKEN_BEDROCK",),
    "cerebras": ("CEREBRAS_API_KEY",),
    "cloudflare": ("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_API_KEY"),
    "cohere": ("CO_API_KEY", "COHERE_API_KEY"),
    "databricks": ("DATABRICKS_TOKEN", "DATABRICKS_API_KEY"),
    "deepinfra": ("DEEPINFRA_API_KEY", "DEEPINFRA_TOKEN"),
    "deepseek": ("DEEPSEEK_API_KEY",),
    "fireworks": ("FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY"),
    "gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "gemini-oauth": (),
    "github": ("GITHUB_TOKEN",),
    "groq": ("GROQ_API_KEY",),
    "huggingface": ("HF_TOKEN", "HUGGINGFACE_API_KEY"),
    "inception": ("INCEPTION_API_KEY",),
    "internlm": ("INTERNLM_API_KEY",),
    "kimi-code": ("KIMI_API_KEY",),
    "minimax": ("MINIMAX_API_KEY",),
    "mistral": ("MISTRAL_API_KEY",),
    "moonshot": ("MOONSHOT_API_KEY",),
    "nebius": ("NEBIUS_API_KEY",),
    "novita": ("NOVITA_API_KEY",),
    "nvidia": ("NVIDIA_API_KEY", "NVIDIA_NIM_API_KEY"),
    "openai": ("OPENAI_API_KEY",),
    "openrouter": ("OPENROUTER_API_KEY",),
    "perplexity": ("PERPLEXITY_API_KEY", "PERPLEXITYAI_API_KEY"),
    "qwen": ("DASHSCOPE_API_KEY",),
    "sambanova": ("SAMBANOVA_API_KEY",),
    "scaleway": ("SCALEWAY_API_KEY", "SCW_SECRET_KEY"),
    "siliconflow": ("SILICONFLOW_API_KEY",),
    "snowflake": ("SNOWFLAKE_PAT", "SNOWFLAKE_CORTEX_PAT", "SNOWFLAKE_JWT"),
    "together": ("TOGETHER_API_KEY", "TOGETHERAI_API_KEY"),
    "vercel": ("AI_GATEWAY_API_KEY", "VERCEL_AI_GATEWAY_API_KEY"),
    "vertex": (),
    "xai": ("XAI_API_KEY",),
    "zai": ("ZAI_API_KEY", "Z_AI_API_KEY", "ZHIPU_API_KEY"),
    "zai-coding": ("ZAI_CODING_API_KEY",),
    "zenmux": ("ZENMUX_API_KEY",),
}

# Where each local server lists its models.
ADDRESSES = {
    "llama.cpp": "http://127.0.0.1:8080/v1/models",
    "lmstudio": "http://127.0.0.1:1234/v1/models",
    "ollama": "http://127.0.0.1:11434/v1/models",
    "sglang": "http://127.0.0.1:30000/v1/models",
    "tgi": "http://127.0.0.1:3000/v1/models",
    "vllm": "http://127.0.0.1:8000/v1/models",
}

# Those that somebody must name: other gateways, what a person has the address of,
# and what is no provider.
NAMED = frozenset(("demo", "hybrid", "litellm", "openai-compatible", "sluicegate"))
