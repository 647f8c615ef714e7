"""A certificate for the upstream, made for one run."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from bench.process import BenchError

if TYPE_CHECKING:
    from pathlib import Path

_EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")


def make_certificate(directory: Path) -> tuple[Path, Path]:
    """
    Return the files of a self-signed certificate for 127.0.0.1 and of its key.

    Raises:
        BenchError: there is no ``openssl``.
    """
    if shutil.which("openssl") is None:
        raise BenchError("no program openssl, so no TLS")
    certificate, key = directory / "upstream.pem", directory / "upstream.key"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-subj", "/CN=localhost", "-days", "2"),
            *(*_EC, "-noenc", "-keyout", str(key), "-out", str(certificate)),
            *("-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key
