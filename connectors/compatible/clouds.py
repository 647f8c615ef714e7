"""Providers whose address holds the name of an account."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import evolve

from connectors.auth import bearer
from connectors.compatible.dialects import (
    CHAT,
    MESSAGES,
    ONLY_CHAT,
    RESPONSES,
    rooted,
    speaking,
)
from connectors.edits import rename
from gateway.plugin import Connector, Parameter

if TYPE_CHECKING:
    from gateway.plugin import Given

_HOST = re.compile(r"[A-Za-z0-9.-]+")

# https://developers.cloudflare.com/workers-ai/configuration/open-ai-compatibility; the
# list of models is another API, in a shape of its own.
CLOUDFLARE = Connector(
    name="cloudflare",
    title="Cloudflare Workers AI",
    base_url="https://api.cloudflare.com/client/v4/accounts/{account_id}/ai/v1",
    parameters=(Parameter("account_id", ("CLOUDFLARE_ACCOUNT_ID",)),),
    key_env=("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_API_KEY"),
    auth=bearer,
    speaks=(CHAT.only("chat", "embeddings"), RESPONSES),
    models_path="",
    docs="https://developers.cloudflare.com/workers-ai/configuration/open-ai-compatibility",
    quirks=(
        "Models are called by their path, such as `@cf/openai/gpt-oss-120b`.",
        (
            "It lists its models elsewhere: name those that clients should see in"
            " `models`."
        ),
    ),
)


def _workspace(connector: Connector, given: Given) -> Connector:
    """Take the workspace as Databricks' own tools do: as an address."""
    if given.base_url:
        return rooted(connector, given)
    host = given.value("host", "DATABRICKS_HOST")
    bare = host.removeprefix("https://").rstrip("/")
    if bare == host or not _HOST.fullmatch(bare):
        return connector
    base_url = connector.base_url.replace("{host}", bare)
    return evolve(connector, base_url=base_url, parameters=())


# https://docs.databricks.com/aws/en/machine-learning/model-serving/query-anthropic-messages,
# .../query-openai-responses (OpenAI's models), .../query-open-responses-models (all)
DATABRICKS = Connector(
    name="databricks",
    title="Databricks",
    base_url="https://{host}/serving-endpoints",
    parameters=(
        Parameter("host", ("DATABRICKS_HOST",), shown="dbc-1234.cloud.databricks.com"),
    ),
    key_env=("DATABRICKS_TOKEN", "DATABRICKS_API_KEY"),
    auth=bearer,
    instance=_workspace,
    speaks=(
        CHAT.only("chat", "embeddings").at(
            "",
            version="",
            edits=(rename("max_completion_tokens", "max_tokens", of=("chat",)),),
        ),
        RESPONSES.at("", version="", models=("databricks-gpt-[0-9]*",)),
        MESSAGES.at("/anthropic/v1", version="", models=("databricks-claude-*",)),
    ),
    models_path="",
    docs="https://docs.databricks.com/aws/en/machine-learning/model-serving/score-foundation-models",
    quirks=(
        (
            "Responses are for `databricks-gpt-*`, Messages for `databricks-claude-*`;"
            " chat is for all."
        ),
        "In chat, `max_completion_tokens` is sent as `max_tokens`.",
        (
            "It lists its endpoints elsewhere: name those that clients should see in"
            " `models`."
        ),
    ),
)

# https://docs.snowflake.com/en/user-guide/snowflake-cortex/cortex-rest-api: the key is
# a programmatic access token, in Messages, too. That chat's limit is
# ``max_completion_tokens`` was not found there: it is OpenAI's own word.
SNOWFLAKE = Connector(
    name="snowflake",
    title="Snowflake Cortex",
    base_url="https://{account}.snowflakecomputing.com/api/v2/cortex/v1",
    parameters=(
        Parameter(
            "account",
            ("SNOWFLAKE_ACCOUNT", "SNOWFLAKE_ACCOUNT_ID"),
            shown="myorg-myaccount",
        ),
    ),
    key_env=("SNOWFLAKE_PAT", "SNOWFLAKE_CORTEX_PAT", "SNOWFLAKE_JWT"),
    auth=bearer,
    speaks=(
        speaking(ONLY_CHAT, limit="max_completion_tokens"),
        MESSAGES.at("", models=("claude-*",)),
    ),
    models_path="",
    docs="https://docs.snowflake.com/en/user-guide/snowflake-cortex/cortex-rest-api",
    quirks=(
        "Messages are for `claude-*` only; chat is for all models.",
        "It lists no models: name those that clients should see in `models`.",
    ),
)
