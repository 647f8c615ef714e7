"""Providers with one address for all."""

from __future__ import annotations

from connectors import openai_chat, openai_responses
from connectors.auth import bearer
from connectors.compatible.dialects import (
    CHAT,
    COUNTING_MESSAGES,
    MESSAGES,
    OLD_ROLES,
    ONLY_CHAT,
    RESPONSES,
    X_API_KEY,
    rooted,
    speaking,
)
from connectors.edits import drop, rename
from gateway.plugin import Connector

OPENAI = Connector(
    name="openai",
    title="OpenAI",
    base_url="https://api.openai.com/v1",
    key_env=("OPENAI_API_KEY",),
    auth=bearer,
    speaks=(
        openai_chat.OPENAI_DIALECT,
        openai_responses.DIALECT.at("", stores=True),
    ),
    docs="https://platform.openai.com/docs/api-reference",
)

# https://console.groq.com/docs/responses-api: it keeps no answers.
# https://console.groq.com/docs/openai names what is refused, all but thoughts in the
# history: https://github.com/janhq/jan/issues/8136
GROQ = Connector(
    name="groq",
    title="Groq",
    base_url="https://api.groq.com/openai/v1",
    key_env=("GROQ_API_KEY",),
    auth=bearer,
    speaks=(
        speaking(
            ONLY_CHAT,
            thoughts=False,
            lacks=("logprobs", "top_logprobs", "logit_bias"),
        ),
        RESPONSES,
    ),
    docs="https://console.groq.com/docs/api-reference",
    quirks=(
        (
            "In chat it refuses `logprobs`, `logit_bias`, `n` above 1, and messages"
            " with a `name` or `reasoning_content`."
        ),
    ),
)

# https://api-docs.deepseek.com/guides/anthropic_api,
# https://api-docs.deepseek.com/guides/responses_api; "/v1" is understood before the
# paths of the first two, and not the documented form.
DEEPSEEK = Connector(
    name="deepseek",
    title="DeepSeek",
    base_url="https://api.deepseek.com",
    key_env=("DEEPSEEK_API_KEY",),
    auth=bearer,
    instance=rooted,
    speaks=(
        # https://api-docs.deepseek.com/guides/thinking_mode
        speaking(ONLY_CHAT, thinking="thinking", efforts=("low", "high", "max")).at(
            "",
            version="",
            edits=(
                rename("max_completion_tokens", "max_tokens", of=("chat",)),
                OLD_ROLES,
            ),
        ),
        RESPONSES.at("", version=""),
        MESSAGES.at("/anthropic/v1", version="", auth=X_API_KEY),
    ),
    docs="https://api-docs.deepseek.com",
    quirks=(
        (
            "In chat, `max_completion_tokens` is sent as `max_tokens`, and the role"
            " `developer` as `system`: it knows no others."
        ),
    ),
)

# https://docs.x.ai/developers/model-capabilities/text/comparison: Responses is the
# recommended protocol, chat the older one. Its Messages are deprecated.
XAI = Connector(
    name="xai",
    title="xAI",
    base_url="https://api.x.ai/v1",
    key_env=("XAI_API_KEY",),
    auth=bearer,
    speaks=(
        speaking(ONLY_CHAT, efforts=("none", "low", "medium", "high")),
        RESPONSES,
    ),
    docs="https://docs.x.ai/developers/rest-api-reference",
    quirks=(
        "Chat is its older protocol and shows no thoughts; Responses does.",
        "Models that always think refuse `reasoning_effort`.",
    ),
)

# https://docs.together.ai/docs/inference/messages-api,
# https://docs.together.ai/docs/inference/responses-api
TOGETHER = Connector(
    name="together",
    title="Together AI",
    base_url="https://api.together.ai/v1",
    key_env=("TOGETHER_API_KEY", "TOGETHERAI_API_KEY"),
    auth=bearer,
    speaks=(
        # https://docs.together.ai/docs/inference/chat/reasoning
        speaking(CHAT, thinking="reasoning", efforts=("low", "medium", "high")),
        RESPONSES,
        MESSAGES,
    ),
    docs="https://docs.together.ai/docs/inference/openai-compatibility",
)

