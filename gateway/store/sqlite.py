"""
Answers in an SQLite file that all worker processes share.

Nothing is opened before the first answer is kept or asked for. All work is done
in one thread of its own: SQLite blocks, and a connection has one user at a time.

Source: https://www.sqlite.org/wal.html, https://www.sqlite.org/pragma.html
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic, sleep, time
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import structlog

from gateway.store.base import MissingError, Stored, StoreError, TooLongError

if TYPE_CHECKING:
    from pathlib import Path

T = TypeVar("T")
P = ParamSpec("P")

# Seconds that SQLite waits for those of other processes, and that we do where it
# does not.
BUSY = 2.0
PATIENCE = 2.0
# Looking for what has expired costs a look into an index; a minute is soon enough.
PRUNE_EVERY = 60.0
# One answer may take this part of the room: it must not drive out all others.
LARGEST = 8
VERSION = 1

# The contents lie apart, so that a longer life of a conversation does not write
# them anew.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    key INTEGER PRIMARY KEY,
    caller TEXT NOT NULL,
    id TEXT NOT NULL,
    thread TEXT NOT NULL,
    previous TEXT,
    backend TEXT NOT NULL,
    model TEXT NOT NULL,
    native INTEGER NOT NULL,
    created INTEGER NOT NULL,
    expires REAL NOT NULL,
    UNIQUE (caller, id)
);
CREATE INDEX IF NOT EXISTS by_thread ON answers (caller, thread);
CREATE INDEX IF NOT EXISTS by_expiry ON answers (expires);
CREATE TABLE IF NOT EXISTS contents (
    key INTEGER PRIMARY KEY REFERENCES answers ON DELETE CASCADE,
    input BLOB NOT NULL,
    response BLOB NOT NULL
);
"""
_SELECT = """
SELECT id, caller, backend, model, created, input, response, previous, native
FROM answers JOIN contents USING (key)
WHERE caller = ? AND id = ? AND expires > ?
"""
_INSERT = """
INSERT INTO answers
    (caller, id, thread, previous, backend, model, native, created, expires)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_FORGET = "DELETE FROM answers WHERE caller = ? AND id = ? AND expires > ?"
# A tenth at a time, those that were continued longest ago first.
_MAKE_ROOM = """
DELETE FROM answers WHERE key IN (
    SELECT key FROM answers ORDER BY expires, key
    LIMIT (SELECT count(*) / 10 + 1 FROM answers)
)
"""


class SqliteStore:
    """
    Args:
        retention: seconds that a conversation is kept after its last answer.
        max_size: of the contents, in bytes; the oldest make room for the newest.
        clock: unix seconds.
    """

    def __init__(
        self,
        file: Path,
        retention: float,
        max_size: int,
        clock: Callable[[], float] = time,
    ) -> None:
        self._file = file
        self._retention = retention
        self._max_size = max_size
        self._clock = clock
        self._thread: ThreadPoolExecutor | None = None
        self._connection: sqlite3.Connection | None = None
        self._pruned = float("-inf")

    async def put(self, stored: Stored) -> None:
        await self._do(self._put, stored)

    async def get(self, caller: str, name: str) -> Stored:
        return await self._do(self._get, caller, name)

    async def thread(self, caller: str, name: str, most: int) -> list[Stored]:
        return await self._do(self._read_thread, caller, name, most)

    async def delete(self, caller: str, name: str) -> None:
        await self._do(self._delete, caller, name)

    async def close(self) -> None:
        if self._thread is None:
            return
        thread, self._thread = self._thread, None
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(thread, self._close)
        thread.shutdown(wait=False)

    async def _do(
        self,
        work: Callable[Concatenate[sqlite3.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="responses")

        def run() -> T:
            try:
                return work(self._open(), *args, **kwargs)
            except (sqlite3.Error, OSError) as exc:
                raise StoreError(str(exc)) from exc

        # Who stops waiting does not stop the work: it is short, and half of it
        # would be worse.
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, run)
        except StoreError as exc:
            log = structlog.get_logger()
            log.warning("responses.store_failed", work=work.__name__, reason=exc.reason)
            raise

    # -- in the thread

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = _connect(self._file)
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _put(self, db: sqlite3.Connection, stored: Stored) -> None:
        now, size = self._clock(), len(stored.input) + len(stored.response)
        if size > self._max_size / LARGEST:
            raise StoreError(f"{size} bytes are too much to keep of one response")
        with db:
            db.execute("BEGIN IMMEDIATE")
            thread = _thread_of(db, stored)
            db.execute(_FORGET, (stored.caller, stored.id, 0.0))
            expires = now + self._retention
            row = (
                *(stored.caller, stored.id, thread, stored.previous, stored.backend),
                *(stored.model, stored.native, stored.created, expires),
            )
            key = db.execute(_INSERT, row).lastrowid
            db.execute(
                "INSERT INTO contents VALUES (?, ?, ?)",
                (key, stored.input, stored.response),
            )
            # A conversation lives as long as its latest answer.
            db.execute(
                "UPDATE answers SET expires = ? WHERE caller = ? AND thread = ?",
                (expires, stored.caller, thread),
            )
        self._prune(db, now)

    def _get(self, db: sqlite3.Connection, caller: str, name: str) -> Stored:
        row = db.execute(_SELECT, (caller, name, self._clock())).fetchone()
        if row is None:
            raise MissingError(name)
        return Stored(*row)  # the columns are in the order of its fields

    def _read_thread(
        self, db: sqlite3.Connection, caller: str, name: str, most: int
    ) -> list[Stored]:
        found: dict[str, Stored] = {}
        size = 0
        wanted: str | None = name
        while wanted is not None:
            if wanted in found:  # an upstream that gave one id to two answers
                raise MissingError(wanted)
            stored = found[wanted] = self._get(db, caller, wanted)
            size += len(stored.input) + len(stored.response)
            if size > most:
                raise TooLongError(f"the conversation exceeds {most} bytes")
            wanted = stored.previous
        return list(reversed(found.values()))

    def _delete(self, db: sqlite3.Connection, caller: str, name: str) -> None:
        with db:
            gone = db.execute(_FORGET, (caller, name, self._clock())).rowcount
        if not gone:
            raise MissingError(name)

    def _prune(self, db: sqlite3.Connection, now: float) -> None:
        if now >= self._pruned + PRUNE_EVERY:
            self._pruned = now
            with db:
                db.execute("DELETE FROM answers WHERE expires <= ?", (now,))
        while _size(db) > self._max_size:
            with db:
                if not db.execute(_MAKE_ROOM).rowcount:
                    return


def _connect(file: Path) -> sqlite3.Connection:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # SQLite gives its other two files the mode of this one.
    os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    # Made, used and closed in the one thread, except where that has ended.
    db = sqlite3.connect(file, timeout=BUSY, isolation_level=None)
    try:
        [version] = db.execute("PRAGMA user_version").fetchone()
        if version not in {0, VERSION}:
            raise sqlite3.DatabaseError(f"{file} was made by a later version")
        _switch_to_wal(db)
        # A crash of the machine may cost the last answers, never the file.
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA foreign_keys = ON")
        # What was deleted is overwritten: prompts do not linger in free pages.
        db.execute("PRAGMA secure_delete = ON")
        if not version:
            db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
            db.execute(f"PRAGMA user_version = {VERSION}")
    except BaseException:
        db.close()
        raise
    return db


def _switch_to_wal(db: sqlite3.Connection) -> None:
    """Do so in spite of others who open the file now: nobody waits in line here."""
    deadline = monotonic() + PATIENCE
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if monotonic() > deadline:
                raise
            sleep(0.01)
        else:
            return


def _thread_of(db: sqlite3.Connection, stored: Stored) -> str:
    """Return the name of the conversation: the id of its first answer."""
    row = db.execute(
        "SELECT thread FROM answers WHERE caller = ? AND id = ?",
        (stored.caller, stored.previous),
    ).fetchone()
    return str(row[0]) if row else stored.id


def _size(db: sqlite3.Connection) -> int:
    """Return how many bytes are in use; free pages are used again first."""
    pages, free, size = (
        db.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)
