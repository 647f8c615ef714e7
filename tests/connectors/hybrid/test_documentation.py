"""What docs/hybrid.md says is so."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

import attrs
import pytest

from connectors.hybrid.selector import _PARAMETERS, EXAMPLE, read_pair
from connectors.hybrid.settings import Settings
from gateway import config
from gateway.registry import Registry
from tests.process import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PAGE = (ROOT / "docs" / "hybrid.md").read_text("utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
NAMES = re.findall(r"hybrid:(\[[^\]]*\])", PAGE)


@pytest.mark.parametrize("block", BLOCKS)
def test_configurations(block: str, tmp_path: Path) -> None:
    """Each is one that the gateway starts with."""
    file, environ = tmp_path / "c.yaml", dict[str, str]()
    file.write_text(block)

    config.load(file, environ, also=partial(Registry().check, environ=environ))


@pytest.mark.parametrize("name", [*NAMES, EXAMPLE.removeprefix("hybrid:")])
def test_names(name: str) -> None:
    """Each is a name, that in the messages too."""
    read_pair(name)


def test_everything_is_there() -> None:
    """Each setting and each parameter has a row."""
    rows = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))

    settings = {field.name for field in attrs.fields(Settings)}
    assert rows == {*settings, *_PARAMETERS}
