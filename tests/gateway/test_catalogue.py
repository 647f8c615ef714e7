"""``docs/backends.md`` says what is installed, and what it shows works."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from connectors.auth import api_key_query
from gateway import catalogue
from gateway.catalogue import main, renewed
from gateway.config import load
from gateway.plugin import Connector, Dialect
from gateway.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "backends.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def built_in() -> Iterator[str]:
    for offer in Registry().offers():
        if offer.source.origin == "built-in":
            yield offer.name


def test_up_to_date() -> None:
    """Run `python -m gateway.catalogue docs/backends.md` if this fails."""
    assert renewed(PAGE, Registry()) == PAGE


@pytest.mark.parametrize("name", sorted(built_in()))
def test_every_type(name: str) -> None:
    """Each is in one of the tables, once."""
    rows = PAGE.count(f"\n| `{name}` |")
    declared = isinstance(Registry().get(name), Connector)

    assert rows == declared
    assert declared or f"\n- `{name}`: " in PAGE


def test_plugins_are_left_out() -> None:
    """The page is the same wherever it is made."""
    registry = Registry()
    dialect = Dialect("openai_chat", {"chat": "/chat"})
    plugin = Connector("acme", "https://acme.example", (dialect,), api_key_query("k"))
    assert registry.register("acme", plugin)

    assert renewed(PAGE, registry) == PAGE


def test_written(tmp_path: Path) -> None:
    """Only what is between the marks is made anew."""
    page = tmp_path / "page.md"
    page.write_text(
        f"before\n{catalogue.BEGIN}of yesterday\n{catalogue.END}after\n", "utf-8"
    )

    assert main([str(page)]) == 0

    text = page.read_text("utf-8")
    assert text.startswith(f"before\n{catalogue.BEGIN}\n## Providers\n")
    assert text.endswith(f"{catalogue.END}after\n")
    assert "of yesterday" not in text


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples(example: str, tmp_path: Path) -> None:
    """What the page shows is a configuration that starts."""
    secret = tmp_path / "secret"
    secret.write_text("sk-in-a-file\n", "utf-8")
    secret.chmod(0o600)
    text = re.sub(r"file:/run/secrets/\w+", f"file:{secret}", example)
    file = tmp_path / "sluicegate.yaml"
    file.write_text(text, "utf-8")
    names = re.findall(r"\$\{(\w+)\}", text)
    environ = dict.fromkeys(names, "sk-in-a-variable")

    settings = load(file, environ, [], partial(Registry().check, environ=environ))

    assert settings.backends or settings.server.max_hops == 1


def test_links() -> None:
    """What it points to is there."""
    for target in re.findall(r"\]\((?!https://)([^)#]+)", PAGE):
        assert (DOCS / target).is_file(), target
