"""
AWS: ``auth: {type: aws}``, signatures of version 4 with whatever the machine has.

Credentials that are configured sign at once. Others are found by botocore as all AWS
tools find them; how long they are held, and who waits for them, is the business of
`connectors.auth.tokens`. botocore is imported when the first request is signed.

A Bedrock API key needs none of this: it is a bearer token, and goes before the rest.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
and https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-use.html
"""

from __future__ import annotations

import asyncio
import re
import time
from email.utils import parsedate_to_datetime
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, cast

from attrs import define, field, frozen

from connectors.auth.aws_chain import Keys, deadline, found_keys, profile_region
from connectors.auth.aws_signing import load, signed
from connectors.auth.options import only
from connectors.auth.tokens import Token, TokenSource
from gateway.plugin import (
    AuthenticationError,
    ConfigurationError,
    LLMProxyError,
    Outbound,
)
from gateway.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from gateway.plugin import Account
    from gateway.settings import Auth

BEARER = "AWS_BEARER_TOKEN_BEDROCK"
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
SERVICE = "bedrock"
OPTIONS = (
    *("region", "profile"),
    *("access_key_id", "secret_access_key", "session_token"),
)

_REGION = re.compile(r"[a-z0-9-]{2,32}")
# Hosts of AWS name their region in front of the domain.
_HOST = re.compile(
    r"\.([a-z]{2,5}(?:-[a-z]+)+-\d+)\.(?:vpce\.)?"
    r"(?:amazonaws\.com|amazonaws\.com\.cn|amazonaws\.eu|api\.aws)$"
)
# What a 403 is called that other credentials may spare; of others, such as
# AccessDeniedException, new credentials change nothing.
# Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html
_EXPIRED = frozenset(
    {
        *("ExpiredTokenException", "ExpiredToken", "TokenRefreshRequired"),
        *("UnrecognizedClientException", "InvalidClientTokenId"),
        *("InvalidSignatureException", "IncompleteSignature", "AuthFailure"),
    }
)
# And one that is called so may speak of a clock.
_SKEWED = frozenset(
    {
        *("InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure"),
        *("RequestExpired", "RequestTimeTooSkewed", "RequestInTheFuture"),
    }
)
# Seconds; AWS forgives five minutes.
_SKEW = 120.0
# To sign is to compute a checksum of the body; of a longer one a thread does it.
_LONG_BODY = 512 * 1024
MISSING = 'signing for AWS needs botocore: pip install "sluicegate[aws]"'


@frozen
class _Held(Token):
    """Credentials as a token, so that `TokenSource` can hold them."""

    keys: Keys = field(kw_only=True, repr=False)


def make(account: Account) -> AwsCredentials | None:
    """
    Return the credentials of one backend; ``None``: it has a Bedrock API key.

    Nothing is imported, read or asked yet.

    Raises:
        ConfigurationError: botocore is not installed, or a setting is wrong.
    """
    auth = account.auth
    only(account, *OPTIONS)
    static = _static(auth)
    regions = Regions.of(auth, account.extra, account.environ)
    if account.key is not None and not _overruled(account):
        return None
    if find_spec("botocore") is None:
        raise ConfigurationError(MISSING, code="missing_package")
    name = account.extra.get("signing_name", SERVICE)
    return AwsCredentials(account.backend, static, regions, str(name))


def _static(auth: Auth) -> Keys | None:
    """
    Return the credentials that are configured.

    Raises:
        ConfigurationError: one half of them is missing.
    """
    known, secret = auth.access_key_id, auth.secret_access_key
    if (known is None) is not (secret is None):
        raise ConfigurationError(
            "auth.access_key_id and auth.secret_access_key go together",
            code="bad_credentials",
        )
    if known is None or secret is None:
        if auth.session_token is not None:
            raise ConfigurationError(
                "auth.session_token goes with auth.access_key_id",
                code="bad_credentials",
            )
        return None
    if auth.profile is not None:
        raise ConfigurationError(
            "auth takes a profile or an access_key_id, not both", code="bad_credentials"
        )
    return Keys(Secret(known), secret, auth.session_token)


def _overruled(account: Account) -> bool:
    """Tell whether credentials are configured, and the key is the environment's."""
    named = account.auth.access_key_id or account.auth.profile
    key = account.environ.get(BEARER)
    return bool(named and key and account.key == Secret(key))


# -- regions


