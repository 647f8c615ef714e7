"""What the environment and the flags set, laid over what the file says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import fields_dict, frozen

from gateway.config.problems import KeyPath, RefusedError
from gateway.config.texts import read_text
from gateway.config.tree import Text, Tree
from gateway.settings import Backend

PREFIX = "SLUICEGATE_"

# The settings that have a short name of their own.
_SHORT: dict[str, KeyPath] = {
    "SLUICEGATE_DEFAULT_BACKEND": ("default_backend",),
    "SLUICEGATE_LISTEN": ("server", "listen"),
    "SLUICEGATE_WORKERS": ("server", "workers"),
}
_FLAGS: dict[str, str] = {
    "log.level": "--log-level",
    "server.listen": "--listen",
    "server.workers": "--workers",
}

# The command's own, and the tests'.
_ELSEWHERE = frozenset(
    {
        "SLUICEGATE_CONFIG",
        "SLUICEGATE_RECORDINGS",
        "SLUICEGATE_REQUIRE_ALL",
        "SLUICEGATE_TEST_PATH",
    }
)

# Of backends whose name begins with `sluicegate`, as their type does.
_OF_BACKENDS = re.compile(r"SLUICEGATE_(?:\w+_)?API_(?:KEY(?:_\d+)?|BASE_URL)")

# https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
_KUBERNETES = re.compile(
    r"SLUICEGATE_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)"
)

# A part of a path, and the dot behind it.
_PART = re.compile(r"""(?:"(?P<a>[^"]+)"|'(?P<b>[^']+)'|(?P<bare>[^."']+))(?:\.|$)""")


@frozen
class Assignment:
    path: KeyPath
    value: Any
    where: str


def overlay(
    tree: Tree, environ: Mapping[str, str], overrides: Sequence[tuple[str, str]]
) -> None:
    """Set in *tree* what *environ* says, then what *overrides* say."""
    for assignment in _from_environment(tree, environ):
        _assign(tree, assignment)
    for assignment in _from_flags(tree, overrides):
        _assign(tree, assignment)


def unknown_variables(environ: Mapping[str, str]) -> tuple[str, ...]:
    """
    Name the variables that look like ours but set nothing.

    They are not refused: Kubernetes gives every pod variables such as
    ``SLUICEGATE_PORT`` when a service of that name stands next to it. Those are
    left out here.
    """
    return tuple(
        name
        for name, value in sorted(environ.items())
        if name.startswith(PREFIX)
        and "__" not in name.removeprefix(PREFIX)
        and name not in _SHORT.keys() | _ELSEWHERE
        and not _OF_BACKENDS.fullmatch(name)
        and not _KUBERNETES.fullmatch(name)
        and not value.startswith(("tcp://", "udp://", "sctp://"))
    )


def _from_environment(tree: Tree, environ: Mapping[str, str]) -> Iterator[Assignment]:
    names = [name for name in environ if name.startswith(PREFIX)]
    # A whole section comes before its keys, a short name before the long one.
    for name in sorted(names, key=lambda name: (name.count("__"), name)):
        rest = name.removeprefix(PREFIX)
        if name in _SHORT:
            path = _SHORT[name]
        elif "__" in rest:
            try:
                path = _variable_path(tree, rest.lower().split("__"))
            except RefusedError as exc:
                tree.report((), str(exc), f"environment variable {name}")
                continue
        else:
            continue
        where = f"environment variable {name}"
        yield Assignment(path, Text(environ[name]), where)


def _variable_path(tree: Tree, parts: list[str]) -> KeyPath:
    """Find what is meant: variables can have neither `-` nor `.` in their names."""
    match parts:
        case ["backends", name, *rest]:
            backends = tree.root.get("backends")
            name = _as_written(name, backends)
            match rest:
                case ["headers", *header] if header:
                    header_name = "__".join(header).replace("_", "-")
                    return ("backends", name, "headers", header_name)
            return ("backends", name, *rest)
    return tuple(parts)


