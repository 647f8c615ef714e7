"""Providers with one address abroad and another in mainland China."""

from __future__ import annotations

from connectors.auth import bearer
from connectors.compatible.dialects import (
    CHAT,
    MESSAGES,
    OLD_ROLES,
    ONLY_CHAT,
    RESPONSES,
    X_API_KEY,
    rooted,
    speaking,
)
from connectors.edits import default, rename
from gateway.plugin import Connector, Parameter


def _host(abroad: str, mainland: str) -> Parameter:
    return Parameter("host", default=abroad, shown=mainland)


# https://platform.moonshot.ai/docs/guide/use-kimi-k2-thinking-model: thoughts must come
# back. That chat has ``max_completion_tokens`` and ``reasoning_effort``, where Messages
# stand, and the mainland's host, are from other projects' pages:
# https://java.agentscope.io/v2/en/integration/model/kimi,
# https://metacpan.org/pod/Langertha::Engine::MoonshotAnthropic,
# https://docs.litellm.ai/docs/providers/moonshot
MOONSHOT = Connector(
    name="moonshot",
    title="Moonshot AI (Kimi)",
    base_url="https://{host}",
    parameters=(_host("api.moonshot.ai", "api.moonshot.cn"),),
    key_env=("MOONSHOT_API_KEY",),
    auth=bearer,
    instance=rooted,
    speaks=(
        speaking(
            ONLY_CHAT,
            limit="max_completion_tokens",
            thinking="thinking",
            efforts=("low", "high", "max"),
        ).at("/v1", version="", edits=(OLD_ROLES,)),
        MESSAGES.at("/anthropic/v1", version=""),
    ),
    models_path="/v1/models",
    docs="https://platform.moonshot.ai/docs/api/chat",
    quirks=(
        (
            "Its thinking models refuse a history of tool calls without the thoughts"
            " (`reasoning_content`) that came before them."
        ),
        "Kimi models set how they sample: some refuse another `temperature`.",
        "The role `developer` is sent as `system`.",
    ),
)

# The plan for coding agents; not for Moonshot's keys. It refuses headers that it does
# not know, as a gateway that was built before this one has found.
KIMI_CODE = Connector(
    name="kimi-code",
    title="Kimi Code",
    base_url="https://api.kimi.com/coding/v1",
    key_env=("KIMI_API_KEY",),
    auth=bearer,
    speaks=(MESSAGES, ONLY_CHAT),
    loop_guard=False,
    docs="https://www.kimi.com/code/docs/en/kimi-code/models.html",
    quirks=("It refuses unknown headers, so requests carry no loop guard.",),
)

# https://docs.z.ai/guides/capabilities/thinking; where Messages stand, the
# mainland's host, and where models are listed are from other projects' code:
# https://docs.rs/rig-core/latest/rig/providers/zai
ZAI = Connector(
    name="zai",
    title="Z.AI (GLM)",
    base_url="https://{host}",
    parameters=(_host("api.z.ai", "open.bigmodel.cn"),),
    key_env=("ZAI_API_KEY", "Z_AI_API_KEY", "ZHIPU_API_KEY"),
    auth=bearer,
    instance=rooted,
    speaks=(
        speaking(ONLY_CHAT, thinking="thinking").at(
            "/api/paas/v4",
            version="",
            edits=(
                rename("max_completion_tokens", "max_tokens", of=("chat",)),
                OLD_ROLES,
            ),
        ),
        MESSAGES.at("/api/anthropic/v1", version=""),
    ),
    models_path="/api/paas/v4/models",
    docs="https://docs.z.ai/api-reference/llm/chat-completion",
    quirks=(
        (
            "In chat, `max_completion_tokens` is sent as `max_tokens`, and the role"
            " `developer` as `system`."
        ),
        "For a subscription to the Coding Plan use `zai-coding`.",
    ),
)

# https://docs.z.ai/devpack/overview: the same, at an address of its own. It refuses
# headers that it does not know, as a gateway that was built before this one has found.
ZAI_CODING = Connector(
    name="zai-coding",
    title="Z.AI Coding Plan",
    base_url="https://{host}",
    parameters=(_host("api.z.ai", "open.bigmodel.cn"),),
    key_env=("ZAI_CODING_API_KEY",),
    auth=bearer,
    instance=rooted,
    speaks=(
        speaking(ONLY_CHAT, thinking="thinking").at(
            "/api/coding/paas/v4",
            version="",
            edits=(
                rename("max_completion_tokens", "max_tokens", of=("chat",)),
                OLD_ROLES,
            ),
        ),
        MESSAGES.at("/api/anthropic/v1", version=""),
    ),
    models_path="/api/coding/paas/v4/models",
    loop_guard=False,
    docs="https://docs.z.ai/devpack/overview",
    quirks=(
        "It refuses unknown headers, so requests carry no loop guard.",
        (
            "In chat, `max_completion_tokens` is sent as `max_tokens`, and the role"
            " `developer` as `system`."
        ),
    ),
)

