"""
The items that a model says: messages, thoughts and calls, read and written.

One item may hold several parts of the domain, which then share a ``group``. What
is no item of these is `Opaque`.

Source: https://platform.openai.com/docs/api-reference/responses/object
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from gateway.domain.parts import (
    Media,
    Opaque,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
)
from gateway.wire.openai_responses.leaves import (
    REASONING,
    a_text,
    read_refusal,
    read_text,
    read_thought,
    text_or_none,
    write_refusal,
    write_text,
    write_thought,
)
from gateway.wire.openai_responses.names import (
    FORM,
    ITEM,
    PROTOCOL,
    WORDS,
    extras_of,
    form_of,
    own,
    said,
)
from gateway.wire.openai_responses.namespaces import NAMES
from gateway.wire.openai_responses.seals import name_in, read_seal, write_seal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.domain.parts import Extras
    from gateway.domain.reply import Json

CALLS = {"function_call": "arguments", "custom_tool_call": "input"}
# By what an item's id begins.
PREFIXES = {
    "message": "msg",
    "reasoning": "rs",
    "function_call": "fc",
    "custom_tool_call": "ctc",
    "image_generation_call": "ig",
}
_CALL = ("type", "id", "status", "call_id", "name", "arguments", "input")


def kind_of(json: dict[str, Json]) -> str:
    """Return an item's type; a message may leave it out."""
    kind = json.get("type") or ("message" if "role" in json else "item_reference")
    return str(kind)


def read_item(json: dict[str, Json], group: int) -> tuple[Part, ...]:
    """Return the parts of an item of the model's; at least one."""
    match kind_of(json):
        case "message" if json.get("role") == "assistant":
            return _read_message(json, group)
        case "reasoning":
            return _read_reasoning(json, group)
        case "function_call" | "custom_tool_call":
            return (_read_call(json, group),)
        case _:
            return (Opaque(PROTOCOL, json, group=group),)


def _read_message(json: dict[str, Json], group: int) -> tuple[Part, ...]:
    content = json["content"]
    if isinstance(content, str):
        extras = extras_of({FORM: {"string": True}})
        parts: list[Part] = [Text(content, group=group, extras=extras)]
    else:
        parts = [_read_part(part, group) for part in content]
    if not parts:
        parts = [empty(group)]
    return marked(parts, json)


def empty(group: int) -> Text:
    """Return the part that stands for a message which holds none."""
    return Text(group=group, extras=extras_of({FORM: {"empty": True}}))


def _read_part(json: dict[str, Json], group: int) -> Part:
    match json["type"]:
        case "output_text":
            return read_text(json, group)
        case "refusal":
            return read_refusal(json, group)
        case _:
            # Kept where it stood, inside its message: see `write_item`.
            extras = extras_of({FORM: {"inside": True}})
            return Opaque(PROTOCOL, json, group=group, extras=extras)


def _read_reasoning(json: dict[str, Json], group: int) -> tuple[Part, ...]:
    thoughts = [
        read_thought(part, group) for name in REASONING for part in json.get(name) or ()
    ]
    last = thoughts.pop() if thoughts else Thinking(group=group)
    seal = json.get("encrypted_content")
    if isinstance(seal, str):
        signature = read_seal(seal, text_or_none(json.get("id")))
        last = evolve(last, signature=signature)
    return marked([*thoughts, last], json)


def _read_call(json: dict[str, Json], group: int) -> ToolCall:
    kind = json["type"]
    return ToolCall(
        a_text(json["call_id"]),
        a_text(json["name"]),
        a_text(json[CALLS[kind]]),
        custom=kind == "custom_tool_call",
        group=group,
        extras=call_extras(json),
    )


def call_extras(json: dict[str, Json]) -> Extras:
    """Return what of a call is not modelled."""
    beside = {k: json[k] for k in ("id", "status") if k in json}
    rest = {k: v for k, v in json.items() if k not in _CALL}
    return extras_of({**rest, ITEM: beside})


def beside(json: dict[str, Json]) -> dict[str, Json]:
    """Return the members of a message or reasoning item beside its content."""
    held: tuple[str, ...] = ("content", "role", *WORDS)
    if kind_of(json) == "reasoning":
        # Empty lists and nulls are no content, and tell one server from another.
        filled = (k for k in ("content", "encrypted_content") if json.get(k))
        held = ("summary", *filled)
    return {k: v for k, v in json.items() if k not in held}


def words(json: dict[str, Json]) -> dict[str, Json]:
    return {k: json[k] for k in WORDS if k in json}


def marked(parts: list[Part], json: dict[str, Json]) -> tuple[Part, ...]:
    """Return *parts* with what is known of their item *json*; see `ITEM`."""
    whole = beside(json)
    begun = {k: v for k, v in whole.items() if k != "status"}
    first, last = parts[0], parts[-1]
    parts[0] = with_own(first, {ITEM: begun, **words(json)})
    parts[-1] = with_own(parts[-1] if last is first else last, {ITEM: whole})
    return tuple(parts)


