"""
What clients put into messages and tool results, from their JSON to parts.

Source: https://platform.openai.com/docs/api-reference/responses/create
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from gateway.domain.parts import Media, Opaque, Text
from gateway.fronts.content import read_parts
from gateway.fronts.fields import Fields
from gateway.wire.dataurl import read_data_url
from gateway.wire.openai_responses.names import FORM, PROTOCOL, extras_of

if TYPE_CHECKING:
    from gateway.domain.parts import Part
    from gateway.domain.reply import Json

CONTENT = "a string or a list of parts"
AUDIO = {"wav": "audio/wav", "mp3": "audio/mpeg"}


def read_content(fields: Fields, name: str) -> tuple[tuple[Part, ...], bool]:
    """
    Return the parts in the member *name*, and whether they came as a bare string.

    Raises:
        InvalidRequestError: with the JSON path.
    """
    content = fields.needs(name, CONTENT)
    return read_parts(fields, name, content, _read, CONTENT)


def _read(json: Json, at: str) -> Part:
    fields = Fields(json, at)
    kind = fields.needs_text("type")
    part: Part
    match kind:
        case "input_text" | "output_text" | "text":
            part = Text(fields.needs_text("text"))
            if kind != "input_text":
                fields.keep(FORM, {"type": kind})
        case "input_image":
            part = _image(fields)
        case "input_file":
            part = _file(fields)
        case "input_audio":
            inner = fields.needs_fields("input_audio")
            data, form = inner.needs_name("data"), inner.needs_name("format")
            part = Media("audio", AUDIO.get(form, f"audio/{form}"), data)
        case _:
            return Opaque(PROTOCOL, json)
    return evolve(part, extras=extras_of(fields.rest()))


def _image(fields: Fields) -> Media:
    url, file_id = fields.text("image_url"), fields.text("file_id")
    if not url and not file_id:
        fields.needs("image_url", "a URL, or a file_id beside it")
    inline = read_data_url(url) if url else None
    detail = fields.text("detail")
    if inline is None:
        return Media("image", url=url, file_id=file_id, detail=detail)
    media_type, data = inline
    return Media("image", media_type, data, file_id=file_id, detail=detail)


def _file(fields: Fields) -> Media:
    name, file_id = fields.text("filename"), fields.text("file_id")
    url, data = fields.text("file_url"), fields.text("file_data")
    if not (file_id or url or data):
        fields.needs("file_data", "base64 data, or a file_id or file_url beside it")
    inline = read_data_url(data) if data else None
    media_type, data = inline or (None, data)
    return Media(
        "file",
        media_type,
        data or "",
        url=url,
        file_id=file_id,
        name=name,
        detail=fields.text("detail"),
    )