# https://docs.fireworks.ai/tools-sdks/anthropic-compatibility; Responses and
# embeddings as Bifrost's page on this provider lists them:
# https://docs.getbifrost.ai/providers/supported-providers/fireworks
FIREWORKS = Connector(
    name="fireworks",
    title="Fireworks AI",
    base_url="https://api.fireworks.ai/inference/v1",
    key_env=("FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY"),
    auth=bearer,
    speaks=(CHAT, RESPONSES, MESSAGES),
    docs="https://docs.fireworks.ai/tools-sdks/openai-compatibility",
    quirks=(
        "Models are called by their resource: `accounts/fireworks/models/...`.",
        "`reasoning_effort` and a `thinking` budget exclude each other.",
    ),
)

# https://inference-docs.cerebras.ai/api-reference/chat-completions; what is refused is
# from an older form of the page that ``docs`` names, as ReqLLM's guide quotes it:
# https://hexdocs.pm/req_llm/cerebras.html. That it refuses thoughts in the history:
# https://github.com/QwenLM/qwen-code/issues/11045
CEREBRAS = Connector(
    name="cerebras",
    title="Cerebras",
    base_url="https://api.cerebras.ai/v1",
    key_env=("CEREBRAS_API_KEY",),
    auth=bearer,
    speaks=(
        speaking(
            CHAT.only("chat", "completions"),
            limit="max_completion_tokens",
            thoughts=False,
            lacks=(
                *("frequency_penalty", "presence_penalty", "logit_bias"),
                *("parallel_tool_calls", "service_tier"),
            ),
        ).at("", edits=(OLD_ROLES,)),
    ),
    docs="https://inference-docs.cerebras.ai/resources/openai",
    quirks=(
        "The role `developer` is sent as `system`, which has its rank there.",
        (
            "Penalties, `logit_bias`, `parallel_tool_calls` and `service_tier` may be"
            " refused, and `reasoning_content` in messages is."
        ),
    ),
)

# https://docs.perplexity.ai/docs/sonar/openai-compatibility: chat has no version, and
# https://docs.perplexity.ai/docs/grounded-llm/openai-compatibility: Responses has one.
# Embeddings: https://docs.perplexity.ai/api-reference/embeddings-post. A list of models
# at /v1/models is not in the pages that were read.
PERPLEXITY = Connector(
    name="perplexity",
    title="Perplexity",
    base_url="https://api.perplexity.ai",
    key_env=("PERPLEXITY_API_KEY", "PERPLEXITYAI_API_KEY"),
    auth=bearer,
    speaks=(
        speaking(ONLY_CHAT, efforts=("minimal", "low", "medium", "high")).at(
            "",
            version="",
            edits=(rename("max_completion_tokens", "max_tokens", of=("chat",)),),
        ),
        RESPONSES.at("/v1", version=""),
    ),
    models_path="",
    docs="https://docs.perplexity.ai/docs/sonar/openai-compatibility",
    quirks=(
        "Chat is for the Sonar models, Responses for those of others.",
        "`max_completion_tokens` is sent as `max_tokens`, which is what it knows.",
        "It lists no models: name those that clients should see in `models`.",
    ),
)

# The members of a request are those of each model's own page, and no others. That
# ``stream_options`` is among the refused ones (or makes it hang) is told by users, such
# as https://github.com/HKUDS/DeepTutor/pull/420.
NVIDIA = Connector(
    name="nvidia",
    title="NVIDIA NIM",
    base_url="https://integrate.api.nvidia.com/v1",
    key_env=("NVIDIA_API_KEY", "NVIDIA_NIM_API_KEY"),
    auth=bearer,
    speaks=(
        speaking(CHAT, lacks=("parallel_tool_calls", "user"), thoughts=False).at(
            "",
            edits=(
                drop("stream_options"),
                rename("max_completion_tokens", "max_tokens", of=("chat",)),
                OLD_ROLES,
            ),
        ),
    ),
    docs="https://docs.api.nvidia.com/nim/reference/llm-apis",
    quirks=(
        (
            "It refuses members that a model's page does not list: `stream_options` is"
            " left out, so the tokens of streams are estimated; `max_completion_tokens`"
            " is sent as `max_tokens`, and the role `developer` as `system`."
        ),
    ),
)

