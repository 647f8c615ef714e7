"""Where to listen, as it is written in ``server.listen``."""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import TypeAlias

from attrs import frozen

from gateway.config.problems import RefusedError

_HOST = re.compile(r"(?!-)[A-Za-z0-9_.-]{1,253}")
_DIGITS = re.compile(r"[0-9.]+")
_PORT = re.compile(r"[0-9]{1,5}")

# sockaddr_un holds 108 bytes with the closing zero.
_LONGEST_PATH = 107


@frozen
class TcpAddress:
    """A host and a port; host `None` is every interface, port 0 a free one."""

    host: str | None
    port: int

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host is None or self.host.lower() == "localhost":
            return self.host is not None
        if not _is_ip(self.host):
            # A name may stand for anything.
            return False
        address = ip_address(self.host)
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return address.is_loopback


@frozen
class UnixAddress:
    path: Path

    @property
    def loopback(self) -> bool:
        return True


Listening: TypeAlias = TcpAddress | UnixAddress


def read_address(text: str) -> Listening:
    """
    Read ``host:port``, ``[ipv6]:port``, ``:port`` or ``unix:/path``.

    Raises:
        RefusedError: it is none of them.
    """
    if text.startswith("unix:"):
        return _read_unix(text.removeprefix("unix:"))
    host, colon, port = text.rpartition(":")
    if not colon or not _PORT.fullmatch(port) or int(port) > 65_535:
        raise RefusedError(
            "expected host:port, :port for every interface, or unix:/path"
        )
    if not host:
        return TcpAddress(None, int(port))
    return TcpAddress(_read_host(host), int(port))


def _read_host(host: str) -> str:
    if host.startswith("[") and host.endswith("]"):
        try:
            return str(IPv6Address(host[1:-1]))
        except ValueError as exc:
            raise RefusedError("expected an IPv6 address in [ ]") from exc
    if ":" in host:
        raise RefusedError("expected an IPv6 address to be in [ ], as in [::1]:8080")
    if not _HOST.fullmatch(host) or (_DIGITS.fullmatch(host) and not _is_ip(host)):
        raise RefusedError("expected an address or the name of a host before the :")
    return host


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _read_unix(path: str) -> UnixAddress:
    if not path.startswith("/") or path.endswith("/") or "\0" in path:
        raise RefusedError("expected the absolute path of a socket after `unix:`")
    if len(path.encode("utf-8", "surrogateescape")) > _LONGEST_PATH:
        raise RefusedError(f"expected a path of at most {_LONGEST_PATH} bytes")
    return UnixAddress(Path(path))
