"""Where a resource is, and which of Azure's two surfaces it is asked on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import evolve
from yarl import URL

from connectors.openai_chat import translator
from connectors.openai_chat.words import OPENAI
from gateway.plugin import ConfigurationError
from gateway.wire import openai_chat, openai_responses

if TYPE_CHECKING:
    from gateway.plugin import Connector, Dialect, Given

V1 = "/openai/v1"
DATED = "/openai"
CLAUDE = "/anthropic/v1"
# A deployment's name is free, but the one that is offered is the model's.
CLAUDE_MODELS = ("claude-*",)

# The dates from which Azure knows the protocol, the member and the role.
# Source: https://learn.microsoft.com/en-us/azure/foundry/openai/api-version-lifecycle
RESPONSES = "2025-03-01"
COMPLETION_LIMIT = "2024-09-01"
DEVELOPER = "2024-12-01"

# Hosts of resources that are Azure OpenAI's only.
_OPENAI_HOSTS = (".openai.azure.com", ".openai.azure.us", ".openai.azure.cn")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(-preview)?")
_RESOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
_WORDS = ("", "v1", "preview", "latest")
# What follows in an address that was copied from the portal or a program.
_TAILS = ("openai", "anthropic", "models")


def instance(connector: Connector, given: Given) -> Connector:
    """
    Return the connector with the address and paths of one resource.

    Raises:
        ConfigurationError: there is no address, or the API version is none.
    """
    version = given.value("api_version", "OPENAI_API_VERSION", "AZURE_API_VERSION")
    if version not in _WORDS and not _DATE.fullmatch(version):
        raise ConfigurationError(
            "extra.api_version (or OPENAI_API_VERSION) must be a date such as"
            " 2024-10-21, perhaps with -preview behind it, or v1, or preview",
            code="bad_parameter",
        )
    base = bare(given.base_url or _endpoint(connector, given))
    speaks = tuple(
        _placed(dialect, version)
        for dialect in connector.speaks
        if dialect.protocol != openai_responses.PROTOCOL
        or not _is_before(version, RESPONSES)
    )
    if (URL(base).host or "").endswith(_OPENAI_HOSTS):
        speaks = tuple(d for d in speaks if d.models != CLAUDE_MODELS)
    else:
        speaks = tuple(evolve(d, models=d.models or _NOT_CLAUDE) for d in speaks)
    return evolve(connector, base_url=base, speaks=speaks, parameters=())


def _endpoint(connector: Connector, given: Given) -> str:
    found = given.value("endpoint", "AZURE_OPENAI_ENDPOINT", "AZURE_API_BASE")
    if found:
        return found
    resource = given.value("resource", "AZURE_RESOURCE_NAME")
    if not resource:
        raise ConfigurationError(
            "azure needs api_base_url, AZURE_OPENAI_ENDPOINT or extra.resource",
            code="missing_base_url",
        )
    if not _RESOURCE.fullmatch(resource):
        raise ConfigurationError(
            "extra.resource is no resource's name: expected letters, digits and"
            " hyphens",
            code="bad_parameter",
        )
    return connector.base_url.replace("{resource}", resource)


def bare(endpoint: str) -> str:
    """
    Return where a resource's paths begin.

    Its address is given in many forms: bare, with ``/openai``, with ``/openai/v1``
    and with a whole path of a deployment behind it.

    Raises:
        ConfigurationError: it is no URL.
    """
    try:
        url = URL(endpoint)
        origin = str(url.origin())
    except ValueError as exc:
        raise ConfigurationError(
            "AZURE_OPENAI_ENDPOINT is no URL: expected one such as"
            " https://my-resource.openai.azure.com",
            code="bad_base_url",
        ) from exc
    parts = [part for part in url.raw_path.split("/") if part]
    ends = [i for i, part in enumerate(parts) if part in _TAILS]
    parts = parts[: ends[0]] if ends else parts
    if parts[-1:] == ["v1"]:
        parts.pop()
    if parts[-3:-1] == ["api", "projects"]:
        # A project has a part of what its resource has.
        del parts[-3:]
    return "/".join((origin.rstrip("/"), *parts))


def _is_before(version: str, date: str) -> bool:
    return _DATE.fullmatch(version) is not None and version < date


def _placed(dialect: Dialect, version: str) -> Dialect:
    """
    Return *dialect* on the surface that *version* is of.

    The version segment is a part of the paths: each protocol has another one.
    """
    dialect = evolve(dialect, version="")
    if dialect.models == CLAUDE_MODELS:
        return dialect.at(CLAUDE)
    if not _DATE.fullmatch(version):
        dialect = dialect.at(V1)
    elif dialect.protocol == openai_chat.PROTOCOL:
        words = evolve(
            OPENAI,
            limit="max_tokens"
            if _is_before(version, COMPLETION_LIMIT)
            else "max_completion_tokens",
            developer=not _is_before(version, DEVELOPER),
        )
        place = f"{DATED}/deployments/{{model}}"
        dialect = dialect.at(place, translator=translator(words))
    else:
        dialect = dialect.at(DATED)
    if version in ("", "v1"):
        return dialect
    query = f"?api-version={version}"
    paths = {name: path + query for name, path in dialect.paths.items()}
    return evolve(dialect, paths=paths)


def all_but(start: str) -> tuple[str, ...]:
    """
    Return patterns for all names that do not begin with *start*.

    Patterns cannot say that at once: one is for names that differ in the first letter,
    one for those that differ in the second...
    """
    differing = tuple(f"{start[:i]}[!{start[i]}]*" for i in range(len(start)))
    return (*differing, *(start[:i] for i in range(1, len(start))))


_NOT_CLAUDE = all_but("claude-")
