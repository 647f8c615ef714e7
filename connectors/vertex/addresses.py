"""Where one account's models are, by its project and location."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import evolve

from connectors.auth.google import PROJECT
from gateway.plugin import ConfigurationError

if TYPE_CHECKING:
    from gateway.plugin import Connector, Given

# The second of each are Anthropic's own.
PROJECT_VARIABLES = ("GOOGLE_CLOUD_PROJECT", "ANTHROPIC_VERTEX_PROJECT_ID")
LOCATION_VARIABLES = ("GOOGLE_CLOUD_LOCATION", "CLOUD_ML_REGION")
MULTI_REGIONS = ("us", "eu")

# Projects of a domain have a colon: ``example.com:shop``.
_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:-]{0,127}")
_VERSION = re.compile(r"v[0-9]+((alpha|beta)[0-9]+)?")
_LOCATION = re.compile(r"[a-z]+(-[a-z]+[0-9]+)?")


def instance(connector: Connector, given: Given) -> Connector:
    """
    Return the connector with the account's host and paths.

    Raises:
        ConfigurationError: project, location or version cannot stand in an address.
    """
    project = given.value("project", *PROJECT_VARIABLES) or PROJECT
    location = given.value("location", *LOCATION_VARIABLES, default="global")
    if project != PROJECT and not _PROJECT.fullmatch(project):
        raise ConfigurationError(
            "extra.project is no project's id: expected letters, digits and hyphens",
            code="bad_parameter",
        )
    if not _LOCATION.fullmatch(location):
        raise ConfigurationError(
            "extra.location is no location: expected one such as europe-west4,"
            " us, eu or global",
            code="bad_parameter",
        )
    version = given.value("api_version")
    if version and not _VERSION.fullmatch(version):
        raise ConfigurationError(
            "extra.api_version is none of Google's: expected one such as v1 or v1beta1",
            code="bad_parameter",
        )
    place = f"/projects/{project}/locations/{location}"
    speaks = tuple(d.at(place, version=version or d.version) for d in connector.speaks)
    connector = evolve(connector, speaks=speaks, parameters=())
    if given.base_url:
        return connector
    return evolve(connector, base_url=f"https://{host(location)}/{speaks[0].version}")


def host(location: str) -> str:
    """
    Return the host that serves *location*.

    Sources: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/learn/locations,
    https://docs.cloud.google.com/vertex-ai/docs/general/googleapi-access-methods
    """
    if location == "global":
        return "aiplatform.googleapis.com"
    if location in MULTI_REGIONS:
        return f"aiplatform.{location}.rep.googleapis.com"
    return f"{location}-aiplatform.googleapis.com"
