"""Flame graphs, as anybody reads them: as markup."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from gateway.flame import WIDTH, html, svg

NAMESPACE = "{http://www.w3.org/2000/svg}"
STACKS = {
    ("cli:main", "loop:run", "gateway.a:ask", "gateway.b:read"): 30,
    ("cli:main", "loop:run", "gateway.a:ask"): 10,
    ("cli:main", "loop:run", "aiohttp.c:<lambda>"): 60,
}


def boxes(picture: str) -> dict[str, dict[str, float]]:
    """Return where each function's box is, in pixels."""
    tree = ElementTree.fromstring(picture)
    found = {}
    for box in tree.iter(f"{NAMESPACE}g"):
        rect = box.find(f"{NAMESPACE}rect")
        assert rect is not None
        place = {name: float(rect.get(name, "")) for name in ("x", "y", "width")}
        found[box.get("data-name", "")] = place
    return found


def test_as_wide_as_often() -> None:
    """A box is as wide as its share, and stands on its caller."""
    found = boxes(svg(STACKS, "t", ["about"]))

    assert round(found["gateway.a:ask"]["width"]) == round(WIDTH * 0.4)
    assert round(found["gateway.b:read"]["width"]) == round(WIDTH * 0.3)
    assert found["gateway.b:read"]["x"] == found["gateway.a:ask"]["x"]
    assert found["gateway.b:read"]["y"] < found["gateway.a:ask"]["y"]
    assert found["aiohttp.c:<lambda>"]["y"] == found["gateway.a:ask"]["y"]


def test_what_all_have_is_left_out() -> None:
    """The way into the event loop says nothing, and would be half of the picture."""
    assert boxes(svg(STACKS, "t", [])).keys() == {
        "all",
        "gateway.a:ask",
        "gateway.b:read",
        "aiohttp.c:<lambda>",
    }


@pytest.mark.parametrize("shorter", [(), ("cli:main",)], ids=["one", "two"])
def test_who_was_interrupted_stays(shorter: tuple[str, ...]) -> None:
    """A process that has done one thing has a picture, too."""
    stacks = {("cli:main", "gateway.a:ask"): 2, **({shorter: 1} if shorter else {})}

    assert "gateway.a:ask" in boxes(svg(stacks, "t", []))


def test_whole_names_are_told() -> None:
    """What does not fit its box is shown with its share."""
    name = f"gateway.x:{'y' * 300}"
    picture = svg({(name,): 1, ("b:c",): 1}, "t", [])

    assert f"{name}: 1 of 2, 50.0%" in picture
    assert f">{'y' * 20}" in picture


@pytest.mark.parametrize("draw", [svg, html], ids=["svg", "html"])
def test_no_markup_of_others(draw: object) -> None:
    """Whatever a plugin calls its functions, it is text."""
    assert callable(draw)
    picture = draw({("a:</title><script>x",): 1, ("b:c",): 1}, "<t>", ["<a>"])

    assert "<script>x" not in picture
    assert "<a>" not in picture
    assert "&lt;t&gt;" in picture


def test_nothing_seen() -> None:
    assert boxes(svg({}, "t", ["about"])) == {}


def test_self_contained() -> None:
    """A page that is attached to a bug report asks nobody for anything."""
    page = html(STACKS, "t", [])

    assert "src=" not in page
    assert page.count("://") == page.count("http://www.w3.org/2000/svg") == 1
