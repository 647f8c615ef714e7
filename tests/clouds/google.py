"""A scripted Google Cloud on loopback: it issues tokens and plays the models."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.upstream import Upstream, reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tests.upstream import Request, Step

TOKEN = "ya29.token-0123456789-"


class Cloud:
    """
    One upstream for all: ``/token`` gives tokens, everything else is the test's.

    Attributes:
        answer: what is said to the next requests for a model.
        issued: how many tokens were given out.
    """

    def __init__(self) -> None:
        self.upstream = Upstream(self._play)
        self.answer: Callable[[Request], Iterable[Step]] = lambda _: reply({}, 501)
        self.issued = 0
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.upstream.port}"

    @property
    def asked(self) -> list[Request]:
        """The requests for models, in order."""
        return [r for r in self.upstream.requests if r.path != "/token"]

    def account(self, file: Path) -> dict[str, Any]:
        """Return the ``auth`` section for a service account, written to *file*."""
        data = {
            "type": "service_account",
            "project_id": "account-project",
            "private_key": self.pem,
            "client_email": "gateway@example.com",
        }
        file.write_text(json.dumps(data), "utf-8")
        return {
            "type": "google",
            "file": str(file),
            "token_url": f"{self.url}/token",
        }

    def _play(self, request: Request) -> Iterable[Step]:
        if request.path != "/token":
            return self.answer(request)
        self.issued += 1
        token = f"{TOKEN}{self.issued}"
        return reply({"access_token": token, "expires_in": 3600})
