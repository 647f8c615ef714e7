"""The words for what is not there; see test_registry.py for when they are used."""

from __future__ import annotations

import pytest

from gateway.loading import Broken, Offer, Source
from gateway.refusals import explained, is_called, missing

NAMES = ["acme", "demo", "openai"]


@pytest.mark.parametrize(
    ("name", "package", "brings", "said"),
    [
        ("acmee", None, [], "did you mean acme? there are acme, demo, openai"),
        ("acmee", "x-y", [], "did you mean acme? install the package x-y, which is"),
        ("zzz", "x-y >= 2", [], "install the package x-y >= 2, which is to bring it"),
        ("zzz", "attrs", ["b", "a"], "and brings a, b: install another release"),
        ("zzz", "Attrs", [], "and brings no connector: install another release"),
        ("zzz", None, [], "entry points of the group llm_proxy_backends: install it"),
    ],
)
def test_missing(name: str, package: str | None, brings: list[str], said: str) -> None:
    """As much as is known of what would help."""
    assert said in missing(name, package, NAMES, brings)


PLUGIN = Offer("acme", Source("acme-plugin", "1.0", "acme:X"))


@pytest.mark.parametrize(
    ("broken", "package", "said"),
    [
        (Broken("it is bad"), None, "it is bad; repair or remove acme-plugin 1.0"),
        (Broken("it is bad", "do it"), None, "it is bad; do it"),
        (Broken("it is bad", "do it"), "Acme_Plugin", "it is bad; do it"),
        (Broken("it is bad", "do it"), "other", "it is bad; install the package other"),
        (Broken('pip install "a[b]"', "do it"), None, 'pip install "a[b]"'),
    ],
)
def test_explained(broken: Broken, package: str | None, said: str) -> None:
    """Who brings it, why it does not work, and one thing to do."""
    assert explained(PLUGIN, broken, package) == f"acme-plugin 1.0 (acme:X): {said}"


def test_explained_of_ours() -> None:
    """Where ours comes from is known."""
    ours = Offer("demo", Source("sluicegate", "0.1.0", "connectors.demo:DEMO"))

    said = explained(ours, Broken("it is bad"))

    assert said == "it is bad; repair or remove sluicegate 0.1.0"


def test_spellings_of_a_package() -> None:
    """As installers compare them."""
    assert is_called("Acme.Plugin", PLUGIN.source)
    assert not is_called("acme", PLUGIN.source)
    assert not is_called(None, PLUGIN.source)
