"""Listening sockets, bound before anything else so that a conflict shows at once."""

from __future__ import annotations

import errno
import resource
import socket
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from gateway.config import UnixAddress

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gateway.config import Listening, TcpAddress

# The kernel would otherwise let some megabytes pile up for a client that does
# not read, which hides it from us.
SEND_BUFFER = 256 * 1024
SOCKET_MODE = 0o660


class CannotListenError(Exception):
    """The message says where and why."""


def bind(
    addresses: Iterable[Listening], backlog: int, workers: int = 1
) -> list[list[socket.socket]]:
    """
    Return the listening sockets for each worker.

    Several workers get a TCP socket each, among which the kernel spreads the
    connections (``SO_REUSEPORT``), and share those of unix paths.

    Raises:
        CannotListenError: an address is taken or not ours.
    """
    sockets: list[list[socket.socket]] = [[] for _ in range(workers)]
    try:
        for address in addresses:
            for row in _rows(address, backlog, workers):
                for own, sock in zip(sockets, row, strict=True):
                    own.append(sock)
    except CannotListenError:
        remove(files(sockets[0]))
        raise
    return sockets


def files(sockets: Iterable[socket.socket]) -> dict[Path, _Identity]:
    """Return the socket files of *sockets*, to be given to `remove` at the end."""
    paths = [
        Path(sock.getsockname()) for sock in sockets if sock.family == socket.AF_UNIX
    ]
    return {path: _identity(path) for path in paths}


def remove(ours: Mapping[Path, _Identity]) -> None:
    """Remove socket files, but not those that a successor has put in their place."""
    for path, identity in ours.items():
        with suppress(OSError):
            if _identity(path) == identity:
                path.unlink()


def raise_file_limit() -> None:
    """
    Allow as many open files as the system does.

    A stream takes two; the usual soft limit of 1,024 is there for ``select``.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def shown(sock: socket.socket) -> str:
    """Return the address as a user would write it."""
    if sock.family == socket.AF_UNIX:
        return f"unix:{sock.getsockname()}"
    host, port = sock.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


_Target: TypeAlias = tuple[int, tuple[str, int]]
_Identity: TypeAlias = tuple[int, int, int]


def _identity(path: Path) -> _Identity:
    # A new file may get the number of one that was just removed.
    status = path.stat()
    return status.st_dev, status.st_ino, status.st_mtime_ns


def _rows(
    address: Listening, backlog: int, workers: int
) -> Iterator[list[socket.socket]]:
    """Give a row of sockets, one for each worker, for each thing to listen on."""
    if isinstance(address, UnixAddress):
        yield [_unix(address.path, backlog)] * workers
    else:
        for target in _targets(address):
            yield _tcp(target, backlog, workers)


def _targets(address: TcpAddress) -> list[_Target]:
    if address.host is None:
        family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
        return [(family, ("::" if family == socket.AF_INET6 else "", address.port))]
    try:
        found = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except socket.gaierror as exc:
        raise CannotListenError(f"cannot resolve {address.host!r}: {exc}") from exc
    targets: list[_Target] = [
        (family, (str(where[0]), int(where[1]))) for family, _, _, _, where in found
    ]
    targets = list(dict.fromkeys(targets))
    if address.host == "localhost" and len(targets) > 1:
        # A machine without IPv6 still names ::1 in its hosts file.
        targets = [t for t in targets if t[0] == socket.AF_INET] or targets
    return targets


def _tcp(target: _Target, backlog: int, workers: int) -> list[socket.socket]:
    family, where = target
    if workers > 1:
        # With SO_REUSEPORT a port that is taken would not be noticed.
        probe = _bound(family, where, reuse_port=False)
        where = (where[0], probe.getsockname()[1])
        probe.close()
    found = []
    for _ in range(workers):
        sock = _bound(family, where, reuse_port=workers > 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        sock.listen(backlog)
        found.append(sock)
    return found


def _bound(family: int, where: tuple[str, int], *, reuse_port: bool) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if reuse_port:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(where[0] != "::"))
    try:
        sock.bind(where)
    except OSError as exc:
        sock.close()
        raise _refused(f"{where[0] or '*'}:{where[1]}", exc) from exc
    sock.setblocking(False)
    return sock


def _unix(path: Path, backlog: int) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_stale(path)
        sock.bind(str(path))
        path.chmod(SOCKET_MODE)
    except OSError as exc:
        sock.close()
        raise _refused(f"unix:{path}", exc) from exc
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    sock.listen(backlog)
    sock.setblocking(False)
    return sock


def _remove_stale(path: Path) -> None:
    """Remove the socket of a process that is gone; never anything else."""
    try:
        if not stat.S_ISSOCK(path.stat().st_mode):
            raise OSError(errno.EEXIST, "exists and is not a socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        # One that hangs has no room for us, and is not gone.
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except BlockingIOError:
            pass
    raise OSError(errno.EADDRINUSE, "another process listens there")


def _refused(where: str, exc: OSError) -> CannotListenError:
    why = exc.strerror or str(exc)
    if exc.errno == errno.EADDRINUSE:
        why = "the address is in use; choose another one with --listen"
    return CannotListenError(f"cannot listen on {where}: {why}")
