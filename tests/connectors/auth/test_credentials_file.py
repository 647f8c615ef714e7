"""A file that holds tokens, which others may write as well."""

from __future__ import annotations

import asyncio
import json
import math
import os
import stat
import sys
import traceback
from typing import TYPE_CHECKING

import pytest

from connectors.auth import credentials_file
from connectors.auth.credentials_file import CredentialsFile, Stored
from gateway.plugin import AuthenticationError

if TYPE_CHECKING:
    from pathlib import Path

MEMBERS = {
    "access_token": "planted-access-token",
    "refresh_token": "planted-refresh-token",
    "expiry_date": 1_900_000_000_000,
    "token_type": "Bearer",
    "scope": "a b",
    "unknown": {"kept": [1, None]},
}


@pytest.fixture
def file(tmp_path: Path) -> CredentialsFile:
    path = tmp_path / "oauth_creds.json"
    path.write_text(json.dumps(MEMBERS), "utf-8")
    return CredentialsFile(path, "auth.file")


def test_read(file: CredentialsFile) -> None:
    stored = file.read()
    token = stored.token

    assert token is not None
    assert token.bearer == "Bearer planted-access-token"
    assert token.expires_at == 1_900_000_000
    assert stored.members == MEMBERS


@pytest.mark.parametrize(
    ("date", "end"),
    [(None, math.inf), (1500, 1.5), (1500.0, 1.5), ("2030", 0.0), (True, 0.0)],
)
def test_end(date: object, end: float) -> None:
    """Unknown: it serves until it is refused. No number: it counts as over."""
    token = Stored({"access_token": "a", "expiry_date": date}).token

    assert token is not None
    assert token.expires_at == end


@pytest.mark.parametrize("value", [None, "", 5, "a\r\nb", "a b", "\u00e9"])
def test_no_access_token(value: object) -> None:
    """What cannot stand in a header is no token."""
    assert Stored({"access_token": value}).token is None


def test_quota_project() -> None:
    """Google bills whom the file names."""
    stored = Stored({"access_token": "a", "quota_project_id": "p-1"})
    odd = Stored({"access_token": "a", "quota_project_id": "p\r\n1"})

    assert stored.token is not None
    assert stored.token.headers == {"x-goog-user-project": "p-1"}
    assert odd.headers == {}


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff", b"planted-token", b"[" * 99_999, b" " * 300_000],
)
def test_no_credentials(file: CredentialsFile, content: bytes) -> None:
    """The error names the setting, and holds nothing of what was found."""
    file.path.write_bytes(content)

    with pytest.raises(AuthenticationError, match=r"\(auth.file\) holds no") as caught:
        file.read()

    assert caught.value.code == "missing_credentials"
    assert caught.value.details == {"file": str(file.path)}
    assert "planted" not in "".join(traceback.format_exception(caught.value))


def test_no_file(tmp_path: Path) -> None:
    file = CredentialsFile(tmp_path / "none", "auth.file")

    with pytest.raises(AuthenticationError, match="cannot be read: No such file"):
        file.read()


def test_write(file: CredentialsFile) -> None:
    """Other members stay as they are and where they are; only the owner may look."""
    file.path.chmod(0o644)

    file.write({"access_token": "new", "expiry_date": 5, "more": 1})

    found = json.loads(file.path.read_text("utf-8"))
    assert found == {**MEMBERS, "access_token": "new", "expiry_date": 5, "more": 1}
    assert list(found) == [*MEMBERS, "more"]
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert [p.name for p in file.path.parent.iterdir()] == ["oauth_creds.json"]


def test_write_through_a_link(file: CredentialsFile) -> None:
    """What a link leads to is replaced, not the link."""
    target = file.path.rename(file.path.with_name("target"))
    file.path.symlink_to("target")

    file.write({"access_token": "new"})

    assert file.path.is_symlink()
    assert json.loads(target.read_text("utf-8"))["access_token"] == "new"


def test_write_fails(file: CredentialsFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk leaves the file as it was, and nothing beside it."""

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        file.write({"access_token": "new"})

    assert json.loads(file.path.read_text("utf-8")) == MEMBERS
    assert len(list(file.path.parent.iterdir())) == 1


def test_changes(file: CredentialsFile) -> None:
    """What others write is noticed, what was written here is known."""
    assert file.has_changed()
    file.read()
    assert not file.has_changed()
    file.write({"access_token": "new"})
    assert not file.has_changed()
    file.path.write_text("{}", "utf-8")
    assert file.has_changed()
    file.read()
    file.path.unlink()
    assert file.has_changed()


async def test_lock_between_processes(file: CredentialsFile) -> None:
    """While another process holds it nobody else gets in; then they do."""
    program = (
        "import asyncio, sys; from pathlib import Path\n"
        "from connectors.auth.credentials_file import CredentialsFile\n"
        "async def main():\n"
        "    async with CredentialsFile(Path(sys.argv[1]), 'x').locked():\n"
        "        print('in', flush=True); sys.stdin.read()\n"
        "asyncio.run(main())"
    )
    other = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, str(file.path)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert other.stdin is not None
    assert other.stdout is not None
    assert await other.stdout.readline() == b"in\n"
    entered = asyncio.Event()

    async def enter() -> None:
        async with file.locked():
            entered.set()

    task = asyncio.create_task(enter())
    await asyncio.sleep(0.15)
    assert not entered.is_set()
    other.stdin.close()
    async with asyncio.timeout(5):
        await task
    assert await other.wait() == 0


async def test_who_holds_it_hangs(
    file: CredentialsFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while it is done without."""
    monkeypatch.setattr(credentials_file, "LOCK_TIMEOUT", 0.1)
    async with file.locked(), asyncio.timeout(5), file.locked():
        pass


async def test_lock_that_cannot_be_made(tmp_path: Path) -> None:
    """In a folder that is not there, or not ours, nothing is renewed in place."""
    file = CredentialsFile(tmp_path / "none" / "file", "x")

    async with file.locked():
        pass

    assert not (tmp_path / "none").exists()


async def test_no_locks(file: CredentialsFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a file system without locks it is done without."""

    def refuse(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    async with asyncio.timeout(5), file.locked(), file.locked():
        pass


def test_nothing_shows_it(file: CredentialsFile) -> None:
    stored = file.read()

    assert "planted" not in f"{stored!r} {stored.token!r} {file!r}"
