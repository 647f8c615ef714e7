"""
A file of OAuth credentials, which several processes may read and renew.

It is JSON with ``access_token``, ``refresh_token``, ``expiry_date`` (milliseconds)
and ``token_type``, as tools leave it after a sign-in; also ``client_id``,
``client_secret`` and ``token_uri``, as in Google's files for the type
``authorized_user``. Other members stay as they are.

Source: https://cloud.google.com/docs/authentication/application-default-credentials
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import math
import os
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import define, field, frozen

from connectors.auth.issuer import is_token
from connectors.auth.tokens import UNREADABLE, Token
from gateway.plugin import AuthenticationError
from gateway.secret import Secret

if TYPE_CHECKING:
    from gateway.plugin import Headers

# Two tokens and a few names; what is larger is the wrong file.
LARGEST = 256 * 1024
# For another process that asks the issuer; longer than it may take.
LOCK_TIMEOUT = 30.0
_LOCK_TICK = 0.05

# Which file it was, and which state of it.
Stamp: TypeAlias = tuple[int, int, int, int]


@frozen
class Stored:
    """
    What a file says.

    Attributes:
        members: all of it, secrets included.
    """

    members: Mapping[str, Any] = field(repr=False)

    def text(self, name: str) -> str | None:
        value = self.members.get(name)
        return value if isinstance(value, str) and value else None

    def secret(self, name: str) -> Secret | None:
        value = self.text(name)
        return None if value is None else Secret(value)

    @property
    def token(self) -> Token | None:
        """The access token; one whose end is not known serves until it is refused."""
        value = self.secret("access_token")
        if value is None or not is_token(value.reveal()):
            return None
        return Token(value, expires_at=self._expires_at(), headers=self.headers)

    @property
    def headers(self) -> Headers:
        """Source: https://cloud.google.com/docs/quotas/set-quota-project."""
        project = self.text("quota_project_id")
        plain = project is not None and is_token(project)
        return {"x-goog-user-project": project} if project and plain else {}

    def over(self, changes: Mapping[str, Any]) -> Stored:
        """Return it with *changes*."""
        return Stored({**self.members, **changes})

    def _expires_at(self) -> float:
        date = self.members.get("expiry_date")
        if date is None:
            return math.inf
        known = isinstance(date, int | float) and not isinstance(date, bool)
        return date / 1000 if known else 0.0


@define(eq=False)
class CredentialsFile:
    """
    The file at *path*.

    Attributes:
        place: what names it in the configuration, for messages.
    """

    path: Path
    place: str
    _seen: Stamp | None = field(default=None, init=False, repr=False)

    @property
    def seen(self) -> Stamp | None:
        """Which state of it was read last."""
        return self._seen

    def has_changed(self) -> bool:
        """Tell whether somebody has written it since it was read; costs a ``stat``."""
        return self._stamp() != self._seen

    def read(self) -> Stored:
        """
        Return what the file says now.

        Raises:
            AuthenticationError: it cannot be read, or is no JSON object.
        """
        self._seen = self._stamp()
        try:
            with self.path.open("rb") as opened:
                raw = opened.read(LARGEST + 1)
        except OSError as exc:
            raise self._bad(f"cannot be read: {exc.strerror}") from exc
        try:
            members = json.loads(raw) if len(raw) <= LARGEST else None
        except (ValueError, RecursionError):
            members = None  # what it found instead may be part of a token
        if not isinstance(members, dict):
            raise self._bad("holds no JSON object")
        return Stored(members)

    def write(self, changes: Mapping[str, Any]) -> Stored:
        """
        Put *changes* over what the file says, in one step, for its owner only.

        Raises:
            OSError: it cannot be written; it is as it was.
            AuthenticationError: it has become unreadable.
        """
        stored = self.read().over(changes)
        # Where the path is a link, what it leads to is written, not the link.
        path = Path(os.path.realpath(self.path))
        text = json.dumps(stored.members, indent=2) + "\n"
        # It is made with the mode 0600.
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as opened:
                opened.write(text)
                opened.flush()
                os.fsync(opened.fileno())
                stamp = _stamp(os.fstat(opened.fileno()))
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink()
            raise
        self._seen = stamp
        _sync(path.parent)
        return stored

    @contextlib.asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        """
        Keep other processes from renewing it meanwhile, by a file beside it.

        Where none can be made nothing can be renewed in place either, and a process
        that hangs is waited for only so long: then it is done without.
        """
        try:
            handle = self._lock_file()
        except OSError:
            yield
            return
        try:
            await _lock(handle)
            yield
        finally:
            os.close(handle)

    def _lock_file(self) -> int:
        path = f"{os.path.realpath(self.path)}.lock"
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def _stamp(self) -> Stamp | None:
        try:
            return _stamp(self.path.stat())
        except OSError:
            return None

    def _bad(self, what: str) -> AuthenticationError:
        return AuthenticationError(
            f"the credentials file ({self.place}) {what}",
            code=UNREADABLE,
            details={"file": str(self.path)},
        )


def _stamp(found: os.stat_result) -> Stamp:
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size


async def _lock(handle: int) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LOCK_TIMEOUT):
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    await asyncio.sleep(_LOCK_TICK)
                except OSError:
                    return  # some network file systems know no locks
                else:
                    return


def _sync(folder: Path) -> None:
    """Have the new name survive a power failure, too."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
