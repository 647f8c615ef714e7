"""
The tables in ``docs/backends.md``, made from the connectors that are built in.

``python -m gateway.catalogue docs/backends.md`` makes them anew.
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.building import stem
from gateway.plugin import BackendPluginDefinition, Connector, Fixed
from gateway.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gateway.plugin import Dialect, Parameter

BEGIN = "<!-- Made by `python -m gateway.catalogue docs/backends.md`: begin -->\n"
END = "<!-- end -->\n"

# Protocols, and what else of them a provider may offer, as people call them.
_NAMES = {
    "openai_chat": "chat",
    "openai_responses": "Responses",
    "anthropic": "Messages",
    "gemini": "Gemini",
    "bedrock_converse": "Converse",
}
_OPERATIONS = {
    "completions": "completions",
    "embeddings": "embeddings",
    "count_tokens": "token counts",
}


def renewed(document: str, registry: Registry) -> str:
    """Return *document* with what is between the marks made anew."""
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{catalogue(registry)}\n{END}{after}"


def catalogue(registry: Registry) -> str:
    """Return the tables; what plugins bring is left out."""
    kinds = {
        offer.name: registry.get(offer.name)
        for offer in registry.offers()
        if offer.source.origin == "built-in"
    }
    declared = [kind for kind in kinds.values() if isinstance(kind, Connector)]
    hosted = [c for c in declared if c.base_url.startswith("https://")]
    own = [c for c in declared if c not in hosted]
    virtual = [k for k in kinds.values() if isinstance(k, BackendPluginDefinition)]
    return "\n".join(
        [
            _section("Providers", _table(hosted)),
            _section("Servers and gateways of one's own", _table(own)),
            _section("Backends that are no provider", _virtual(virtual)),
            _section("What to know about each", _notes(declared)),
        ]
    )


def _section(title: str, lines: Iterable[str]) -> str:
    return "\n".join([f"## {title}", "", *lines, ""])


def _table(connectors: Sequence[Connector]) -> Iterator[str]:
    yield "| type | what it is | address | key | sent as | speaks |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for connector in connectors:
        title = connector.title or connector.name.capitalize()
        cells = (
            f"`{connector.name}`",
            f"[{title}]({connector.docs})" if connector.docs else title,
            f"`{_address(connector)}`" if connector.base_url else "yours",
            _keys(connector),
            ", ".join(_sent(connector)),
            "; ".join(map(_spoken, connector.speaks)),
        )
        yield f"| {' | '.join(cells)} |"


def _address(connector: Connector) -> str:
    """Return where it is asked, as far as that is the same for all."""
    url = connector.base_url
    for parameter in connector.parameters:
        if parameter.default is not None:
            url = url.replace(f"{{{parameter.name}}}", parameter.default)
    return url


def _keys(connector: Connector) -> str:
    if connector.credentials is not None and not connector.key_env:
        return "see below"
    names = connector.key_env or (f"{stem(connector.name)}_API_KEY",)
    shown = ", ".join(f"`{name}`" for name in names)
    if connector.key_optional:
        return f"{shown} (optional)"
    if connector.credentials is not None:
        return f"{shown}, or other credentials"
    return shown


def _sent(connector: Connector) -> dict[str, None]:
    """Return the ways of its dialects to send a key, each once."""
    fixed = (
        Fixed.of(dialect.auth or connector.auth, "KEY") for dialect in connector.speaks
    )
    names = (name for one in fixed for name in (*one.headers, *one.query))
    return dict.fromkeys(
        "bearer token" if name == "Authorization" else f"`{name}`" for name in names
    )


def _spoken(dialect: Dialect) -> str:
    """Return what *dialect* is called, and what else of it is offered."""
    more = ", ".join(t for key, t in _OPERATIONS.items() if key in dialect.paths)
    if "chat" not in dialect.paths:
        text = more
    else:
        name = _NAMES.get(dialect.protocol, dialect.protocol.capitalize())
        text = f"{name} ({more})" if more else name
    if dialect.models:
        text += " for " + ", ".join(f"`{pattern}`" for pattern in dialect.models)
    return text


def _virtual(definitions: Iterable[BackendPluginDefinition]) -> Iterator[str]:
    for definition in definitions:
        about = inspect.getdoc(definition.factory) or ""
        first = " ".join(about.partition("\n\n")[0].split()).replace("``", "`")
        yield f"- `{definition.backend_name}`: {first}"


def _notes(connectors: Iterable[Connector]) -> Iterator[str]:
    for connector in connectors:
        said = [*map(_parameter, connector.parameters), *connector.quirks]
        if connector.optional:
            names = ", ".join(f"`{dialect.protocol}`" for dialect in connector.optional)
            said.append(f"It speaks {names} if `extra.speaks` says so.")
        if said:
            yield f"- `{connector.name}`: {' '.join(said)}"


def _parameter(parameter: Parameter) -> str:
    places = " or ".join(
        f"`{place}`" for place in (f"extra.{parameter.name}", *parameter.env)
    )
    such = f", such as `{parameter.shown}`" if parameter.shown else ""
    if parameter.default is None:
        return f"It needs {places}{such}."
    return f"{places} may be set{such}; it is `{parameter.default}` else."


def main(arguments: Sequence[str]) -> int:
    for argument in arguments:
        path = Path(argument)
        path.write_text(renewed(path.read_text("utf-8"), Registry()), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
