"""YAML into plain values, with the line of each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import yaml
from attrs import define, field
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gateway.config.problems import ConfigError, KeyPath, RefusedError, problem
from gateway.config.tree import Tree
from gateway.config.variables import fill

if TYPE_CHECKING:
    from pathlib import Path

# The one written in C reads ten times as fast; not every build of PyYAML has it.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# Guesses, far beyond what anybody configures by hand. Aliases can blow up a short
# file without end.
_MOST_VALUES = 100_000
_DEEPEST = 50

_TAG = "tag:yaml.org,2002:"
_CONSTRUCTOR = yaml.constructor.SafeConstructor()
_READ = {
    f"{_TAG}int": _CONSTRUCTOR.construct_yaml_int,
    f"{_TAG}float": _CONSTRUCTOR.construct_yaml_float,
    f"{_TAG}bool": _CONSTRUCTOR.construct_yaml_bool,
    f"{_TAG}null": _CONSTRUCTOR.construct_yaml_null,
}
# No setting is a date; `=` has a meaning of its own only in YAML 1.1.
_TEXT = frozenset(_TAG + name for name in ("str", "timestamp", "value"))


def read_file(file: Path, environ: Mapping[str, str]) -> Tree:
    """
    Read *file*; what is wrong with single values is in the tree's problems.

    Raises:
        ConfigError: it cannot be read at all.
    """
    tree = Tree(str(file))
    try:
        node = _compose(_text(file))
        if node is None:
            raise RefusedError("is empty; `backends: {}` is the least it can say")
        if not isinstance(node, MappingNode):
            raise RefusedError("expected sections such as `server:` and `backends:`")
    except _SyntaxError as exc:
        place = f"{file}:{exc.line}:{exc.column}"
        raise ConfigError([problem(place, (), str(exc))]) from exc
    except RefusedError as exc:
        raise ConfigError([problem(str(file), (), str(exc))]) from exc
    tree.root = _Reader(tree, environ).read(node, ()) or {}
    return tree


def read_text(text: str) -> Any:
    """
    Read the YAML of a variable or flag.

    Raises:
        RefusedError: it is no YAML; the message does not quote it.
    """
    tree = Tree("")
    # A subclass of `str` is not text to the loader written in C.
    try:
        node = _compose(str(text))
    except RefusedError as exc:
        raise RefusedError(f"not YAML: {exc}") from exc
    value = None if node is None else _Reader(tree, None).read(node, ())
    for found in tree.problems:
        raise RefusedError(found.message)
    return value


class _SyntaxError(RefusedError):
    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


class _TooManyError(RefusedError):
    """Ends the reading as a whole."""


def _text(file: Path) -> str:
    try:
        raw = file.read_bytes()
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else exc
        raise RefusedError(f"cannot be read: {reason}") from exc
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        before = exc.object[: exc.start]
        line = before.count(b"\n") + 1
        column = len(before) - before.rfind(b"\n")
        raise _SyntaxError("not UTF-8 text", line, column) from exc


def _compose(text: str) -> Node | None:
    try:
        node: Node | None = yaml.compose(text, _LOADER)
    except yaml.MarkedYAMLError as exc:
        raise _syntax_error(text, exc) from exc
    except (yaml.reader.ReaderError, UnicodeEncodeError) as exc:
        found = yaml.reader.Reader.NON_PRINTABLE.search(text)
        at = found.start() if found else 0
        line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
        raise _SyntaxError("a control character", line, column) from exc
    except RecursionError as exc:
        raise RefusedError("is nested too deeply") from exc
    return node


def _syntax_error(text: str, exc: yaml.MarkedYAMLError) -> _SyntaxError:
    mark = exc.problem_mark or yaml.Mark("", 0, 0, 0, None, 0)
    message = ", ".join(filter(None, (exc.context, exc.problem)))
    line, *_ = [*text.split("\n")[mark.line : mark.line + 1], ""]
    if line[mark.column :].startswith("\t"):
        message = "a tab; YAML is indented with spaces"
    # A password that begins with * & or ! is read as an alias, an anchor, a tag,
    # and would be shown.
    elif re.search("alias|anchor|tag", message):
        message = re.sub(r" '[^']*'", "", message) + "; a text that begins so is quoted"
    return _SyntaxError(message, mark.line + 1, mark.column + 1)


@define
class _Reader:
    """
    Turns nodes into values.

    Attributes:
        tree: takes places and problems.
        environ: fills in ``${NAME}``; `None` leaves text alone.
        open: the nodes that are being read, the outermost first.
        count: of nodes read so far.
    """

    tree: Tree
    environ: Mapping[str, str] | None
    open: list[Node] = field(factory=list)
    count: int = 0

    def read(self, node: Node, path: KeyPath) -> Any:
        """Return the value, or `None` where a problem was reported instead."""
        try:
            with self._entered(node):
                return self._read(node, path)
        except RefusedError as exc:
            if isinstance(exc, _TooManyError) and path:
                raise
            self.tree.report(path, str(exc))
            return None

    @contextmanager
    def _entered(self, node: Node) -> Iterator[None]:
        self.count += 1
        if self.count > _MOST_VALUES:
            raise _TooManyError(f"is more than {_MOST_VALUES:,} values in all")
        if len(self.open) > _DEEPEST:
            raise RefusedError("is nested too deeply")
        if any(node is outer for outer in self.open):
            raise RefusedError("contains itself")
        self.open.append(node)
        try:
            yield
        finally:
            self.open.pop()

    def _read(self, node: Node, path: KeyPath) -> Any:
        match node:
            case ScalarNode():
                value = _scalar(node)
                if self.environ is None or not isinstance(value, str):
                    return value
                return fill(value, self.environ)
            case SequenceNode() if node.tag == f"{_TAG}seq":
                return self._sequence(node, path)
            case MappingNode() if node.tag == f"{_TAG}map":
                return {
                    name: self.read(value, (*path, name))
                    for name, value in self._entries(node, path).items()
                }
            case _:
                raise _unknown_tag()

    def _sequence(self, node: SequenceNode, path: KeyPath) -> list[Any]:
        values = []
        for index, item in enumerate(node.value):
            inner = (*path, index)
            self.tree.places[inner] = self._place(item)
            values.append(self.read(item, inner))
        return values

    def _entries(self, node: MappingNode, path: KeyPath) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        for key, value in node.value:
            if key.tag == f"{_TAG}merge":
                for other in self._merged(value):
                    with self._entered(other):
                        entries = self._entries(other, path) | entries
        return entries | self._own(node, path)

    def _own(self, node: MappingNode, path: KeyPath) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        lines: dict[str, int] = {}
        for key, value in node.value:
            if key.tag == f"{_TAG}merge":
                continue
            place = self._place(key)
            if not isinstance(key, ScalarNode) or key.tag not in _TEXT:
                self.tree.report(path, "expected text as key; quote it", place)
                continue
            name = key.value
            self.tree.places[*path, name] = place
            if name in lines:
                message = f"is already set in line {lines[name]}"
                self.tree.report((*path, name), message)
            lines.setdefault(name, key.start_mark.line + 1)
            entries[name] = value
        return entries

    def _merged(self, value: Node) -> list[MappingNode]:
        others = value.value if isinstance(value, SequenceNode) else [value]
        if not all(isinstance(other, MappingNode) for other in others):
            raise RefusedError("expected a section, or a list of sections, after `<<`")
        return list(others)

    def _place(self, node: Node) -> str:
        return f"{self.tree.name}:{node.start_mark.line + 1}"


def _scalar(node: ScalarNode) -> Any:
    if node.tag in _TEXT:
        return node.value
    try:
        return _READ[node.tag](node)
    except (ValueError, LookupError) as exc:
        raise _unknown_tag() from exc


def _unknown_tag() -> RefusedError:
    return RefusedError("a tag that does not fit; a text that begins with ! is quoted")
