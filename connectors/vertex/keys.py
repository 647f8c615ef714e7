"""How a request to Vertex AI is authenticated: an API key, or Google's credentials."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import define, field
from yarl import URL

from connectors.auth import google
from connectors.auth.google import PROJECT
from connectors.vertex.addresses import PROJECT_VARIABLES
from gateway.plugin import Fixed, Given

if TYPE_CHECKING:
    from gateway.plugin import Account, Credentials, Outbound
    from gateway.secret import Secret

_NOWHERE = re.compile(rf"/projects/{re.escape(PROJECT)}/locations/[a-z0-9-]+")


def credentials(account: Account) -> Credentials | None:
    """
    Return what signs the requests of one instance.

    Raises:
        ConfigurationError: the library for Google's credentials is missing, or a
            setting is wrong.
    """
    if account.key is None or account.auth.file:
        return google.make(account)
    given = Given(account.extra, account.environ)
    if given.value("project", *PROJECT_VARIABLES):
        return None  # the key, and the usual address
    return ExpressKey(account.key)


@define(eq=False)
class ExpressKey:
    """
    An API key alone, which stands for its project: the addresses have none.

    Source: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/start/
    express-mode/vertex-ai-express-mode-api-reference
    """

    _key: Secret = field(repr=False)

    async def sign(self, request: Outbound) -> None:
        """Put in the key, and take project and location out of the address."""
        request.url = URL(_NOWHERE.sub("", str(request.url), count=1), encoded=True)
        Fixed.of(request.auth, self._key.reveal()).put(request)

    async def refused(
        self, request: Outbound, status: int, retry_after: float | None
    ) -> bool:
        """Know no other key."""
        del request, status, retry_after
        return False

    async def close(self) -> None:
        """Hold nothing."""
