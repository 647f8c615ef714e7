from __future__ import annotations

import pytest

from gateway.wire.dataurl import read_data_url, write_data_url


@pytest.mark.parametrize(
    ("url", "media_type", "data"),
    [
        ("data:image/png;base64,QUJD", "image/png", "QUJD"),
        (
            "data:text/plain;charset=utf-8;base64,QQ==",
            "text/plain;charset=utf-8",
            "QQ==",
        ),
        ("data:;base64,QQ==", None, "QQ=="),
    ],
)
def test_there_and_back(url: str, media_type: str | None, data: str) -> None:
    """Reading keeps all that writing needs."""
    assert read_data_url(url) == (media_type, data)
    assert write_data_url(media_type, data) == url


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/a.png",
        "https://example.com/a;base64,b",
        "data:text/plain,hello",
        "",
    ],
)
def test_other_urls(url: str) -> None:
    assert read_data_url(url) is None
