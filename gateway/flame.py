"""A flame graph as one self-contained picture: who called whom, as wide as often."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import TypeAlias
from zlib import crc32

from attrs import define, field

# Functions (``module:name``), the outermost first, to how often that was seen.
Stacks: TypeAlias = Mapping[tuple[str, ...], int]

WIDTH = 1200
_ROW = 17
_HEAD = 58
# In pixels; what is narrower cannot be seen.
_NARROWEST = 0.4
# Of the font below, so that a name can be cut to its box.
_LETTER = 6.7
# Hues by where a function is from; the rest is the standard library's and others'.
_HUES = {"gateway": 12, "connectors": 40, "aiohttp": 205, "uvloop": 150, "asyncio": 150}
_REST = 265

_STYLE = """
text { font: 11px ui-monospace, Menlo, Consolas, monospace; fill: #222; }
.title { font-size: 15px; font-weight: bold; } .about { fill: #555; }
.box:hover rect { stroke: #222; } .box { cursor: pointer; }
"""
# A click on a box makes it as wide as the picture; on the lowest, all is as before.
_SCRIPT = """
const W = %d, boxes = [...document.querySelectorAll('.box')];
const show = (x0, w0) => boxes.forEach(box => {
  const rect = box.querySelector('rect'), text = box.querySelector('text');
  const x = +box.dataset.x, w = +box.dataset.w, over = x <= x0 && x + w >= x0 + w0;
  const left = over ? 0 : (x - x0) / w0 * W, wide = over ? W : w / w0 * W;
  box.style.display = over || (x >= x0 && x + w <= x0 + w0) ? '' : 'none';
  rect.setAttribute('x', left);
  rect.setAttribute('width', Math.max(wide - 0.5, 0.3));
  text.setAttribute('x', left + 3);
  const room = Math.floor((wide - 6) / 6.7);
  let name = box.dataset.name;
  if (name.length > room) name = name.slice(name.lastIndexOf(':') + 1);
  if (name.length > room) name = name.slice(0, room - 1) + '\\u2026';
  text.textContent = room < 3 ? '' : name;
});
boxes.forEach(box => box.onclick = () => show(+box.dataset.x, +box.dataset.w));
"""


@define
class _Node:
    name: str
    count: int = 0
    inner: dict[str, _Node] = field(factory=dict)


@define
class _Box:
    node: _Node
    start: int
    depth: int


def svg(stacks: Stacks, title: str, about: Sequence[str]) -> str:
    """Return a picture; names are whole in what a pointer shows of a box."""
    return _picture(stacks, title, about)


def html(stacks: Stacks, title: str, about: Sequence[str]) -> str:
    """Return a page with the picture, in which a click shows one box larger."""
    return (
        f'<!DOCTYPE html>\n<html lang="en"><meta charset="utf-8">'
        f"<title>{escape(title)}</title>\n<body>\n"
        f"{_picture(stacks, title, about)}"
        f"<script>{_SCRIPT % WIDTH}</script>\n</body></html>\n"
    )


def _picture(stacks: Stacks, title: str, about: Sequence[str]) -> str:
    root = _tree(stacks)
    boxes = list(_boxes(root, 0, 0)) if root.count else []
    deepest = max((box.depth for box in boxes), default=0)
    height = _HEAD + (deepest + 1) * _ROW + 10
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
        f"<style>{_STYLE}</style>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text class="title" x="6" y="19">{escape(title)}</text>',
        *(
            f'<text class="about" x="6" y="{35 + 14 * i}">{escape(line)}</text>'
            for i, line in enumerate(about)
        ),
        *(_drawn(box, root.count, height) for box in boxes),
        "</svg>\n",
    ]
    return "\n".join(lines)


def _tree(stacks: Stacks) -> _Node:
    """Join what begins alike, without what all begin with: it says nothing."""
    # The functions that were interrupted stay.
    shortest = min((len(stack) for stack in stacks), default=1)
    alike = min(_alike(list(stacks)), shortest - 1)
    root = _Node("all")
    for stack, count in stacks.items():
        root.count += count
        node = root
        for name in stack[alike:]:
            node = node.inner.setdefault(name, _Node(name))
            node.count += count
    return root


def _alike(stacks: Sequence[tuple[str, ...]]) -> int:
    if not stacks:
        return 0
    first, last = min(stacks), max(stacks)
    pairs = zip(first, last, strict=False)
    return next(
        (i for i, (one, other) in enumerate(pairs) if one != other),
        min(len(first), len(last)),
    )


def _boxes(node: _Node, start: int, depth: int) -> Iterator[_Box]:
    yield _Box(node, start, depth)
    for name in sorted(node.inner):
        inner = node.inner[name]
        yield from _boxes(inner, start, depth + 1)
        start += inner.count


def _drawn(box: _Box, total: int, height: int) -> str:
    name, count = box.node.name, box.node.count
    x, width = box.start / total * WIDTH, count / total * WIDTH
    if width < _NARROWEST:
        return ""
    y = height - 10 - (box.depth + 1) * _ROW
    shown = _cut(name, int((width - 6) / _LETTER))
    told = escape(f"{name}: {count:,} of {total:,}, {count / total:.1%}")
    return (
        f'<g class="box" data-x="{x:.2f}" data-w="{width:.2f}"'
        f' data-name="{escape(name)}"><title>{told}</title>'
        f'<rect x="{x:.2f}" y="{y}" width="{max(width - 0.5, 0.3):.2f}"'
        f' height="{_ROW - 1}" rx="1" fill="{_colour(name)}"/>'
        f'<text x="{x + 3:.2f}" y="{y + 12}">{escape(shown)}</text></g>'
    )


def _cut(name: str, room: int) -> str:
    """Leave out the module first; ``_SCRIPT`` has the same."""
    if len(name) > room:
        name = name.rpartition(":")[2]
    if room < 3:
        return ""
    return name if len(name) <= room else name[: room - 1] + "…"


def _colour(name: str) -> str:
    if name == "all":
        return "#ddd"
    package = name.partition(":")[0].partition(".")[0]
    hue = _HUES.get(package, _REST)
    shade = crc32(name.encode()) % 12  # neighbours can be told apart
    return f"hsl({hue} 70% {72 + shade}%)"
