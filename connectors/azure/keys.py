"""How a request to Azure is authenticated: a key, or Entra ID where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.plugin import Account, Credentials, Fixed


# Microsoft's own names for what a program signs in with.
_WHO = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID")
_HOW = ("AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN_FILE")


def credentials(account: Account) -> Credentials | Fixed | None:
    """
    Return what signs the requests of one instance; ``None``: the key.

    Raises:
        ConfigurationError: what Entra ID needs is not all there.
    """
    auth, environ = account.auth, account.environ
    asked = auth.tenant or auth.client_id or auth.client_secret or auth.file
    found = all(map(environ.get, _WHO)) and any(map(environ.get, _HOW))
    if not asked and (account.key is not None or not found):
        return None  # without a key, each request is told so
    from connectors.auth.azure import make

    return make(account)
