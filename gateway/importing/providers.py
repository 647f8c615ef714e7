"""
LiteLLM's providers, by the prefix that a model's name has there.

Source: https://docs.litellm.ai/docs/providers and
``litellm/litellm_core_utils/get_llm_provider_logic.py`` in LiteLLM's repository, which
also has the variables that are read where a row names no key.
"""

from __future__ import annotations

from attrs import frozen


@frozen
class Provider:
    """
    One of LiteLLM's providers, in our words.

    Attributes:
        type: of our backend.
        key: the variable with its key, where a row has none.
        base: its address, where a row has none and our type has another or none.
        routes: parts of a model's name that choose a way of asking, not a model.
    """

    type: str
    key: str = ""
    base: str = ""
    routes: tuple[str, ...] = ()


_COMPATIBLE = "openai-compatible"

PROVIDERS: dict[str, Provider] = {
    "openai": Provider("openai", "OPENAI_API_KEY", routes=("responses/",)),
    "text-completion-openai": Provider("openai", "OPENAI_API_KEY"),
    "custom_openai": Provider(_COMPATIBLE),
    "openai_like": Provider(_COMPATIBLE),
    "aiohttp_openai": Provider(_COMPATIBLE),
    "anthropic": Provider("anthropic", "ANTHROPIC_API_KEY"),
    "azure": Provider(
        "azure",
        "AZURE_API_KEY",
        "${AZURE_API_BASE}",
        ("responses/", "o_series/", "gpt5_series/"),
    ),
    "azure_text": Provider("azure", "AZURE_API_KEY", "${AZURE_API_BASE}"),
    "azure_ai": Provider("azure", "AZURE_AI_API_KEY", "${AZURE_AI_API_BASE}"),
    "baseten": Provider("baseten", "BASETEN_API_KEY"),
    "bedrock": Provider("bedrock", routes=("converse/", "invoke/", "converse_like/")),
    "bedrock_converse": Provider("bedrock"),
    "cerebras": Provider("cerebras", "CEREBRAS_API_KEY"),
    "cloudflare": Provider("cloudflare", "CLOUDFLARE_API_KEY"),
    "codestral": Provider(
        "mistral", "CODESTRAL_API_KEY", "https://codestral.mistral.ai/v1"
    ),
    "cohere": Provider("cohere", "COHERE_API_KEY"),
    "cohere_chat": Provider("cohere", "COHERE_API_KEY"),
    "dashscope": Provider("qwen", "DASHSCOPE_API_KEY"),
    "databricks": Provider(
        "databricks", "DATABRICKS_API_KEY", "${DATABRICKS_API_BASE}"
    ),
    "deepinfra": Provider("deepinfra", "DEEPINFRA_API_KEY"),
    "deepseek": Provider("deepseek", "DEEPSEEK_API_KEY"),
    "fireworks_ai": Provider("fireworks", "FIREWORKS_AI_API_KEY"),
    "friendliai": Provider(
        _COMPATIBLE, "FRIENDLI_TOKEN", "https://api.friendli.ai/serverless/v1"
    ),
    "gemini": Provider("gemini", "GEMINI_API_KEY"),
    "github": Provider("github", "GITHUB_API_KEY"),
    "groq": Provider("groq", "GROQ_API_KEY"),
    "hosted_vllm": Provider("vllm", base="${HOSTED_VLLM_API_BASE}"),
    "huggingface": Provider("huggingface", "HUGGINGFACE_API_KEY"),
    "litellm_proxy": Provider(
        "litellm", "LITELLM_PROXY_API_KEY", "${LITELLM_PROXY_API_BASE}"
    ),
    "llamafile": Provider(_COMPATIBLE, base="http://127.0.0.1:8080/v1"),
    "lm_studio": Provider("lmstudio", base="${LM_STUDIO_API_BASE}"),
    "meta_llama": Provider(
        _COMPATIBLE, "LLAMA_API_KEY", "https://api.llama.com/compat/v1"
    ),
    "minimax": Provider("minimax", "MINIMAX_API_KEY"),
    "mistral": Provider("mistral", "MISTRAL_API_KEY"),
    "moonshot": Provider("moonshot", "MOONSHOT_API_KEY"),
    "nebius": Provider("nebius", "NEBIUS_API_KEY"),
    "novita": Provider("novita", "NOVITA_API_KEY"),
    "nvidia_nim": Provider("nvidia", "NVIDIA_NIM_API_KEY"),
    "ollama": Provider("ollama"),
    "ollama_chat": Provider("ollama"),
    "openrouter": Provider("openrouter", "OPENROUTER_API_KEY"),
    "perplexity": Provider("perplexity", "PERPLEXITYAI_API_KEY"),
    "sambanova": Provider("sambanova", "SAMBANOVA_API_KEY"),
    "snowflake": Provider("snowflake", "SNOWFLAKE_JWT"),
    "together_ai": Provider("together", "TOGETHERAI_API_KEY"),
    "vercel_ai_gateway": Provider("vercel", "VERCEL_AI_GATEWAY_API_KEY"),
    "vertex_ai": Provider("vertex"),
    "vertex_ai_beta": Provider("vertex"),
    "vllm": Provider("vllm", base="${HOSTED_VLLM_API_BASE}"),
    "volcengine": Provider(
        _COMPATIBLE,
        "VOLCENGINE_API_KEY",
        "https://ark.cn-beijing.volces.com/api/v3",
    ),
    "xai": Provider("xai", "XAI_API_KEY"),
    "xinference": Provider(_COMPATIBLE),
    "zai": Provider("zai", "ZAI_API_KEY"),
}

# LiteLLM knows names without a prefix from long lists; by these beginnings.
BARE = {
    "gpt-": "openai",
    "chatgpt-": "openai",
    "o1": "openai",
    "o3": "openai",
    "o4": "openai",
    "text-embedding-": "openai",
    "claude-": "anthropic",
    "gemini-": "vertex_ai",
    "command-": "cohere",
}
# LiteLLM's own address of OpenAI; everything else is a compatible server.
OPENAI_HOST = "api.openai.com"


def find(model: str, given: str | None) -> tuple[str, str]:
    """
    Return provider and model.

    Args:
        model: as LiteLLM's ``litellm_params.model`` has it.
        given: its ``custom_llm_provider``.

    The provider is empty where nobody knows it.
    """
    head, slash, tail = model.partition("/")
    if given:
        return given, tail if slash and head == given else model
    if slash and head in PROVIDERS:
        return head, tail
    if model == "*":
        return "openai", model
    known = (name for start, name in BARE.items() if model.startswith(start))
    return next(known, head if slash else ""), model