# https://docs.sambanova.ai/docs/en/features/anthropic-compatibility
SAMBANOVA = Connector(
    name="sambanova",
    title="SambaNova",
    base_url="https://api.sambanova.ai/v1",
    key_env=("SAMBANOVA_API_KEY",),
    auth=bearer,
    speaks=(CHAT, RESPONSES, COUNTING_MESSAGES),
    docs="https://docs.sambanova.ai/docs/en/features/openai-compatibility",
    quirks=("In Messages it refuses documents, pictures by URL and server tools.",),
)

# https://docs.tokenfactory.nebius.com/api-reference/inference/create-chat-completion;
# that it has embeddings is from https://docs.litellm.ai/docs/providers/nebius
NEBIUS = Connector(
    name="nebius",
    title="Nebius Token Factory",
    base_url="https://api.tokenfactory.nebius.com/v1",
    key_env=("NEBIUS_API_KEY",),
    auth=bearer,
    speaks=(
        speaking(CHAT.only("chat", "embeddings"), efforts=("low", "medium", "high")),
    ),
    docs="https://docs.tokenfactory.nebius.com/api-reference/introduction",
)

# https://docs.github.com/en/rest/models/catalog: the list is beside, not below, what
# answers; https://docs.github.com/en/rest/models/embeddings
GITHUB = Connector(
    name="github",
    title="GitHub Models",
    base_url="https://models.github.ai",
    key_env=("GITHUB_TOKEN",),
    auth=bearer,
    instance=rooted,
    speaks=(CHAT.only("chat", "embeddings").at("/inference", version=""),),
    models_path="/catalog/models",
    docs="https://docs.github.com/en/rest/models/inference",
    quirks=("The token needs the scope `models`.",),
)

# https://docs.deepinfra.com/chat/reasoning,
# https://docs.deepinfra.com/api-reference/chat-completions/anthropic-messages
DEEPINFRA = Connector(
    name="deepinfra",
    title="DeepInfra",
    base_url="https://api.deepinfra.com",
    key_env=("DEEPINFRA_API_KEY", "DEEPINFRA_TOKEN"),
    auth=bearer,
    instance=rooted,
    speaks=(
        speaking(ONLY_CHAT, efforts=("none", "low", "medium", "high", "xhigh")).at(
            "/v1/openai", version=""
        ),
        MESSAGES.at("/anthropic/v1", version=""),
    ),
    models_path="/v1/openai/models",
    docs="https://docs.deepinfra.com/api-reference/chat-completions/openai-chat-completions",
)

# https://docs.baseten.co/inference/model-apis/overview
BASETEN = Connector(
    name="baseten",
    title="Baseten",
    base_url="https://inference.baseten.co/v1",
    key_env=("BASETEN_API_KEY",),
    auth=bearer,
    speaks=(ONLY_CHAT,),
    docs="https://docs.baseten.co/reference/inference-api/chat-completions",
)

INCEPTION = Connector(
    name="inception",
    title="Inception",
    base_url="https://api.inceptionlabs.ai/v1",
    key_env=("INCEPTION_API_KEY",),
    auth=bearer,
    speaks=(speaking(ONLY_CHAT, efforts=("low", "medium", "high")),),
    docs="https://docs.inceptionlabs.ai/api-reference/chat/create-a-chat-completion",
    quirks=(
        (
            "`reasoning_effort` has a word of its own, `instant`, and none for no"
            " thinking."
        ),
    ),
)

NOVITA = Connector(
    name="novita",
    title="Novita AI",
    base_url="https://api.novita.ai/openai/v1",
    key_env=("NOVITA_API_KEY",),
    auth=bearer,
    speaks=(ONLY_CHAT,),
    docs="https://novita.ai/docs/api-reference/model-apis-llm-create-chat-completion",
)

# https://www.scaleway.com/en/docs/generative-apis/how-to/query-reasoning-models
SCALEWAY = Connector(
    name="scaleway",
    title="Scaleway",
    base_url="https://api.scaleway.ai/v1",
    key_env=("SCALEWAY_API_KEY", "SCW_SECRET_KEY"),
    auth=bearer,
    speaks=(ONLY_CHAT,),
    docs="https://www.scaleway.com/en/docs/generative-apis",
)
