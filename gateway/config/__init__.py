"""
Configuration: a file, the environment and flags, in rising order.

``load`` either gives `Settings` that can be used or tells everything that is
wrong, each with its place. ``docs/configuration.md`` is the user's side of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gateway.config.addresses import (
    Listening,
    TcpAddress,
    UnixAddress,
    read_address,
)
from gateway.config.checks import Mistake, check, targets
from gateway.config.explain import explain
from gateway.config.overlay import overlay, unknown_variables
from gateway.config.problems import ConfigError, Problem, blamed, problem
from gateway.config.structure import NotSettingsError, structure
from gateway.config.tree import Tree

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.settings import Settings

__all__ = [
    "ConfigError",
    "Listening",
    "Mistake",
    "Problem",
    "TcpAddress",
    "UnixAddress",
    "blamed",
    "check_backends",
    "explain",
    "load",
    "read_address",
    "unknown_variables",
]


def load(
    file: Path | None,
    environ: Mapping[str, str],
    overrides: Sequence[tuple[str, str]] = (),
    also: Callable[[Settings], Iterable[Mistake]] = lambda _: (),
) -> Settings:
    """
    Read the settings.

    Args:
        file: the YAML file; `None` for none.
        environ: variables for ``${NAME}``, and ``SLUICEGATE_...`` settings.
        overrides: pairs of a dotted path and a text, from flags; a path that
            comes again adds to a list.
        also: a check of what this package does not know, such as which types of
            backend there are.

    Raises:
        ConfigError: with every problem, not only the first.
    """
    tree = Tree("settings")
    if file:
        from gateway.config.source import read_file  # see `gateway.config.texts`

        tree = read_file(file, environ)
    overlay(tree, environ, overrides)
    settings = _structured(tree, environ)
    names = _backend_names(settings, tree)
    mistakes = check(settings, names)
    # That a backend is missing which is only wrong would be a second mistake made up.
    unread = set(names) - settings.backends.keys()
    led_there = {path for path, name in targets(settings) if name in unread}
    further = (found for found in also(settings) if found[0] not in led_there)
    for path, message in [*mistakes, *further]:
        tree.report(path, message)
    if tree.problems:
        raise ConfigError(sorted(tree.problems, key=_by_line))
    return settings


def check_backends(settings: Settings) -> None:
    """
    Check that routes lead somewhere, where `load` could not.

    Without ``backends`` the gateway looks for them by itself; call this with the
    settings that have those it found.

    Raises:
        ConfigError: a route or the default names none of ``settings.backends``.
    """
    mistakes = check(settings, settings.backends)
    if problems := [problem("settings", path, message) for path, message in mistakes]:
        raise ConfigError(problems)


def _structured(tree: Tree, environ: Mapping[str, str]) -> Settings:
    """Give the settings, without the parts that have problems, which it reports."""
    unread = frozenset(tree.broken)
    try:
        settings = structure(tree.root, environ)
    except NotSettingsError as exc:
        for path, message in exc.mistakes:
            if path not in unread:
                tree.report(path, message)
    if tree.broken:
        settings = structure(_sound(tree), environ)
    return settings


def _sound(tree: Tree) -> dict[str, Any]:
    """Leave out what has problems, so that the rest can still be checked."""
    unsound = {path[:2] for path in tree.broken} | {path[:1] for path in tree.broken}
    # Missing keys are no reason to complain about the addresses.
    if ("server", "api_keys") in unsound:
        unsound.add(("server", "listen"))
    return {
        name: section
        if (name,) not in unsound
        else {
            key: value for key, value in section.items() if (name, key) not in unsound
        }
        for name, section in tree.root.items()
        if (name,) not in unsound or _has_sound_parts(tree, name)
    }


def _has_sound_parts(tree: Tree, name: str) -> bool:
    section = tree.root[name]
    return isinstance(section, dict) and (name,) not in tree.broken


def _backend_names(settings: Settings, tree: Tree) -> Collection[str]:
    if ("backends",) in tree.broken:
        return ()
    broken = {path[1] for path in tree.broken if path[:1] == ("backends",)}
    return {*settings.backends, *map(str, broken)}


def _by_line(found: Problem) -> tuple[bool, int, str]:
    # Shorter first puts line 9 before line 12.
    return (
        found.where.startswith(("environment", "flag")),
        len(found.where),
        found.where,
    )
