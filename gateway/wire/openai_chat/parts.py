"""
The leaf objects of messages, each read and written.

Source: https://platform.openai.com/docs/api-reference/chat/object; parts of
compatible servers are named where they are handled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from gateway.domain.parts import Citation, Logprob, Media, Signature, ToolCall
from gateway.wire.dataurl import read_data_url, write_data_url
from gateway.wire.json import encode
from gateway.wire.openai_chat.names import PROTOCOL, extras_of, own
from gateway.wire.seal import seal, unseal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.domain.parts import MediaKind
    from gateway.domain.reply import Json

_FORMATS = {"wav": "audio/wav", "mp3": "audio/mpeg"}  # format: media type
_TYPES = {
    **{media_type: form for form, media_type in _FORMATS.items()},
    "audio/x-wav": "wav",
    "audio/wave": "wav",
    "audio/vnd.wave": "wav",
    "audio/mp3": "mp3",
}
# Parts that hold a medium by its URL, or as data in one; the last two are of
# vLLM, OpenRouter, z.ai and others.
BY_URL: dict[str, MediaKind] = {
    "image_url": "image",
    "video_url": "video",
    "audio_url": "audio",
}


def read_sound_format(form: str) -> str:
    """Return the media type for the format of an ``input_audio``."""
    return _FORMATS.get(form, f"audio/{form}")


def write_sound_format(media_type: str) -> str:
    name = media_type.partition(";")[0].strip().lower()
    return _TYPES.get(name) or name.rpartition("/")[2]


def read_url(kind: MediaKind, url: str, detail: str | None = None) -> Media:
    inline = read_data_url(url)
    if inline is None:
        return Media(kind, url=url, detail=detail)
    media_type, data = inline
    return Media(kind, media_type, data, detail=detail)


def write_url(media: Media) -> dict[str, Json]:
    """Return the ``{url, detail}`` of a medium that has data or a URL."""
    url = media.url or write_data_url(media.media_type, media.data)
    return {"url": url} | ({} if media.detail is None else {"detail": media.detail})


def read_signature(holder: dict[str, Json]) -> Signature | None:
    """
    Take Gemini's seal out of a call, message or delta; what is left stays.

    Source: https://ai.google.dev/gemini-api/docs/openai#thought-signatures
    """
    match holder.get("extra_content"):
        case {"google": {"thought_signature": str() as value} as google} if value:
            left = {k: v for k, v in google.items() if k != "thought_signature"}
            content = {**holder["extra_content"], "google": left}
            content = {k: v for k, v in content.items() if k != "google" or v}
            del holder["extra_content"]
            if content:
                holder["extra_content"] = content
            return unseal(value, PROTOCOL)
    return None


def write_signature(signature: Signature | None) -> dict[str, Json]:
    """Return the member that holds a seal, sealed once more if it is another's."""
    if signature is None:
        return {}
    value = seal(signature, PROTOCOL)
    return {"extra_content": {"google": {"thought_signature": value}}}


def word(json: Json) -> str:
    """
    Return a member that is a string, or nothing.

    Raises:
        TypeError: it is something else.
    """
    if type(json) is str:
        return json
    if json is None:
        return ""
    raise TypeError("expected a string")


def joined(one: dict[str, Json], other: dict[str, Json]) -> dict[str, Json]:
    """Return both; members that are objects in both are joined as well."""
    both = {**one, **other}
    for name in one.keys() & other.keys():
        if isinstance(one[name], dict) and isinstance(other[name], dict):
            both[name] = joined(one[name], other[name])
    return both


def write_tool_call(call: ToolCall, **members: Json) -> dict[str, Json]:
    """Return the call with *members* in front, such as its index."""
    kind, text = ("custom", "input") if call.custom else ("function", "arguments")
    inner = {"name": call.name, text: call.input}
    json = members | {"id": call.id, "type": kind, kind: inner}
    return joined(json | write_signature(call.signature), _said(call))


def _said(call: ToolCall) -> dict[str, Json]:
    return {k: v for k, v in own(call.extras).items() if k != "function_call"}


def input_of(json: Json) -> str:
    """Return a call's arguments as text; some servers send the object."""
    if isinstance(json, str):
        return json
    return "" if json is None else encode(json).decode()


def read_citation(json: dict[str, Json], origin: str = PROTOCOL) -> Citation | None:
    """Return what an annotation cites; ``None`` if it is of another kind."""
    inner = json.get("url_citation")
    if not isinstance(inner, dict):
        return None
    return Citation(
        _word(inner, "url"),
        _word(inner, "title"),
        _word(inner, "content"),  # OpenRouter
        _place(inner, "start_index"),
        _place(inner, "end_index"),
        extras_of(json, origin),
    )


def _word(json: dict[str, Json], name: str) -> str | None:
    value = json.get(name)
    return value if isinstance(value, str) else None


def _place(json: dict[str, Json], name: str) -> int | None:
    value = json.get(name)
    return value if type(value) is int else None


def write_citation(citation: Citation) -> dict[str, Json]:
    """Return an annotation: the provider's own if it is of this dialect."""
    return own(citation.extras) or {
        "type": "url_citation",
        "url_citation": {
            "start_index": citation.start or 0,
            "end_index": citation.end or 0,
            "title": citation.title or "",
            "url": citation.url or "",
        },
    }


def read_logprobs(json: Iterable[dict[str, Json]]) -> tuple[Logprob, ...]:
    """Read the tokens of a ``content``; members beyond OpenAI's are not kept."""
    return tuple(
        evolve(_read_logprob(token), top=_tops(token.get("top_logprobs")))
        for token in json
    )


def _tops(json: Json) -> tuple[Logprob, ...]:
    return tuple(_read_logprob(top) for top in json or ())


def _read_logprob(json: dict[str, Any]) -> Logprob:
    spelt = json.get("bytes")
    return Logprob(
        word(json["token"]),
        float(json["logprob"]),
        None if spelt is None else tuple(map(int, spelt)),
    )


def write_logprobs(logprobs: Iterable[Logprob]) -> dict[str, Json]:
    return {
        "content": [
            _write_logprob(token)
            | {"top_logprobs": [_write_logprob(top) for top in token.top]}
            for token in logprobs
        ],
        "refusal": None,
    }


def _write_logprob(token: Logprob) -> dict[str, Json]:
    return {"token": token.token, "logprob": token.logprob, "bytes": token.bytes}
