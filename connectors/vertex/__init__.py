"""
Google's Vertex AI: Gemini in its own protocol, Claude in Anthropic's, and what
others publish there in OpenAI's.

Sources: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/learn/locations,
https://docs.cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude,
https://docs.cloud.google.com/vertex-ai/generative-ai/docs/maas/call-open-model-apis
"""

from __future__ import annotations

from attrs import evolve

from connectors import anthropic, gemini, openai_chat
from connectors.auth import api_key_header
from connectors.vertex.addresses import LOCATION_VARIABLES, instance
from connectors.vertex.edits import as_vertex_count, as_vertex_messages
from connectors.vertex.embeddings import PREDICT
from connectors.vertex.keys import credentials
from gateway.plugin import Connector, Parameter

# All paths go on from ``projects/P/locations/L``, which `instance` puts before them.
GEMINI = gemini.DIALECT.only("chat", "chat_stream", "chat_array", "count_tokens").at(
    "/publishers/google",
    # The version that Google's own SDK asks for: it knows what v1 knows, and more.
    version="v1beta1",
    models=("gemini-*",),
    edits=(as_vertex_count,),
    # Any error of Google's has the shape that Gemini's have.
    queries=(),
)

# Source: https://platform.claude.com/docs/en/build-with-claude/claude-on-vertex-ai
CLAUDE = evolve(
    anthropic.DIALECT,
    paths={
        "chat": "/publishers/anthropic/models/{model}:rawPredict",
        "chat_stream": "/publishers/anthropic/models/{model}:streamRawPredict",
        "count_tokens": "/publishers/anthropic/models/count-tokens:rawPredict",
    },
    models=("claude-*",),
    edits=(as_vertex_messages,),
    # Google refuses what it does not know in a query, such as ``beta=true``.
    queries=(),
    # What Google itself refuses is no error of Anthropic's shape.
    own_errors=False,
)

CHAT = openai_chat.DIALECT.only("chat").at(
    "/endpoints/openapi",
    # These names have a publisher, such as ``meta/llama-3.3-70b-instruct-maas``.
    models=("*/*",),
    own_errors=False,
)

QUIRKS = (
    (
        "Without an API key it uses Google's application default credentials, or the"
        " file that `auth: {type: google, file: ...}` names. This needs"
        ' `pip install "sluicegate[google]"`.'
    ),
    (
        "The project is `extra.project` or `GOOGLE_CLOUD_PROJECT`, else that of the"
        " service account, or of the machine in Google's cloud. With an API key and no"
        " project it is asked in express mode, which has Gemini only."
    ),
    (
        "`gemini-*` is asked in Gemini's protocol, `claude-*` in Anthropic's, and a"
        " name with a publisher, such as `meta/llama-3.3-70b-instruct-maas`, in"
        " OpenAI's."
    ),
    (
        "It has no list of what a project may use: name the models in `models`, or say"
        " `vertex:gemini-2.5-flash`."
    ),
    (
        "`location` is a region, `us`, `eu` or `global`. An `api_base_url` ends before"
        " `/projects/`."
    ),
)

VERTEX = Connector(
    name="vertex",
    title="Google Vertex AI",
    base_url="https://{location}-aiplatform.googleapis.com/v1beta1",
    speaks=(GEMINI, CLAUDE, CHAT, PREDICT),
    auth=api_key_header("x-goog-api-key"),
    extras=("project", "api_version", "quota_project"),
    parameters=(
        Parameter(
            "location",
            env=LOCATION_VARIABLES,
            default="global",
            shown="europe-west4",
        ),
    ),
    credentials=credentials,
    instance=instance,
    models_path="",
    quirks=QUIRKS,
    docs="https://docs.cloud.google.com/vertex-ai/generative-ai/docs/reference/rest",
)
