"""Why a connector is not to be had, in words that say what to do about it."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import structlog

from gateway.config.problems import nearest
from gateway.loading import Broken
from gateway.plugin import ENTRY_POINT_GROUP

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from gateway.loading import Offer, Source

_HOW = (
    f"a plugin package brings more, by entry points of the group {ENTRY_POINT_GROUP}:"
    " install it where the gateway is installed"
)


def missing(
    name: str, package: str | None, names: Collection[str], brings: Iterable[str]
) -> str:
    """
    Return what to do where nobody offers *name*.

    Args:
        package: which, as somebody says, does so.
        names: that are offered.
        brings: those of them that *package* does offer.
    """
    near = nearest(name, names)
    meant = f"did you mean {near}? " if near else ""
    if package:
        return meant + _from_package(package, sorted(brings))
    there = f"there are {', '.join(names)}"
    return f"{meant}{there}" if near else f"{there}; {_HOW}"


def explained(offer: Offer, broken: Broken, package: str | None = None) -> str:
    """
    Return why *offer* does not work, who brings it, and what to do.

    Args:
        package: which, as somebody says, is to bring it.
    """
    source = offer.source
    if package and not is_called(package, source):
        repair = f"install the package {package}"
    else:
        repair = broken.repair or f"repair or remove {source.package}"
    brought = f"{source.package} ({source.value}): " if source.is_foreign else ""
    end = "" if "pip install" in broken.reason else f"; {repair}"
    return f"{brought}{broken.reason}{end}"


def warn_of(offers: Iterable[Offer]) -> None:
    """Warn once of each that is not let in, or is not as it should be."""
    log = structlog.get_logger()
    refused: dict[tuple[str, ...], list[Offer]] = {}
    for offer in offers:
        if offer.told or not offer.loaded or not offer.source.is_foreign:
            continue
        offer.told = True
        if isinstance(offer.kind, Broken):
            refused.setdefault(_reported(offer, offer.kind), []).append(offer)
        for note in offer.notes:
            package = offer.source.package
            log.warning(
                "plugin.renamed", backend=offer.name, package=package, reason=note
            )
    for (package, reason, *_), some in refused.items():
        names = ", ".join(offer.name for offer in some)
        log.warning("plugin.refused", backend=names, package=package, reason=reason)


def warn_taken(name: str, by: Source) -> None:
    structlog.get_logger().warning(
        "backend.name_taken", backend=name, by=by.package or by.value or by.origin
    )


def is_called(package: str | None, source: Source) -> bool:
    """Tell whether *package* names the distribution, in whatever spelling."""
    names = (package or "", source.distribution)
    one, other = (re.sub(r"[-_.]+", "-", name).lower() for name in names)
    return one == other


def _from_package(package: str, brings: list[str]) -> str:
    try:
        installed = version(package)
    except (PackageNotFoundError, ValueError):
        return f"install the package {package}, which is to bring it"
    what = f"brings {', '.join(brings)}" if brings else "brings no connector"
    return (
        f"the package {package} is installed ({installed}) and {what}: install"
        " another release of it"
    )


def _reported(offer: Offer, broken: Broken) -> tuple[str, ...]:
    """Return what is the same for refusals that are reported as one."""
    # One broken module may be all of a package's connectors.
    key = offer.source.package, broken.reason
    return key if broken.load_error else (*key, offer.name, offer.source.value)