def _as_written(name: str, mapping: Any) -> str:
    """
    Return the key of *mapping* that *name* stands for, or *name*.

    Raises:
        RefusedError: it may stand for several.
    """
    keys = list(mapping) if isinstance(mapping, dict) else []
    if name in keys:
        return name
    alike = [key for key in keys if re.sub("[^a-z0-9]", "_", key.lower()) == name]
    if len(alike) > 1:
        raise RefusedError(
            f"stands for {' and '.join(alike)} alike; set it in the file or by --set"
        )
    return alike[0] if alike else name


def _from_flags(
    tree: Tree, overrides: Iterable[tuple[str, str]]
) -> Iterator[Assignment]:
    texts: dict[str, list[Text]] = {}
    for dotted, text in overrides:
        texts.setdefault(dotted, []).append(Text(text))
    for dotted, given in texts.items():
        where = f"flag {_FLAGS.get(dotted, '--set')}"
        # A flag that is given again adds to a list, and is refused elsewhere.
        value = given if len(given) > 1 else given[0]
        try:
            path = _dotted_path(tree, dotted, given[0])
        except RefusedError as exc:
            tree.report((), str(exc), where)
        else:
            yield Assignment(path, value, where)


def _dotted_path(tree: Tree, dotted: str, text: str) -> KeyPath:
    parts = _parts(dotted)
    if parts[0] != "backends" or len(parts) < 3:
        return tuple(parts)
    known = tree.root.get("backends")
    end = _end_of_name(parts, known if isinstance(known, dict) else {}, text)
    name, rest = ".".join(parts[1:end]), [str(part) for part in parts[end:]]
    if rest[:1] == ["headers"] and rest[1:]:
        rest = ["headers", ".".join(rest[1:])]
    return ("backends", name, *rest)


class _Quoted(str):
    """A part of a path that is a whole name, whatever dots it has."""

    __slots__ = ()


def _parts(dotted: str) -> list[str]:
    """
    Cut a path at its dots, but not inside of quotes.

    Raises:
        RefusedError: a quote does not enclose a whole part.
    """
    if '"' not in dotted and "'" not in dotted:
        return dotted.split(".")
    parts: list[str] = []
    at = 0
    while at < len(dotted):
        part = _PART.match(dotted, at)
        if part is None:
            raise RefusedError(
                "expected a path such as server.max_body, or with a quoted name"
                " backends.'openai.eu'.api_key"
            )
        parts.append(part["bare"] or _Quoted(part["a"] or part["b"]))
        at = part.end()
    return parts


def _end_of_name(parts: list[str], known: Mapping[str, Any], text: str) -> int:
    """
    Find where a backend's name ends; it may have dots, as ``llama.cpp`` has.

    It ends before a key of `Backend`: if that leaves a choice, with a name that is
    known, else as early as possible.
    """
    if isinstance(parts[1], _Quoted):
        return 2
    size = len(parts)
    names = [end for end in range(2, size + 1) if ".".join(parts[1:end]) in known]
    keys = fields_dict(Backend)
    ends = [end for end in range(2, size) if parts[end] in keys]
    if both := [end for end in names if end in ends]:
        return both[-1]
    if ends or names:
        return ends[0] if ends else names[-1]
    # A whole section, or a key with a slip.
    return size if not text or text[:1] == "{" else size - 1


def _assign(tree: Tree, assignment: Assignment) -> None:
    *outer, last = assignment.path
    section: Any = tree.root
    for depth, step in enumerate(outer, 1):
        inner = section.get(step)
        if isinstance(inner, Text):
            try:
                inner = read_text(inner)
            except RefusedError as exc:
                tree.report(assignment.path[:depth], str(exc))
                return
        if inner is None:
            inner = {}
            tree.places.setdefault(assignment.path[:depth], assignment.where)
        if not isinstance(inner, dict):
            message = "cannot be set here: what it belongs to is not a section of keys"
            tree.report(assignment.path, message, assignment.where)
            return
        section[step] = inner
        section = inner
    section[last] = assignment.value
    _place(tree, assignment)


def _place(tree: Tree, assignment: Assignment) -> None:
    # What was written inside of what is now replaced is no longer to blame.
    size = len(assignment.path)
    for path in [path for path in tree.places if path[:size] == assignment.path]:
        del tree.places[path]
    tree.places[assignment.path] = assignment.where
