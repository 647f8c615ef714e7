"""
Microsoft Azure: OpenAI's protocols, and Anthropic's, of what an account has deployed.

Sources: https://learn.microsoft.com/en-us/azure/foundry/openai/api-version-lifecycle,
https://learn.microsoft.com/en-us/azure/foundry/openai/reference,
https://platform.claude.com/docs/en/build-with-claude/claude-in-microsoft-foundry
"""

from __future__ import annotations

from connectors import anthropic, openai_chat, openai_responses
from connectors.auth import api_key_header
from connectors.azure.addresses import CLAUDE_MODELS, instance
from connectors.azure.keys import credentials
from gateway.plugin import Connector

# All paths go on from where the resource is; `instance` puts the surface before them.
CHAT = openai_chat.OPENAI_DIALECT
RESPONSES = openai_responses.DIALECT.at("", stores=True)
CLAUDE = anthropic.DIALECT.at(
    "",
    auth=api_key_header("x-api-key"),
    models=CLAUDE_MODELS,
    # Who is refused by Azure itself reads an error of Azure's.
    own_errors=False,
)

QUIRKS = (
    (
        "A model's name is the name of a deployment. There is no list of these: name"
        " them in `models`, or say `azure:my-deployment`."
    ),
    (
        "The address is `api_base_url` or `AZURE_OPENAI_ENDPOINT`, such as"
        " `https://my-resource.openai.azure.com`, or made of"
        " `extra: {resource: my-resource}` or `AZURE_RESOURCE_NAME`."
    ),
    (
        "It is asked on the v1 surface. With `extra: {api_version: 2024-10-21}`, or"
        " another date, or `OPENAI_API_VERSION`, chat and embeddings go to"
        " `/openai/deployments/NAME`. With `preview` the v1 surface is asked for its"
        " preview."
    ),
    (
        "Without a key, and with `AZURE_TENANT_ID`, `AZURE_CLIENT_ID` and"
        " `AZURE_CLIENT_SECRET` set, it signs in with Entra ID. The tokens are for"
        " Cognitive Services; where Foundry wants its own, set"
        " `auth: {type: azure, scope: https://ai.azure.com/.default}`."
    ),
    (
        "Deployments called `claude-*` are asked in Anthropic's protocol, where the"
        " address is `https://my-resource.services.ai.azure.com`. With"
        " `extra: {speaks: anthropic}` all are."
    ),
    (
        "What the content filter says passes to OpenAI's clients untouched; others see"
        " only that an answer was filtered."
    ),
)

AZURE = Connector(
    name="azure",
    extras=("resource", "endpoint", "api_version"),
    title="Azure OpenAI and Microsoft Foundry",
    base_url="https://{resource}.openai.azure.com",
    key_env=("AZURE_OPENAI_API_KEY", "AZURE_API_KEY"),
    auth=api_key_header("api-key"),
    speaks=(CHAT, RESPONSES, CLAUDE),
    credentials=credentials,
    instance=instance,
    # Its list is of what could be deployed, not of what is.
    models_path="",
    quirks=QUIRKS,
    docs="https://learn.microsoft.com/en-us/azure/foundry/openai/reference",
)
