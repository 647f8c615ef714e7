"""
The parts of a content, as requests and answers have them.

Some forms mean the same and must come back as they were. A member whose name stands
in ``extras`` with ``None`` says which it was (`MARKS`), and is no loss elsewhere.

Source: https://ai.google.dev/api/caching#Part
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.parts import (
    Media,
    Opaque,
    Part,
    Refusal,
    Signature,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from gateway.wire.gemini.leaves import PROTOCOL, extras_of, own, text_of
from gateway.wire.gemini.media import read_media, write_media
from gateway.wire.gemini.results import WRAPS, read_result, write_result
from gateway.wire.json import JSON_SPACE, encode, loads
from gateway.wire.seal import unseal_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.domain.reply import Json

# ``args``: there were none; ``thought``: without a seal, and Google's all the same;
# ``fileData``: the file is Google's.
MARKS = frozenset({"args", "thought", "fileData", "none", *WRAPS})


def read_part(json: dict[str, Json], call_id: Callable[[str], str]) -> Part:
    """
    Read one part; careless about its shape.

    Args:
        call_id: names a call, or the call of a result, that has no id; it gets
            the name of the function.
    """
    rest = dict(json)
    seal = text_of(rest, "thoughtSignature")
    rest.pop("thoughtSignature", None)
    signature = None if seal is None else unseal_bytes(seal, PROTOCOL)
    if rest.get("thought") is False:
        del rest["thought"]
    if rest.get("text") is not None:
        return _read_text(rest, signature)
    if rest.get("functionCall") is not None:
        return _read_call(rest, signature, call_id)
    if rest.get("functionResponse") is not None and signature is None:
        return read_result(rest.pop("functionResponse"), rest, call_id)
    if not (rest.get("inlineData") is None and rest.get("fileData") is None):
        return read_media(rest, signature)
    return Opaque(PROTOCOL, json)


def _read_text(rest: dict[str, Json], signature: Signature | None) -> Part:
    text = text_of(rest, "text") or ""
    del rest["text"]
    if rest.pop("thought", None):
        if signature is None:
            rest["thought"] = None
        return Thinking(text, signature, extras=extras_of(rest))
    return Text(text, signature=signature, extras=extras_of(rest))


def _read_call(
    rest: dict[str, Json], signature: Signature | None, call_id: Callable[[str], str]
) -> ToolCall:
    call = dict(rest.pop("functionCall"))
    name, given = text_of(call, "name"), text_of(call, "id")
    if not name:
        raise KeyError("name")
    args = call.pop("args", None)
    if args is None:
        rest["args"] = None
    elif not isinstance(args, dict):
        raise TypeError("args is no object")
    left = {k: v for k, v in call.items() if k not in ("name", "id")}
    if left:
        rest["functionCall"] = left
    text = "{}" if args is None else encode(args).decode()
    extras = extras_of(rest)
    return ToolCall(
        given or call_id(name), name, text, signature=signature, extras=extras
    )


def write_part(part: Part, seal: str | None) -> dict[str, Json] | None:
    """
    Return *part* in this dialect; ``None``: it has no word for it.

    Args:
        seal: what goes into its ``thoughtSignature``.
    """
    json = _write_data(part)
    if json is None:
        return None
    for name, value in own(part.extras).items():
        if name in MARKS and value is None:
            continue
        if isinstance(value, dict) and isinstance(json.get(name), dict):
            json[name] = {**json[name], **value}
        else:
            json[name] = value
    if seal is not None:
        json["thoughtSignature"] = seal
    return json


def _write_data(part: Part) -> dict[str, Json] | None:
    match part:
        case Text() | Refusal():
            return {"text": part.text}
        case Thinking():
            return {"text": part.text, "thought": True}
        case ToolCall():
            return {"functionCall": write_call(part)}
        case ToolResult():
            return {"functionResponse": write_result(part)}
        case Media():
            return write_media(part)
        case _:
            return dict(part.json) if part.origin == PROTOCOL else None


def write_call(call: ToolCall) -> dict[str, Json]:
    json: dict[str, Json] = {"name": call.name}
    args, _ = arguments(call)
    if args or "args" not in own(call.extras):
        json["args"] = args
    if call.id:
        json["id"] = call.id
    return json


def arguments(call: ToolCall) -> tuple[dict[str, Json], bool]:
    """
    Return the input as the object that the protocol demands, and whether it was one.

    Any other text (of a custom tool, or not JSON) becomes ``{"input": text}``.
    """
    if call.custom:
        return {"input": call.input}, False
    if not call.input.strip(JSON_SPACE):
        return {}, True
    try:
        args = loads(call.input)
    except ValueError:
        return {"input": call.input}, False
    if isinstance(args, dict):
        return args, True
    return {"input": args}, False
