"""
A fresh virtual environment with wheels in it, made without a network.

The dependencies are those of the environment that the tests run in, which a path file
lends to it; the gateway is not among them, and comes from a wheel.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

from attrs import frozen

ROOT = Path(__file__).resolve().parents[2]
# What the wheel is made of; the rest of the checkout is not copied.
SOURCES = ("gateway", "connectors", "setup.cfg", "pyproject.toml", "README.md")
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")


@frozen
class Environment:
    """
    Attributes:
        place: where it is.
        directory: an empty one to run programs in, far from any checkout.
    """

    place: Path
    directory: Path

    def program(self, name: str) -> str:
        return str(self.place / "bin" / name)

    def run(self, *args: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run one of its programs to its end, in a clean environment."""
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        return subprocess.run(
            [self.program(args[0]), *args[1:]],
            cwd=self.directory,
            env={**kept, **environ},
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )

    def install(self, wheel: Path) -> None:
        _pip("--python", self.program("python"), "install", *_OFFLINE, str(wheel))


_OFFLINE = ("--quiet", "--no-deps", "--no-index", "--no-compile")


def make(place: Path, *wheels: Path) -> Environment:
    """Return a new environment with *wheels* installed by pip."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    directory = place / "empty"
    directory.mkdir()
    made = Environment(place, directory)
    for wheel in wheels:
        made.install(wheel)
    lent = sysconfig.get_path("purelib")
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = place / "lib" / version / "site-packages"
    (packages / "lent.pth").write_text(lent, "utf-8")
    return made


def gateway_wheel(place: Path) -> Path:
    """Return a wheel of the gateway as it is in the checkout."""
    source = place / "source"
    source.mkdir(parents=True)
    for name in SOURCES:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, source / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, source)
    shutil.copy(ROOT / "LICENSE", source)
    return build(source, place / "wheels")


def example_wheel(name: str, place: Path) -> Path:
    """Return a wheel of a package in ``examples``."""
    ignored = shutil.ignore_patterns("__pycache__", "build", "*.egg-info")
    source = shutil.copytree(ROOT / "examples" / name, place / name, ignore=ignored)
    return build(Path(source), place / "wheels")


def build(source: Path, place: Path) -> Path:
    """Build the wheel of *source*, which is changed by that."""
    before = set(place.glob("*.whl"))
    _pip("wheel", "--no-build-isolation", *_OFFLINE[:3], "-w", str(place), str(source))
    (wheel,) = set(place.glob("*.whl")) - before
    return wheel


def top_level(wheel: Path) -> set[str]:
    """Return what *wheel* puts into the directory that all packages share."""
    with zipfile.ZipFile(wheel) as archive:
        names = {name.split("/")[0] for name in archive.namelist()}
    return {name for name in names if not name.endswith(".dist-info")}


def _pip(*args: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", *args],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