@frozen
class Regions:
    """
    Where the account is used, in order of preference.

    Attributes:
        stated: what the configuration says.
        usual: what the environment says.
        profile: of the shared files, which may name one, too.
    """

    stated: str | None
    usual: str | None
    profile: str | None

    @classmethod
    def of(
        cls, auth: Auth, extra: Mapping[str, Any], environ: Mapping[str, str]
    ) -> Regions:
        """
        Return the regions of one backend.

        Raises:
            ConfigurationError: one of them is no region's name.
        """
        stated = auth.region or extra.get("region")
        usual = next((environ[name] for name in REGIONS if environ.get(name)), None)
        return cls(
            _region(stated, "auth.region"), _region(usual, *REGIONS), auth.profile
        )

    def found(self) -> str | None:
        """Return the region whose host is to be asked; it may read a file."""
        if known := self.stated or self.usual:
            return known
        if find_spec("botocore") is None:
            return None
        return _region(profile_region(self.profile), "the profile's region")

    def signing(self, host: str | None) -> str | None:
        """Return the region that *host* wants in a signature; it may read a file."""
        if self.stated is not None:
            return self.stated
        named = _HOST.search(host or "")
        return named[1] if named else self.found()


def _region(name: Any, *places: str) -> str | None:
    if name is None:
        return None
    if not isinstance(name, str) or not _REGION.fullmatch(name):
        raise ConfigurationError(
            f"{' or '.join(places)} is no region: expected one like us-east-1",
            code="bad_region",
        )
    return name


# -- credentials


@define(eq=False)
class AwsCredentials:
    """
    The credentials of one backend.

    Attributes:
        backend: its name, for messages.
        static: where they are configured.
        service: what AWS calls it in a signature.
    """

    backend: str
    static: Keys | None = field(repr=False)
    regions: Regions
    service: str = SERVICE
    _source: TokenSource = field(init=False, repr=False)
    _skew: float = field(default=0.0, init=False, repr=False)
    _region: dict[str | None, str] = field(factory=dict, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._source = TokenSource(self.backend, self._fetch)

    async def sign(self, request: Outbound) -> None:
        """
        Put a signature into *request*; wait for credentials if need be.

        Raises:
            AuthenticationError: there are none, or no region.
            ServiceUnavailableError: who gives them does not answer.
        """
        region = await self._region_of(request.url.host)
        keys = self.static
        if keys is None:
            keys = await self._found()
        work = partial(signed, request, keys, self.service, region, self._skew)
        long = len(request.body) > _LONG_BODY
        request.headers |= await asyncio.to_thread(work) if long else work()

    async def refused(
        self, request: Outbound, status: int, retry_after: float | None
    ) -> bool:
        """
        Tell whether a new signature may spare a 403: once for each request.

        It may where our clock is wrong, which is then corrected, and where the
        credentials have ended before their time and others are found.
        """
        del retry_after
        if status not in (401, 403) or request.attempt:
            return False
        kind = request.answer.get("x-amzn-errortype", "").partition(":")[0]
        if kind in _SKEWED and self._corrected(request):
            return True
        if self.static is not None or (kind and kind not in _EXPIRED):
            return False
        return await self._others(request)

    async def close(self) -> None:
        await self._source.close()

    async def _found(self) -> Keys:
        return cast("_Held", await self._source.token()).keys

    async def _fetch(self, _old: Token | None) -> Token:
        region = self.regions.stated or self.regions.usual
        work = partial(found_keys, self.regions.profile, region)
        keys = await deadline(work)
        lifetime = keys.expires_at - time.time()
        return _Held(keys.access_key_id, keys.expires_at, max(lifetime, 0.0), keys=keys)

    async def _others(self, request: Outbound) -> bool:
        """Look for other credentials than those that *request* was signed with."""
        try:
            token = cast("_Held", await self._source.token())
            used = token.keys
            if not _signed_by(used, request):
                return True  # there are others meanwhile
            # Says that this token was refused, in the one way that the source knows.
            marked = Outbound("GET", request.url, {"authorization": token.bearer})
            if not await self._source.refused(marked, 401, None):
                return False
            return not (await self._found()).are(used)
        except LLMProxyError:
            return False  # what AWS said of the old ones tells more

    def _corrected(self, request: Outbound) -> bool:
        """Set our clock by the provider's, if it was that."""
        try:
            theirs = parsedate_to_datetime(request.answer.get("Date", "")).timestamp()
        except (TypeError, ValueError):
            return False
        skew = theirs - time.time()
        if abs(skew - self._skew) < _SKEW:
            return False
        self._skew = skew
        return True

    async def _region_of(self, host: str | None) -> str:
        if host not in self._region:
            await deadline(load)  # botocore, which takes a while
            region = await deadline(partial(self.regions.signing, host))
            if region is None:
                raise AuthenticationError(
                    "a signature for AWS needs auth.region or AWS_REGION",
                    code="missing_region",
                )
            self._region[host] = region
        return self._region[host]


def _signed_by(keys: Keys, request: Outbound) -> bool:
    known = f"Credential={keys.access_key_id.reveal()}/"
    token = keys.session_token
    return known in request.headers.get("authorization", "") and (
        token is None or token.reveal() == request.headers.get("x-amz-security-token")
    )
