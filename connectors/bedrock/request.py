"""
A request, from the domain to Converse.

The model's name and whether to stream stand in the path, not in the body.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
and https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CountTokens.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from connectors.anthropic.schema import write_schema
from connectors.bedrock.fields import write_fields
from connectors.bedrock.messages import write_conversation
from connectors.bedrock.tools import write_tools
from gateway.domain.custom import without_custom
from gateway.domain.loss import approximate, dropped, unsaid
from gateway.plugin import Written
from gateway.wire.bedrock import PROTOCOL
from gateway.wire.json import encode

if TYPE_CHECKING:
    from gateway.domain.loss import Loss
    from gateway.domain.reply import Json
    from gateway.domain.request import OutputFormat, Request

TIERS = {
    "default": "default",
    "standard_only": "default",
    "flex": "flex",
    "priority": "priority",
    "reserved": "reserved",
}
# What a label may be made of, and how many there may be.
_LABEL = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{1,256}")
_MOST_LABELS = 16
# What CountTokens takes of a Converse request.
_COUNTED = ("messages", "system", "toolConfig", "additionalModelRequestFields")


def write_request(request: Request) -> Written:
    """
    Return the body.

    What ``extras["bedrock_converse"]`` holds at the top (``guardrailConfig``,
    ``additionalModelRequestFields``, ``performanceConfig``) is written back.
    """
    request, losses = without_custom(request, "Bedrock")
    conversation = write_conversation(request)
    losses += conversation.losses
    said = conversation.said
    fields = write_fields(request, losses)
    tools = write_tools(request, conversation.called, losses, said)
    output = _output(request.output_format, fields.effort, losses)
    members: dict[str, Json] = {
        "messages": conversation.messages,
        "system": conversation.system,
        "inferenceConfig": fields.config,
        "toolConfig": tools,
        "additionalModelRequestFields": fields.additional,
        "outputConfig": output,
        "requestMetadata": _labels(request.metadata, losses),
        "serviceTier": _tier(request.service_tier, losses),
    }
    if request.parallel_tools is False:
        losses.append(dropped("parallel_tools", "Bedrock cannot turn it off"))
    if request.user is not None:
        losses.append(dropped("user", "Bedrock has no such member"))
    losses += unsaid(request, PROTOCOL, said)
    body = {name: value for name, value in members.items() if value}
    body.setdefault("messages", [])
    return Written(_with_own(body, request), tuple(losses))


def _with_own(body: dict[str, Json], request: Request) -> dict[str, Json]:
    own: dict[str, Json] = dict(request.extras.get(PROTOCOL, {}))
    name = "additionalModelRequestFields"
    if isinstance(own.get(name), dict):
        own[name] = {**body.get(name, {}), **own[name]}
    return body | own


def write_count(request: Request) -> Written:
    """Write a request to count the tokens of what is asked."""
    written = write_request(request)
    body = {k: written.body[k] for k in _COUNTED if k in written.body}
    losses = (loss for loss in written.losses if not loss.path.startswith("sampling."))
    return Written({"input": {"converse": body}}, tuple(losses))


def _output(
    form: OutputFormat | None, effort: str | None, losses: list[Loss]
) -> dict[str, Json]:
    """Return ``outputConfig`` with the effort and the format in it."""
    config: dict[str, Json] = {} if effort is None else {"effort": effort}
    if form is None or form.kind == "text":
        return config
    if form.kind == "json" or form.schema is None:
        why = "left to the prompt: Bedrock wants a schema"
        losses.append(approximate("output_format", why))
        return config
    # The subset of JSON Schema is that of the first model that had this.
    # https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html
    schema, adapted = write_schema(form.schema, "output_format.schema")
    losses += adapted
    if form.strict is False:
        why = "Bedrock always keeps to the schema"
        losses.append(approximate("output_format.strict", why))
    told = {"name": form.name, "description": form.description}
    said = {name: text for name, text in told.items() if text}
    structure = {"jsonSchema": {"schema": encode(schema).decode(), **said}}
    config["textFormat"] = {"type": "json_schema", "structure": structure}
    return config


def _labels(metadata: Json, losses: list[Loss]) -> dict[str, Json]:
    """Return the caller's labels, by which Bedrock's logs can be sifted."""
    if not metadata:
        return {}
    fits = isinstance(metadata, dict) and len(metadata) <= _MOST_LABELS
    if fits and all(_fits(k) and _fits(v) for k, v in metadata.items()):
        return dict(metadata)
    why = f"Bedrock takes {_MOST_LABELS} labels of plain characters"
    losses.append(dropped("metadata", why))
    return {}


def _fits(text: Json) -> bool:
    return isinstance(text, str) and _LABEL.fullmatch(text) is not None


def _tier(tier: str | None, losses: list[Loss]) -> dict[str, Json]:
    if tier is None or tier == "auto":
        return {}
    if tier not in TIERS:
        losses.append(dropped("service_tier", "Bedrock has no such tier"))
        return {}
    return {"type": TIERS[tier]}
