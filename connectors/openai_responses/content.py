"""
What users and tools say: the content of messages and of tool results.

Source: https://platform.openai.com/docs/api-reference/responses/create
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.loss import Loss, dropped, refused
from gateway.domain.parts import Media, Opaque, Text
from gateway.wire.dataurl import write_data_url
from gateway.wire.openai_responses.names import PROTOCOL, form_of, said

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.domain.parts import Part
    from gateway.domain.reply import Json

_AUDIO = {"audio/mpeg": "mp3", "audio/x-wav": "wav", "audio/wave": "wav"}


class ContentWriter:
    """
    Args:
        own: the request was made in this dialect.
        losses: where what cannot be said is told.
    """

    def __init__(self, losses: list[Loss], *, own: bool) -> None:
        self._losses = losses
        self._own = own

    def write(
        self, parts: Sequence[Part], path: str, *, bare: bool | None
    ) -> str | list[Json]:
        """
        Return ``content``: a string where it was one, or where one says the same.

        Args:
            path: of the list of parts, in the domain.
        """
        plain = [p.text for p in parts if isinstance(p, Text) and not p.extras]
        single = len(plain) <= 1 and not self._own
        if len(plain) == len(parts) and (bare or (single and plain)):
            return "".join(plain)
        written = [self._part(part, f"{path}[{i}]") for i, part in enumerate(parts)]
        return [json for json in written if json is not None]

    def _part(self, part: Part, path: str) -> Json:
        match part:
            case Text():
                kind = form_of(part.extras).get("type", "input_text")
                return {"type": kind, "text": part.text, **said(part.extras)}
            case Opaque(origin=origin, json=json) if origin == PROTOCOL:
                return json
            case Media(file_id=str()) if not self._own:
                self._losses.append(refused(path, "the file is at another provider"))
            case Media(kind="image"):
                return self._image(part, path)
            case Media(kind="file"):
                return self._file(part)
            case Media(kind="audio") if part.data:
                kind = part.media_type or "audio/wav"
                form = _AUDIO.get(kind, kind.partition("/")[2])
                inner: dict[str, Json] = {"data": part.data, "format": form}
                words = said(part.extras)
                inner |= words.pop("input_audio", {})
                return {"type": "input_audio", "input_audio": inner, **words}
            case Media(kind=kind):
                self._losses.append(refused(path, f"no message can hold {kind} so"))
            case _:
                why = f"no message can hold a {type(part).__name__.lower()}"
                self._losses.append(refused(path, why))
        return None

    def _image(self, image: Media, path: str) -> dict[str, Json]:
        if image.signature is not None:
            self._losses.append(dropped(f"{path}.signature", "no image has a seal"))
        optional = {
            "image_url": _url(image),
            "file_id": image.file_id,
            "detail": image.detail,
        }
        written = {k: v for k, v in optional.items() if v is not None}
        return {"type": "input_image", **written, **said(image.extras)}

    def _file(self, file: Media) -> dict[str, Json]:
        name = file.name
        if name is None and file.data and not self._own:
            # OpenAI wants one beside data, and tells the kind of file by it, too.
            kind = (file.media_type or "").partition("/")[2]
            name = f"document.{'txt' if kind == 'plain' else kind or 'pdf'}"
        optional = {
            "filename": name,
            "file_data": _data(file),
            "file_url": file.url,
            "file_id": file.file_id,
            "detail": file.detail,
        }
        written = {k: v for k, v in optional.items() if v is not None}
        return {"type": "input_file", **written, **said(file.extras)}


def _url(image: Media) -> str | None:
    if not image.data:
        return image.url
    return write_data_url(image.media_type, image.data)


def _data(file: Media) -> str | None:
    if not file.data or file.media_type is None:
        return file.data or None
    return write_data_url(file.media_type, file.data)
