"""
Amazon Bedrock: Converse for all of its models, and makers' own protocols.

Clients of Anthropic's Messages are passed on to Claude by ``invoke``, those of
OpenAI's chat to OpenAI's models by the endpoint that is compatible; whoever else asks
is translated to Converse.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html
and https://docs.aws.amazon.com/bedrock/latest/userguide/inference-chat-completions.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from connectors import anthropic, openai_chat
from connectors.auth import bearer
from connectors.auth.aws import BEARER, REGIONS, Regions, make
from connectors.bedrock.invoke import EDITS, InvokeDecoder
from connectors.bedrock.models import CLAUDE, OPENAI
from connectors.bedrock.request import write_count, write_request
from connectors.bedrock.response import read_count, read_reply
from connectors.bedrock.stream import reader
from gateway.plugin import Connector, Dialect, Parameter, Translator
from gateway.wire.bedrock import PROTOCOL
from gateway.wire.eventstream import EventStreamFramer

if TYPE_CHECKING:
    from gateway.plugin import Given

TRANSLATOR = Translator(
    write_request=write_request,
    read_reply=read_reply,
    reader=reader,
    framer=EventStreamFramer,
    write_count=write_count,
    read_count=read_count,
)

DIALECT = Dialect(
    protocol=PROTOCOL,
    paths={
        "chat": "/model/{model}/converse",
        "chat_stream": "/model/{model}/converse-stream",
    },
    version="",
    translator=TRANSLATOR,
    own_errors=False,
)

# Tokens are counted for models that go by their own names: Bedrock does not count for
# an inference profile, without which newer models cannot be asked. Of these the
# gateway makes an estimate.
# https://docs.aws.amazon.com/bedrock/latest/userguide/count-tokens.html
COUNTING = evolve(
    DIALECT,
    paths={"count_tokens": "/model/{model}/count-tokens"},
    models=("anthropic.claude*", "arn:*:foundation-model/anthropic.claude*"),
)

MESSAGES = evolve(
    anthropic.DIALECT,
    paths={
        "chat": "/model/{model}/invoke",
        "chat_stream": "/model/{model}/invoke-with-response-stream",
    },
    version="",
    headers={},  # the version stands in the body
    passes=("anthropic-version", "anthropic-beta"),
    queries=(),
    models=(CLAUDE,),
    edits=EDITS,
    decoder=InvokeDecoder,
    own_errors=False,
)

CHAT = openai_chat.DIALECT.only("chat").at(
    "/openai/v1", version="", models=(OPENAI,), own_errors=False
)


def in_region(connector: Connector, given: Given) -> Connector:
    """
    Return the connector with the address of the account's region.

    That may stand where the credentials do, in the configuration of the gateway or in
    the files that AWS' own tools share.
    """
    regions = Regions.of(given.auth, given.extra, given.environ)
    if given.base_url or (region := regions.found()) is None:
        return connector
    url = connector.base_url.replace("{region}", region)
    if region.startswith("cn-"):
        url += ".cn"
    return evolve(connector, base_url=url, parameters=())


BEDROCK = Connector(
    name="bedrock",
    title="Amazon Bedrock",
    base_url="https://bedrock-runtime.{region}.amazonaws.com",
    extras=("signing_name",),
    parameters=(Parameter("region", env=REGIONS, shown="us-east-1"),),
    key_env=(BEARER,),
    auth=bearer,
    credentials=make,
    instance=in_region,
    # The counting one is no dialect of its own; where one is chosen by its protocol,
    # it is the last of that name that counts.
    speaks=(COUNTING, DIALECT, MESSAGES, CHAT),
    models_path="",
    quirks=(
        (
            "Without a Bedrock API key requests are signed (version 4) with the"
            " credentials that AWS' own tools would find; that needs"
            ' `pip install "sluicegate[aws]"`.'
        ),
        (
            "The region is `auth.region`, `extra.region`, `AWS_REGION`,"
            " `AWS_DEFAULT_REGION` or that of the profile."
        ),
        (
            "Models are listed at another host, which is not asked: name them under"
            " `models` where clients need a list."
        ),
        (
            "A model's name is its id, the id of an inference profile, or an ARN. What"
            " an ARN of an application's profile stands for is unknown, so that it is"
            " asked by Converse and without members of the model's own. An instance"
            " with `extra: {speaks: anthropic}` takes every model for one of"
            " Anthropic's."
        ),
        (
            "Betas of Anthropic's clients (`anthropic-beta`) go along; Bedrock refuses"
            " those that it does not know."
        ),
    ),
    docs="https://docs.aws.amazon.com/bedrock/latest/APIReference/"
    "API_Operations_Amazon_Bedrock_Runtime.html",
)