def with_own(part: Part, members: dict[str, Json]) -> Part:
    """Return *part* with *members* added to its extras of this dialect."""
    joined = {**own(part.extras), **members}
    return evolve(part, extras={**part.extras, PROTOCOL: joined})


def split(parts: Iterable[Part]) -> list[list[Part]]:
    """
    Return *parts* as they share items.

    Where they come from another protocol, texts that follow each other are one
    message, and thoughts one item up to the one that is sealed.
    """
    items: list[list[Part]] = []
    for part in parts:
        if items and shares(items[-1], part):
            items[-1].append(part)
        else:
            items.append([part])
    return items


def shares(item: list[Part], part: Part) -> bool:
    """Tell whether *part* stands in the same item as those before it."""
    last = item[-1]
    if last.group != part.group or _holder(last) != _holder(part):
        return False
    return _holder(part) is not None and getattr(last, "signature", None) is None


def _holder(part: Part) -> str | None:
    """Return which item of several parts holds *part*, if one does."""
    match part:
        case Text() | Refusal():
            return "message"
        case Thinking():
            return "reasoning"
        case Opaque() if form_of(part.extras).get("inside"):
            return "message"
        case _:
            return None


def write_item(parts: list[Part], label: str | None = None) -> dict[str, Json]:
    """
    Return the item that holds *parts*, as `split` found them.

    Args:
        parts: none of them a `ToolResult`; of media only pictures.
        label: what the ids are made of that a reply needs; in a request an item
            that had none goes without, and has no status either.
    """
    first = parts[0]
    match first:
        case Thinking():
            return _write_reasoning(parts, label)
        case ToolCall():
            return _write_call(first, label)
        case Media():
            return _write_picture(first, label)
        case Opaque() if _holder(first) is None:
            json: dict[str, Json] = first.json
            return json
        case _:
            return _write_message(parts, label)


def item_of(parts: list[Part]) -> dict[str, Json] | None:
    """Return what is known of the item beside its content, if it was of ours."""
    known = [own(p.extras)[ITEM] for p in parts if ITEM in own(p.extras)]
    return {k: v for item in known for k, v in item.items()} if known else None


def _write_message(parts: list[Part], label: str | None) -> dict[str, Json]:
    known = item_of(parts)
    if known is None:
        known = _new("message", label)
    if form_of(parts[0].extras).get("string"):
        content: Json = getattr(parts[0], "text", "")
    else:
        content = [write_part(p) for p in parts if not form_of(p.extras).get("empty")]
    said_too = {k: v for k, v in own(parts[0].extras).items() if k in WORDS}
    return {**known, "role": "assistant", "content": content, **said_too}


def write_part(part: Part) -> Json:
    """Return a part of a message."""
    match part:
        case Text():
            return write_text(part)
        case Refusal():
            return write_refusal(part)
        case _:
            return getattr(part, "json", None)


def _write_reasoning(parts: list[Part], label: str | None) -> dict[str, Json]:
    thoughts = [part for part in parts if isinstance(part, Thinking)]
    known = item_of(parts)
    sealed = thoughts[-1].signature
    if known is None:
        known = _new("reasoning", label)
        known.pop("status", None)  # as OpenAI itself
        if sealed is not None and (name := name_in(sealed)):
            known["id"] = name
    written = [write_thought(t) for t in thoughts if t.text]
    summary = [t for t in written if t["type"] == REASONING["summary"]]
    json = {**known, "summary": summary}
    if len(summary) < len(written):
        json["content"] = [t for t in written if t not in summary]
    if sealed is not None:
        json["encrypted_content"] = write_seal(sealed)
    return json


def _write_call(call: ToolCall, label: str | None) -> dict[str, Json]:
    kind = "custom_tool_call" if call.custom else "function_call"
    members = own(call.extras)
    known = members[ITEM] if ITEM in members else _new(kind, label)
    # With the names that one was joined of, if it was.
    names = {k: v for k, v in form_of(call.extras).items() if k in NAMES}
    return {
        **known,
        "type": kind,
        "call_id": call.id,
        "name": call.name,
        **names,
        CALLS[kind]: call.input,
        **said(call.extras),
    }


def _write_picture(picture: Media, label: str | None) -> dict[str, Json]:
    """Return a picture as OpenAI's own models make one: by a hosted tool."""
    form = (picture.media_type or "image/png").partition("/")[2]
    known = _new("image_generation_call", label)
    return {**known, "result": picture.data, "output_format": form}


def sealed_behind(part: Part, label: str | None = None) -> dict[str, Json] | None:
    """Return the item for the seal of a text or call, if it has one."""
    signature = getattr(part, "signature", None)
    if signature is None or isinstance(part, Thinking):
        return None
    known = _new("reasoning", label)
    known.pop("status", None)
    seal = write_seal(signature, behind=True)
    return {**known, "summary": [], "encrypted_content": seal}


def _new(kind: str, label: str | None) -> dict[str, Json]:
    json: dict[str, Json] = {"type": kind}
    if label is not None:
        json["id"] = f"{PREFIXES[kind]}_{label}"
        json["status"] = "completed"
    return json
