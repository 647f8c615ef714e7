"""Answers are kept for their callers, as long as promised, by several processes."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import sys
from typing import TYPE_CHECKING, Any

import pytest

from gateway.settings import Responses
from gateway.store import sqlite
from gateway.store.base import MissingError, NoStore, Stored, StoreError, TooLongError
from gateway.store.place import open_store, usual_file
from gateway.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.asyncio

DAY = 86_400.0
MiB = 1024 * 1024


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def answer(name: str, previous: str | None = None, **members: Any) -> Stored:
    return Stored(
        id=name,
        caller=members.pop("caller", "ann"),
        backend="up",
        model="m1",
        created=7,
        input=members.pop("input", b'[{"role":"user"}]'),
        response=members.pop("response", b'{"id":"%b"}' % name.encode()),
        previous=previous,
        **members,
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "responses.sqlite"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(file: Path, clock: Clock) -> AsyncIterator[SqliteStore]:
    made = SqliteStore(file, 30 * DAY, 64 * MiB, clock)
    yield made
    await made.close()


async def missing(store: SqliteStore, name: str, caller: str = "ann") -> bool:
    try:
        await store.get(caller, name)
    except MissingError:
        return True
    return False


async def test_kept(store: SqliteStore) -> None:
    """What comes out is what went in, byte for byte."""
    kept = answer("r1", "r0", native=True, response=b'{"n": 1e400, "s": "\\ud800"}')

    await store.put(kept)

    assert await store.get("ann", "r1") == kept


async def test_nothing_is_made_before_it_is_needed(
    store: SqliteStore, file: Path
) -> None:
    """A gateway whose clients never refer to answers has no file and no thread."""
    await store.close()

    assert not file.parent.exists()


async def test_only_the_owner_can_read(store: SqliteStore, file: Path) -> None:
    """All three files of SQLite hold prompts."""
    await store.put(answer("r1"))

    files = sorted(file.parent.iterdir())
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in files}
    assert modes == {
        "responses.sqlite": 0o600,
        "responses.sqlite-shm": 0o600,
        "responses.sqlite-wal": 0o600,
    }
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


async def test_others_answers_are_missing(store: SqliteStore) -> None:
    """Another caller can neither read, nor follow, nor delete an answer."""
    await store.put(answer("r1"))

    with pytest.raises(MissingError):
        await store.get("bob", "r1")
    with pytest.raises(MissingError):
        await store.thread("bob", "r1", MiB)
    with pytest.raises(MissingError):
        await store.delete("bob", "r1")
    assert not await missing(store, "r1")


async def test_one_id_of_two_callers(store: SqliteStore) -> None:
    """Whoever makes an upstream repeat an id does not overwrite another's answer."""
    mine, yours = answer("r1"), answer("r1", caller="bob", input=b"[]")

    await store.put(mine)
    await store.put(yours)

    assert await store.get("ann", "r1") == mine
    assert await store.get("bob", "r1") == yours


async def test_thread(store: SqliteStore) -> None:
    """A conversation comes oldest first; its branches do not mix."""
    for name, previous in (("r1", None), ("r2", "r1"), ("r3", "r2"), ("r2b", "r1")):
        await store.put(answer(name, previous))

    thread = await store.thread("ann", "r3", MiB)
    branch = await store.thread("ann", "r2b", MiB)

    assert [one.id for one in thread] == ["r1", "r2", "r3"]
    assert [one.id for one in branch] == ["r1", "r2b"]


async def test_deleted(store: SqliteStore, file: Path) -> None:
    """A deleted answer is gone, and no conversation goes on as if it had not been."""
    await store.put(answer("r1", response=b'{"secret":"sesame"}'))
    await store.put(answer("r2", "r1"))

    await store.delete("ann", "r1")

    with pytest.raises(MissingError) as caught:
        await store.thread("ann", "r2", MiB)
    assert caught.value.name == "r1"
    assert (await store.get("ann", "r2")).previous == "r1"
    with pytest.raises(MissingError):
        await store.delete("ann", "r1")
    await store.close()
    assert b"sesame" not in file.read_bytes()


async def test_one_id_for_two_answers(store: SqliteStore) -> None:
    """An upstream that repeats an id gets no conversation that bites its tail."""
    await store.put(answer("r1"))
    await store.put(answer("r1", "r1"))

    with pytest.raises(MissingError):
        await store.thread("ann", "r1", MiB)


async def test_too_long(store: SqliteStore) -> None:
    """A history that no request could hold is not put into memory."""
    await store.put(answer("r1", response=b"1" * 600))
    await store.put(answer("r2", "r1", response=b"2" * 600))

    with pytest.raises(TooLongError):
        await store.thread("ann", "r2", 1000)


async def test_retention(store: SqliteStore, clock: Clock, file: Path) -> None:
    """What is too old is missing at once, and soon no longer in the file."""
    await store.put(answer("r1"))

    clock.now += 30 * DAY + 1
    gone = await missing(store, "r1")
    with pytest.raises(MissingError):
        await store.delete("ann", "r1")
    await store.put(answer("r9"))

    assert gone
    await store.close()
    with sqlite3.connect(file) as db:
        assert db.execute("SELECT id FROM answers").fetchall() == [("r9",)]
        assert db.execute("SELECT count(*) FROM contents").fetchone() == (1,)
    db.close()


async def test_a_conversation_lives_on(store: SqliteStore, clock: Clock) -> None:
    """Its age counts from the last answer; other conversations age meanwhile."""
    await store.put(answer("r1"))
    await store.put(answer("x1"))
    clock.now += 20 * DAY
    await store.put(answer("r2", "r1"))
    clock.now += 20 * DAY

    thread = await store.thread("ann", "r2", MiB)

    assert [one.id for one in thread] == ["r1", "r2"]
    assert await missing(store, "x1")