# https://www.alibabacloud.com/help/en/model-studio/compatibility-with-openai-responses-api,
# https://www.alibabacloud.com/help/en/model-studio/anthropic-api-messages,
# https://www.alibabacloud.com/help/en/model-studio/deep-thinking; none of them says
# where models are listed: it is where compatible servers have it.
QWEN = Connector(
    name="qwen",
    title="Alibaba Cloud Model Studio (Qwen, DashScope)",
    base_url="https://{host}",
    parameters=(_host("dashscope-intl.aliyuncs.com", "dashscope.aliyuncs.com"),),
    key_env=("DASHSCOPE_API_KEY",),
    auth=bearer,
    instance=rooted,
    speaks=(
        speaking(CHAT.only("chat", "embeddings"), thinking="enable_thinking").at(
            "/compatible-mode/v1", version=""
        ),
        RESPONSES.at("/compatible-mode/v1", version=""),
        MESSAGES.at("/apps/anthropic/v1", version="", auth=X_API_KEY),
    ),
    models_path="/compatible-mode/v1/models",
    docs="https://www.alibabacloud.com/help/en/model-studio/use-qwen-by-calling-api",
    quirks=(
        (
            "Keys belong to one region: those of mainland China need"
            " `host: dashscope.aliyuncs.com`."
        ),
        "Chat has `enable_thinking` and `thinking_budget` in place of efforts.",
    ),
)

# What chat has in place of ``max_tokens``, that thoughts stand in the text, in tags,
# unless ``reasoning_split`` is set, and the mainland's host are from
# https://java.agentscope.io/v2/en/integration/model/minimax
MINIMAX = Connector(
    name="minimax",
    title="MiniMax",
    base_url="https://{host}",
    parameters=(_host("api.minimax.io", "api.minimaxi.com"),),
    key_env=("MINIMAX_API_KEY",),
    auth=bearer,
    instance=rooted,
    speaks=(
        speaking(ONLY_CHAT, limit="max_completion_tokens", thinking="thinking").at(
            "/v1", version="", edits=(default("reasoning_split", True, of=("chat",)),)
        ),
        RESPONSES.at("/v1", version=""),
        MESSAGES.at("/anthropic/v1", version=""),
    ),
    models_path="/v1/models",
    docs="https://platform.minimax.io/docs/api-reference/text-openai-api",
    quirks=(
        (
            "In chat, `reasoning_split: true` is added where a request does not say"
            " otherwise: thoughts then come apart from the text."
        ),
    ),
)

# https://internlm.intern-ai.org.cn/docEn/docs/Chat,
# https://internlm.intern-ai.org.cn/docEn/docs/API_DOCUMENTATION_EN (Messages, below
# another path and with a header of their own)
INTERNLM = Connector(
    name="internlm",
    title="InternLM",
    base_url="https://chat.intern-ai.org.cn",
    key_env=("INTERNLM_API_KEY",),
    auth=bearer,
    instance=rooted,
    speaks=(
        ONLY_CHAT.at("/api/v1", version=""),
        MESSAGES.at("/v1", version="", auth=X_API_KEY),
    ),
    models_path="/api/v1/models",
    docs="https://internlm.intern-ai.org.cn/docEn/docs/Chat",
    quirks=("Models think only with `thinking_mode: true`, a member of its own.",),
)

# https://docs.siliconflow.com/en/api-reference/chat-completions/chat-completions; the
# mainland's host is from LiteLLM's and others' lists.
SILICONFLOW = Connector(
    name="siliconflow",
    title="SiliconFlow",
    base_url="https://{host}/v1",
    parameters=(_host("api.siliconflow.com", "api.siliconflow.cn"),),
    key_env=("SILICONFLOW_API_KEY",),
    auth=bearer,
    speaks=(speaking(ONLY_CHAT, thinking="enable_thinking"),),
    docs="https://docs.siliconflow.com/en/api-reference/chat-completions/chat-completions",
)
