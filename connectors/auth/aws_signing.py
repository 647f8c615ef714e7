"""
The signature of a request, by botocore's signer.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connectors.auth.aws_chain import Keys
    from gateway.plugin import Headers, Outbound

# Others may be added or changed on the way, by us and by proxies.
_SIGNED = ("content-type",)
_SIGNED_PREFIXES = ("x-amz-", "x-amzn-")
# What the signature consists of.
OWN = ("authorization", "x-amz-date", "x-amz-security-token")


def signed(
    request: Outbound, keys: Keys, service: str, region: str, skew: float = 0.0
) -> Headers:
    """
    Return the headers that sign *request*, as it will be sent, byte by byte.

    The path is that of the URL, whose percent signs are encoded once more for the
    signature, as all services but S3 have it.

    Args:
        skew: how far the provider's clock is ahead of ours, in seconds.
    """
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import ReadOnlyCredentials

    headers = {
        name: value
        for name, value in request.headers.items()
        if name.lower() not in OWN
        and (name.lower() in _SIGNED or name.lower().startswith(_SIGNED_PREFIXES))
    }
    token = keys.session_token
    revealed = ReadOnlyCredentials(
        keys.access_key_id.reveal(),
        keys.secret_access_key.reveal(),
        None if token is None else token.reveal(),
    )
    url = str(request.url)
    asked = AWSRequest(request.method, url, headers=headers, data=request.body)
    asked.context["skew"] = skew
    load()(revealed, service, region).add_auth(asked)
    return {name: str(asked.headers[name]) for name in OWN if name in asked.headers}


@cache
def load() -> Any:
    """Return botocore's signer, with the provider's clock; the first time is slow."""
    from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth

    class Signer(SigV4Auth):  # type: ignore[misc,unused-ignore]
        def _modify_request_before_signing(self, request: Any) -> None:
            skew = request.context.get("skew")
            if skew:
                now = datetime.now(UTC) + timedelta(seconds=skew)
                request.context["timestamp"] = now.strftime(SIGV4_TIMESTAMP)
            super()._modify_request_before_signing(request)

    return Signer