async def test_size(file: Path, clock: Clock) -> None:
    """The newest answers stay when room is short, and the file does not grow on."""
    store = SqliteStore(file, DAY, MiB, clock)
    for number in range(100):
        clock.now += 1
        await store.put(answer(f"r{number}", response=b"x" * 50_000))

    assert await missing(store, "r0")
    assert not await missing(store, "r99")
    assert not await missing(store, "r95")
    await store.close()
    assert file.stat().st_size < 2 * MiB


async def test_one_huge_answer(file: Path) -> None:
    """It is refused rather than to drive out all others."""
    store = SqliteStore(file, DAY, MiB)
    await store.put(answer("r1"))

    with pytest.raises(StoreError):
        await store.put(answer("r2", response=b"x" * (MiB // 2)))

    assert not await missing(store, "r1")
    await store.close()


async def test_no_room_at_all(file: Path) -> None:
    """A limit below what SQLite itself needs keeps nothing, and ends."""
    store = SqliteStore(file, DAY, 8 * 1024)
    await store.put(answer("r1"))

    assert await missing(store, "r1")
    await store.close()


async def test_opens_again(store: SqliteStore) -> None:
    """A closed store can be used again, and finds what it kept."""
    await store.put(answer("r1"))
    await store.close()

    assert not await missing(store, "r1")


async def test_not_a_store(store: SqliteStore, file: Path) -> None:
    """A file that is something else is left alone, and the message says so."""
    file.parent.mkdir()
    file.write_bytes(b"another thing" * 1000)

    with pytest.raises(StoreError) as caught:
        await store.put(answer("r1"))
    assert "not a database" in caught.value.reason
    assert str(file) not in caught.value.message
    assert file.read_bytes() == b"another thing" * 1000


async def test_later_version(store: SqliteStore, file: Path) -> None:
    """A newer gateway's file is not touched."""
    file.parent.mkdir()
    with sqlite3.connect(file) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()

    with pytest.raises(StoreError) as caught:
        await store.put(answer("r1"))
    assert "later version" in caught.value.reason


async def test_no_place(tmp_path: Path) -> None:
    """A directory that cannot be made is the store's failure, not a crash."""
    (tmp_path / "state").write_bytes(b"")
    store = SqliteStore(tmp_path / "state" / "responses.sqlite", DAY, MiB)

    with pytest.raises(StoreError):
        await store.get("ann", "r1")
    await store.close()


_OTHER = """
import asyncio, sys
from pathlib import Path
from gateway.store.base import Stored
from gateway.store.sqlite import SqliteStore

async def main(file, mark):
    store = SqliteStore(Path(file), 1e6, 2**26)
    for number in range(50):
        stored = Stored(f"{mark}{number}", "ann", "up", "m1", 7, b"[]", b"{}")
        await store.put(stored)
    await store.close()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_several_processes(store: SqliteStore, file: Path) -> None:
    """Workers that begin at once and write at once lose nothing."""
    others = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", _OTHER, str(file), mark
        )
        for mark in "abcd"
    ]
    codes = [await other.wait() for other in others]

    assert codes == [0, 0, 0, 0]
    for mark in "abcd":
        assert not await missing(store, f"{mark}0")
        assert not await missing(store, f"{mark}49")


@pytest.mark.parametrize("patience", [2.0, 0.02])
async def test_another_is_just_opening(
    store: SqliteStore, file: Path, patience: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One who begins to read a new file holds others up, for a while only."""
    monkeypatch.setattr(sqlite, "BUSY", 0.0)
    monkeypatch.setattr(sqlite, "PATIENCE", patience)
    file.parent.mkdir()
    with sqlite3.connect(file, isolation_level=None) as db:
        db.execute("CREATE TABLE t (a)")
        db.execute("BEGIN")
        db.execute("SELECT * FROM t").fetchall()

        waiting = asyncio.ensure_future(store.put(answer("r1")))
        await asyncio.sleep(0.1)
        db.execute("COMMIT")
    db.close()

    if patience > 1:
        await waiting
    else:
        with pytest.raises(StoreError) as caught:
            await waiting
        assert "locked" in caught.value.reason


async def test_nothing_kept() -> None:
    """The store that is switched off has nothing."""
    store = open_store(Responses(file="none"), {})
    await store.put(answer("r1"))

    assert isinstance(store, NoStore)
    for asked in (
        store.get("ann", "r1"),
        store.thread("ann", "r1", MiB),
        store.delete("ann", "r1"),
    ):
        with pytest.raises(MissingError):
            await asked
    await store.close()


@pytest.mark.parametrize(
    ("environ", "file"),
    [
        (
            {"STATE_DIRECTORY": "/var/lib/sg:/var/lib/two", "HOME": "/home/ann"},
            "/var/lib/sg/responses.sqlite",
        ),
        (
            {"XDG_STATE_HOME": "/state", "HOME": "/home/ann"},
            "/state/sluicegate/responses.sqlite",
        ),
        (
            {"XDG_STATE_HOME": "relative", "HOME": "/home/ann"},
            "/home/ann/.local/state/sluicegate/responses.sqlite",
        ),
        ({}, "/var/lib/sluicegate/responses.sqlite"),
    ],
)
async def test_usual_file(environ: dict[str, str], file: str) -> None:
    """systemd's directory comes first, then the user's own."""
    assert str(usual_file(environ)) == file


async def test_configured_file(tmp_path: Path) -> None:
    store = open_store(Responses(file=str(tmp_path / "mine.sqlite")), {})
    await store.put(answer("r1"))
    await store.close()

    assert (tmp_path / "mine.sqlite").exists()
