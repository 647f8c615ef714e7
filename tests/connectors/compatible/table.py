"""
What the providers' pages say, once more, apart from the declarations.

A slip in a declaration sends prompts and keys to a wrong place; it must be made twice
to go unseen.
"""

from __future__ import annotations

from attrs import field, frozen


@frozen
class Row:
    """
    One provider.

    Attributes:
        keys: the environment variables of its key.
        chat: the address of each protocol, the preferred one first.
        models: the address of the list of models; empty: there is none.
        more: what else it offers, by protocol.
        key: the header of the key, by protocol, where that is no bearer token.
    """

    keys: tuple[str, ...]
    chat: dict[str, str]
    models: str
    more: dict[str, list[str]] = field(factory=dict)
    key: dict[str, str] = field(factory=dict)


# Parts of addresses that are an account's own, below ``extra``.
EXTRA = {
    "cloudflare": {"account_id": "acc"},
    "databricks": {"host": "w.example"},
    "snowflake": {"account": "acc"},
}

# Names of models for protocols that are for some models only.
MODELS = {
    ("databricks", "openai_responses"): "databricks-gpt-5",
    ("databricks", "anthropic"): "databricks-claude-opus",
    ("snowflake", "anthropic"): "claude-sonnet",
}

TABLE = {
    "anthropic": Row(
        ("ANTHROPIC_API_KEY",),
        {"anthropic": "https://api.anthropic.com/v1/messages"},
        "https://api.anthropic.com/v1/models?limit=1000",
        more={"anthropic": ["count_tokens"]},
        key={"anthropic": "x-api-key"},
    ),
    "baseten": Row(
        ("BASETEN_API_KEY",),
        {"openai_chat": "https://inference.baseten.co/v1/chat/completions"},
        "https://inference.baseten.co/v1/models",
    ),
    "cerebras": Row(
        ("CEREBRAS_API_KEY",),
        {"openai_chat": "https://api.cerebras.ai/v1/chat/completions"},
        "https://api.cerebras.ai/v1/models",
        more={"openai_chat": ["completions"]},
    ),
    "cloudflare": Row(
        ("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_API_KEY"),
        {
            "openai_chat": "https://api.cloudflare.com/client/v4/accounts/acc/ai/v1/chat/completions",
            "openai_responses": "https://api.cloudflare.com/client/v4/accounts/acc/ai/v1/responses",
        },
        "",
        more={"openai_chat": ["embeddings"]},
    ),
    "cohere": Row(
        ("CO_API_KEY", "COHERE_API_KEY"),
        {
            "cohere": "https://api.cohere.com/v2/chat",
            "openai_chat": "https://api.cohere.com/compatibility/v1/chat/completions",
        },
        "https://api.cohere.com/v1/models?page_size=1000",
        more={"cohere": ["embeddings"], "openai_chat": ["embeddings"]},
    ),
    "databricks": Row(
        ("DATABRICKS_TOKEN", "DATABRICKS_API_KEY"),
        {
            "openai_chat": "https://w.example/serving-endpoints/chat/completions",
            "openai_responses": "https://w.example/serving-endpoints/responses",
            "anthropic": "https://w.example/serving-endpoints/anthropic/v1/messages",
        },
        "",
        more={"openai_chat": ["embeddings"]},
    ),
    "deepinfra": Row(
        ("DEEPINFRA_API_KEY", "DEEPINFRA_TOKEN"),
        {
            "openai_chat": "https://api.deepinfra.com/v1/openai/chat/completions",
            "anthropic": "https://api.deepinfra.com/anthropic/v1/messages",
        },
        "https://api.deepinfra.com/v1/openai/models",
    ),
    "deepseek": Row(
        ("DEEPSEEK_API_KEY",),
        {
            "openai_chat": "https://api.deepseek.com/chat/completions",
            "openai_responses": "https://api.deepseek.com/responses",
            "anthropic": "https://api.deepseek.com/anthropic/v1/messages",
        },
        "https://api.deepseek.com/models",
        key={"anthropic": "x-api-key"},
    ),
    "fireworks": Row(
        ("FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY"),
        {
            "openai_chat": "https://api.fireworks.ai/inference/v1/chat/completions",
            "openai_responses": "https://api.fireworks.ai/inference/v1/responses",
            "anthropic": "https://api.fireworks.ai/inference/v1/messages",
        },
        "https://api.fireworks.ai/inference/v1/models",
        more={"openai_chat": ["completions", "embeddings"]},
    ),
    "gemini": Row(
        ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        {
            "gemini": "https://generativelanguage.googleapis.com/v1beta/models/{model}:generateContent",
            "openai_chat": "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions",
        },
        "https://generativelanguage.googleapis.com/v1beta/models?pageSize=1000",
        more={
            "gemini": ["count_tokens", "embed_one", "embeddings"],
            "openai_chat": ["embeddings"],
        },
        key={"gemini": "x-goog-api-key"},
    ),
    "github": Row(
        ("GITHUB_TOKEN",),
        {"openai_chat": "https://models.github.ai/inference/chat/completions"},
        "https://models.github.ai/catalog/models",
        more={"openai_chat": ["embeddings"]},
    ),
    "groq": Row(
        ("GROQ_API_KEY",),
        {
            "openai_chat": "https://api.groq.com/openai/v1/chat/completions",
            "openai_responses": "https://api.groq.com/openai/v1/responses",
        },
        "https://api.groq.com/openai/v1/models",
    ),
    "huggingface": Row(
        ("HF_TOKEN", "HUGGINGFACE_API_KEY"),
        {
            "openai_chat": "https://router.huggingface.co/v1/chat/completions",
            "openai_responses": "https://router.huggingface.co/v1/responses",
        },
        "https://router.huggingface.co/v1/models",
    ),
    "inception": Row(
        ("INCEPTION_API_KEY",),
        {"openai_chat": "https://api.inceptionlabs.ai/v1/chat/completions"},
        "https://api.inceptionlabs.ai/v1/models",
    ),
    "internlm": Row(
        ("INTERNLM_API_KEY",),
        {
            "openai_chat": "https://chat.intern-ai.org.cn/api/v1/chat/completions",
            "anthropic": "https://chat.intern-ai.org.cn/v1/messages",
        },
        "https://chat.intern-ai.org.cn/api/v1/models",
        key={"anthropic": "x-api-key"},
    ),
    "kimi-code": Row(
        ("KIMI_API_KEY",),
        {
            "anthropic": "https://api.kimi.com/coding/v1/messages",
            "openai_chat": "https://api.kimi.com/coding/v1/chat/completions",
        },
        "https://api.kimi.com/coding/v1/models",
    ),
    "litellm": Row(
        ("LITELLM_PROXY_API_KEY", "LITELLM_API_KEY"),
        {
            "openai_chat": "http://127.0.0.1:4000/v1/chat/completions",
            "openai_responses": "http://127.0.0.1:4000/v1/responses",
            "anthropic": "http://127.0.0.1:4000/v1/messages",
        },
        "http://127.0.0.1:4000/v1/models",
        more={
            "openai_chat": ["completions", "embeddings"],
            "anthropic": ["count_tokens"],
        },
    ),
    "llama.cpp": Row(
        ("LLAMA_API_KEY",),
        {
            "openai_chat": "http://127.0.0.1:8080/v1/chat/completions",
            "anthropic": "http://127.0.0.1:8080/v1/messages",
        },
        "http://127.0.0.1:8080/v1/models",
        more={
            "openai_chat": ["completions", "embeddings"],
            "anthropic": ["count_tokens"],
        },
    ),
    "lmstudio": Row(
        ("LM_API_TOKEN", "LMSTUDIO_API_KEY"),
        {
            "openai_chat": "http://127.0.0.1:1234/v1/chat/completions",
            "openai_responses": "http://127.0.0.1:1234/v1/responses",
            "anthropic": "http://127.0.0.1:1234/v1/messages",
        },
        "http://127.0.0.1:1234/v1/models",
        more={"openai_chat": ["completions", "embeddings"]},
    ),
    "minimax": Row(
        ("MINIMAX_API_KEY",),
        {
            "openai_chat": "https://api.minimax.io/v1/chat/completions",
            "openai_responses": "https://api.minimax.io/v1/responses",
            "anthropic": "https://api.minimax.io/anthropic/v1/messages",
        },
        "https://api.minimax.io/v1/models",
    ),
    "mistral": Row(
        ("MISTRAL_API_KEY",),
        {"mistral": "https://api.mistral.ai/v1/chat/completions"},
        "https://api.mistral.ai/v1/models",
        more={"openai_chat": ["embeddings"]},
    ),
    "moonshot": Row(
        ("MOONSHOT_API_KEY",),
        {
            "openai_chat": "https://api.moonshot.ai/v1/chat/completions",
            "anthropic": "https://api.moonshot.ai/anthropic/v1/messages",
        },
        "https://api.moonshot.ai/v1/models",
    ),
    "nebius": Row(
        ("NEBIUS_API_KEY",),
        {"openai_chat": "https://api.tokenfactory.nebius.com/v1/chat/completions"},
        "https://api.tokenfactory.nebius.com/v1/models",
        more={"openai_chat": ["embeddings"]},
    ),
    "novita": Row(
        ("NOVITA_API_KEY",),
        {"openai_chat": "https://api.novita.ai/openai/v1/chat/completions"},
        "https://api.novita.ai/openai/v1/models",
    ),
    "nvidia": Row(
        ("NVIDIA_API_KEY", "NVIDIA_NIM_API_KEY"),
        {"openai_chat": "https://integrate.api.nvidia.com/v1/chat/completions"},
        "https://integrate.api.nvidia.com/v1/models",
        more={"openai_chat": ["completions", "embeddings"]},
    ),
    "ollama": Row(
        ("OLLAMA_API_KEY",),
        {
            "ollama": "http://127.0.0.1:11434/api/chat",
            "openai_chat": "http://127.0.0.1:11434/v1/chat/completions",
            "openai_responses": "http://127.0.0.1:11434/v1/responses",
            "anthropic": "http://127.0.0.1:11434/v1/messages",
        },
        "http://127.0.0.1:11434/v1/models",
        more={"ollama": ["embeddings"], "openai_chat": ["completions", "embeddings"]},
    ),
    "openai": Row(
        ("OPENAI_API_KEY",),
        {
            "openai_chat": "https://api.openai.com/v1/chat/completions",
            "openai_responses": "https://api.openai.com/v1/responses",
        },
        "https://api.openai.com/v1/models",
        more={
            "openai_chat": ["completions", "embeddings"],
            "openai_responses": [
                "response_cancel",
                "response_input_items",
                "responses",
            ],
        },
    ),
    "openrouter": Row(
        ("OPENROUTER_API_KEY",),
        {
            "openai_chat": "https://openrouter.ai/api/v1/chat/completions",
            "openai_responses": "https://openrouter.ai/api/v1/responses",
            "anthropic": "https://openrouter.ai/api/v1/messages",
        },
        "https://openrouter.ai/api/v1/models",
        more={"openai_chat": ["completions", "embeddings"]},
    ),
    "perplexity": Row(
        ("PERPLEXITY_API_KEY", "PERPLEXITYAI_API_KEY"),
        {
            "openai_chat": "https://api.perplexity.ai/chat/completions",
            "openai_responses": "https://api.perplexity.ai/v1/responses",
        },
        "",
    ),
    "qwen": Row(
        ("DASHSCOPE_API_KEY",),
        {
            "openai_chat": "https://dashscope-intl.aliyuncs.com/compatible-mode/v1/chat/completions",
            "openai_responses": "https://dashscope-intl.aliyuncs.com/compatible-mode/v1/responses",
            "anthropic": "https://dashscope-intl.aliyuncs.com/apps/anthropic/v1/messages",
        },
        "https://dashscope-intl.aliyuncs.com/compatible-mode/v1/models",
        more={"openai_chat": ["embeddings"]},
        key={"anthropic": "x-api-key"},
    ),
    "sambanova": Row(
        ("SAMBANOVA_API_KEY",),
        {
            "openai_chat": "https://api.sambanova.ai/v1/chat/completions",
            "openai_responses": "https://api.sambanova.ai/v1/responses",
            "anthropic": "https://api.sambanova.ai/v1/messages",
        },
        "https://api.sambanova.ai/v1/models",
        more={
            "openai_chat": ["completions", "embeddings"],
            "anthropic": ["count_tokens"],
        },
    ),
    "scaleway": Row(
        ("SCALEWAY_API_KEY", "SCW_SECRET_KEY"),
        {"openai_chat": "https://api.scaleway.ai/v1/chat/completions"},
        "https://api.scaleway.ai/v1/models",
    ),
    "sglang": Row(
        ("SGLANG_API_KEY",),
        {
            "openai_chat": "http://127.0.0.1:30000/v1/chat/completions",
            "anthropic": "http://127.0.0.1:30000/v1/messages",
        },
        "http://127.0.0.1:30000/v1/models",
        more={
            "openai_chat": ["completions", "embeddings"],
            "anthropic": ["count_tokens"],
        },
    ),
    "siliconflow": Row(
        ("SILICONFLOW_API_KEY",),
        {"openai_chat": "https://api.siliconflow.com/v1/chat/completions"},
        "https://api.siliconflow.com/v1/models",
    ),
    "sluicegate": Row(
        ("SLUICEGATE_API_KEY",),
        {
            "openai_chat": "http://127.0.0.1:8080/v1/chat/completions",
            "openai_responses": "http://127.0.0.1:8080/v1/responses",
            "anthropic": "http://127.0.0.1:8080/v1/messages",
            "gemini": "http://127.0.0.1:8080/v1beta/models/{model}:generateContent",
        },
        "http://127.0.0.1:8080/v1/models",
        more={
            "openai_chat": ["completions", "embeddings"],
            "anthropic": ["count_tokens"],
            "gemini": ["count_tokens", "embed_one", "embeddings"],
        },
    ),
    "snowflake": Row(
        ("SNOWFLAKE_PAT", "SNOWFLAKE_CORTEX_PAT", "SNOWFLAKE_JWT"),
        {
            "openai_chat": "https://acc.snowflakecomputing.com/api/v2/cortex/v1/chat/completions",
            "anthropic": "https://acc.snowflakecomputing.com/api/v2/cortex/v1/messages",
        },
        "",
    ),
    "tgi": Row(
        ("TGI_API_KEY",),
        {"openai_chat": "http://127.0.0.1:3000/v1/chat/completions"},
        "http://127.0.0.1:3000/v1/models",
        more={"openai_chat": ["completions"]},
    ),
    "together": Row(
        ("TOGETHER_API_KEY", "TOGETHERAI_API_KEY"),
        {
            "openai_chat": "https://api.together.ai/v1/chat/completions",
            "openai_responses": "https://api.together.ai/v1/responses",
            "anthropic": "https://api.together.ai/v1/messages",
        },
        "https://api.together.ai/v1/models",
        more={"openai_chat": ["completions", "embeddings"]},
    ),
    "vercel": Row(
        ("AI_GATEWAY_API_KEY", "VERCEL_AI_GATEWAY_API_KEY"),
        {
            "openai_chat": "https://ai-gateway.vercel.sh/v1/chat/completions",
            "openai_responses": "https://ai-gateway.vercel.sh/v1/responses",
            "anthropic": "https://ai-gateway.vercel.sh/v1/messages",
        },
        "https://ai-gateway.vercel.sh/v1/models",
        more={"openai_chat": ["embeddings"]},
    ),
    "vllm": Row(
        ("VLLM_API_KEY",),
        {
            "openai_chat": "http://127.0.0.1:8000/v1/chat/completions",
            "openai_responses": "http://127.0.0.1:8000/v1/responses",
            "anthropic": "http://127.0.0.1:8000/v1/messages",
        },
        "http://127.0.0.1:8000/v1/models",
        more={
            "openai_chat": ["completions", "embeddings"],
            "anthropic": ["count_tokens"],
        },
    ),
    "xai": Row(
        ("XAI_API_KEY",),
        {
            "openai_chat": "https://api.x.ai/v1/chat/completions",
            "openai_responses": "https://api.x.ai/v1/responses",
        },
        "https://api.x.ai/v1/models",
    ),
    "zai": Row(
        ("ZAI_API_KEY", "Z_AI_API_KEY", "ZHIPU_API_KEY"),
        {
            "openai_chat": "https://api.z.ai/api/paas/v4/chat/completions",
            "anthropic": "https://api.z.ai/api/anthropic/v1/messages",
        },
        "https://api.z.ai/api/paas/v4/models",
    ),
    "zai-coding": Row(
        ("ZAI_CODING_API_KEY",),
        {
            "openai_chat": "https://api.z.ai/api/coding/paas/v4/chat/completions",
            "anthropic": "https://api.z.ai/api/anthropic/v1/messages",
        },
        "https://api.z.ai/api/coding/paas/v4/models",
    ),
    "zenmux": Row(
        ("ZENMUX_API_KEY",),
        {
            "openai_chat": "https://zenmux.ai/api/v1/chat/completions",
            "openai_responses": "https://zenmux.ai/api/v1/responses",
            "anthropic": "https://zenmux.ai/api/anthropic/v1/messages",
        },
        "https://zenmux.ai/api/v1/models",
        key={"anthropic": "x-api-key"},
    ),
}
