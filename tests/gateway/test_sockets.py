"""Listening sockets for one worker and for several."""

from __future__ import annotations

import contextlib
import resource
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import sockets
from gateway.config import read_address
from gateway.sockets import CannotListenError, bind, files, remove, shown


@contextlib.contextmanager
def bound(*addresses: str, workers: int = 1) -> Iterator[list[list[socket.socket]]]:
    rows = bind([read_address(a) for a in addresses], 16, workers)
    try:
        yield rows
    finally:
        remove(files(rows[0]))
        for row in rows:
            for sock in row:
                sock.close()


def test_one_worker() -> None:
    with bound("127.0.0.1:0") as ((sock,),):
        address = shown(sock)
        assert address.startswith("127.0.0.1:")
        assert not address.endswith(":0")
        assert sock.gettimeout() == 0
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        assert not sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT)


def test_several_workers(tmp_path: Path) -> None:
    """A TCP socket each on one port, and one socket file for all."""
    path = tmp_path / "s"
    with bound("127.0.0.1:0", f"unix:{path}", workers=3) as rows:
        ports = [row[0] for row in rows]
        shared = [row[1] for row in rows]

        assert len({shown(sock) for sock in ports}) == 1
        assert len({sock.fileno() for sock in ports}) == 3
        assert len({sock.fileno() for sock in shared}) == 1
        assert shown(shared[0]) == f"unix:{path}"


def test_bounded_send_buffer() -> None:
    """What a client does not read piles up here, and not in the kernel."""
    with bound("127.0.0.1:0") as ((sock,),):
        size = sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)

    assert size <= 2 * sockets.SEND_BUFFER  # the kernel doubles it


def test_localhost() -> None:
    """One address, which every client of this machine tries."""
    with bound("localhost:0") as (row,):
        assert row[0].getsockname()[0] == "127.0.0.1"


def test_every_interface() -> None:
    """``:0`` is reached over IPv4, whatever else there is."""
    with bound(":0") as (row,), socket.socket() as client:
        client.connect(("127.0.0.1", row[0].getsockname()[1]))


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
def test_ipv6() -> None:
    with bound("[::1]:0") as ((sock,),):
        assert shown(sock).startswith("[::1]:")


@pytest.mark.parametrize("workers", [1, 2])
def test_taken(workers: int) -> None:
    """Told at once, and nothing of the attempt is left open."""
    before = open_files()
    with bound("127.0.0.1:0") as ((sock,),):
        with pytest.raises(CannotListenError) as caught:
            bind([read_address(shown(sock))], 16, workers)

        assert shown(sock) in str(caught.value)
        assert "in use" in str(caught.value)
    assert open_files() == before


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_not_ours() -> None:
    """An address of another machine (TEST-NET-1)."""
    with pytest.raises(CannotListenError, match=r"192\.0\.2\.1:80"):
        bind([read_address("192.0.2.1:80")], 16)


def test_unknown_host() -> None:
    with pytest.raises(CannotListenError, match=r"nowhere\.invalid"):
        bind([read_address("nowhere.invalid:80")], 16)


def test_successor(tmp_path: Path) -> None:
    """Only our own socket file is removed, not the one that took its place."""
    path = tmp_path / "s"
    with bound(f"unix:{path}") as (row,):
        ours = files(row)
        path.unlink()
        with socket.socket(socket.AF_UNIX) as successor:
            successor.bind(str(path))
            remove(ours)
            assert path.exists()


def test_file_limit() -> None:
    """As many files as the system allows; the soft limit is a relic."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        sockets.raise_file_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == hard
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
