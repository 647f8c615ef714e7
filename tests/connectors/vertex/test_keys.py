"""Who may ask Vertex AI: a key with a project, a key alone, Google's credentials."""

from __future__ import annotations

from typing import Any, cast

import pytest
from yarl import URL

from connectors.auth import api_key_header
from connectors.auth.google import PROJECT, GoogleCredentials
from connectors.vertex.keys import ExpressKey, credentials
from gateway.plugin import Account, Outbound
from gateway.secret import Secret
from gateway.settings import Auth

KEY = "AQ.key-0123456789"


def account(
    key: str | None = KEY,
    extra: dict[str, Any] | None = None,
    environ: dict[str, str] | None = None,
    **auth: Any,
) -> Account:
    secret = None if key is None else Secret(key)
    return Account(
        "vertex", secret, Auth(**auth), extra or {}, environ or {}, cast("Any", None)
    )


def test_no_key() -> None:
    """Without a key they are Google's own, wherever Google's programs find them."""
    assert isinstance(credentials(account(None)), GoogleCredentials)


def test_file() -> None:
    """A configured file wins over a key."""
    assert isinstance(credentials(account(file="/a.json")), GoogleCredentials)


@pytest.mark.parametrize(
    "place", [{"extra": {"project": "p"}}, {"environ": {"GOOGLE_CLOUD_PROJECT": "p"}}]
)
def test_key_and_project(place: dict[str, Any]) -> None:
    """A key with a project is sent as it is, like any other provider's."""
    assert credentials(account(**place)) is None


async def test_express() -> None:
    """A key alone is sent to an address without project and location."""
    made = credentials(account())
    assert isinstance(made, ExpressKey)
    place = f"projects/{PROJECT}/locations/global/publishers/google"
    url = f"https://h/v1/{place}/m@1:x?a=b"
    request = Outbound(
        "POST", URL(url, encoded=True), {}, auth=api_key_header("x-goog-api-key")
    )

    await made.sign(request)

    assert str(request.url) == "https://h/v1/publishers/google/m@1:x?a=b"
    assert request.headers == {"x-goog-api-key": KEY}
    assert not await made.refused(request, 401, None)
    await made.close()
    assert KEY not in repr(made)
