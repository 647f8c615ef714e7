"""Pictures and documents."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.anthropic.media import write_media
from gateway.domain.parts import Media

PNG = "iVBORw0KGgo="


def written(media: Media, *, mine: bool = False) -> tuple[Any, list[str]]:
    block, losses = write_media(media, "p", mine=mine)
    return block, [f"{loss.path}: {loss.grade}" for loss in losses]


@pytest.mark.parametrize("media_type", ["image/png", None])
def test_picture(media_type: str | None) -> None:
    """Where nobody says what it is, its first bytes do."""
    source = {"type": "base64", "media_type": "image/png", "data": PNG}

    assert written(Media("image", media_type, PNG)) == (
        {"type": "image", "source": source},
        [],
    )


def test_picture_by_url() -> None:
    media = Media("image", url="https://e.org/a.png", detail="low")

    assert written(media) == (
        {"type": "image", "source": {"type": "url", "url": "https://e.org/a.png"}},
        ["p.detail: dropped"],
    )
    assert written(Media("image", url="gs://b/a.png", detail="auto")) == (
        None,
        ["p: refused"],
    )


def test_documents() -> None:
    pdf = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}
    text = {"type": "text", "media_type": "text/plain", "data": "Hé"}

    assert written(Media("file", data="JVBERi0=", name="a.pdf")) == (
        {"type": "document", "source": pdf, "title": "a.pdf"},
        [],
    )
    assert written(Media("file", "text/csv", "SMOp")) == (
        {"type": "document", "source": text},
        [],
    )


@pytest.mark.parametrize(
    "media",
    [
        Media("audio", "audio/wav", "UklGRg=="),
        Media("video", url="https://e.org/a.mp4"),
        Media("image", "image/tiff", "SUkqAA=="),
        Media("file", "application/msword", "0M8R"),
        Media("file", None, "AAAA"),
        Media("file", "text/plain", "/w=="),
        Media("file", file_id="file-1"),
    ],
)
def test_what_cannot_be_sent(media: Media) -> None:
    """Without it the answer would be another one, so there is none."""
    assert written(media) == (None, ["p: refused"])


def test_own_media() -> None:
    """What came in this dialect is said as it was, files and forms to come too."""
    assert written(Media("file", file_id="file-1"), mine=True)[0]["source"] == {
        "type": "file",
        "file_id": "file-1",
    }
    assert written(Media("file", "text/x", "SGk="), mine=True)[0]["source"] == {
        "type": "text",
        "media_type": "text/x",
        "data": "Hi",
    }
    odd = Media(
        "image", "image/new", "AAAA", extras={"anthropic": {"source": {"a": 1}}}
    )
    assert written(odd, mine=True)[0]["source"] == {
        "type": "base64",
        "media_type": "image/new",
        "data": "AAAA",
        "a": 1,
    }
    assert written(Media("image", url="x:y"), mine=True)[0]["source"]["url"] == "x:y"
