"""Where Vertex AI is asked, by project, location and what is configured."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.auth.google import PROJECT
from connectors.vertex import VERTEX
from gateway.building import addressed, check_declared
from gateway.plugin import ConfigurationError
from gateway.settings import Backend


def where(
    extra: dict[str, Any] | None = None,
    environ: dict[str, str] | None = None,
    url: str | None = None,
) -> dict[str, str]:
    """Return the address for chat of each protocol."""
    settings = Backend(api_base_url=url, extra=extra or {})
    _, speaks, bases = addressed("vertex", VERTEX, settings, environ or {})
    return {
        d.protocol: bases[d.protocol] + next(iter(d.paths.values())) for d in speaks
    }


def test_protocols() -> None:
    """Each publisher's models are below the project, in its protocol."""
    root = "https://us-central1-aiplatform.googleapis.com"
    place = "projects/p-1/locations/us-central1"

    assert where({"project": "p-1", "location": "us-central1"}) == {
        "gemini": f"{root}/v1beta1/{place}/publishers/google/models/"
        "{model}:generateContent",
        "anthropic": f"{root}/v1/{place}/publishers/anthropic/models/"
        "{model}:rawPredict",
        "openai_chat": f"{root}/v1/{place}/endpoints/openapi/chat/completions",
        "vertex_predict": f"{root}/v1/{place}/publishers/google/models/"
        "{model}:predict",
    }


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("global", "aiplatform.googleapis.com"),
        ("europe-west4", "europe-west4-aiplatform.googleapis.com"),
        (
            "southamerica-east1",
            "southamerica-east1-aiplatform.googleapis.com",
        ),
        ("us", "aiplatform.us.rep.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
    ],
)
def test_hosts(location: str, host: str) -> None:
    """Regions, multi-regions and the whole world have hosts of different forms."""
    url = where({"project": "p", "location": location})["anthropic"]

    assert url.startswith(f"https://{host}/v1/projects/p/locations/{location}/")


@pytest.mark.parametrize(
    ("environ", "place"),
    [
        ({"GOOGLE_CLOUD_PROJECT": "a"}, "projects/a/locations/global/"),
        ({"ANTHROPIC_VERTEX_PROJECT_ID": "b"}, "projects/b/locations/global/"),
        (
            {"GOOGLE_CLOUD_LOCATION": "us-east5"},
            f"/{PROJECT}/locations/us-east5/",
        ),
        ({"CLOUD_ML_REGION": "eu"}, f"/{PROJECT}/locations/eu/"),
        ({"GOOGLE_CLOUD_PROJECT": "example.com:a"}, "projects/example.com:a/"),
    ],
)
def test_environment(environ: dict[str, str], place: str) -> None:
    """The variables of Google's and Anthropic's own programs are read."""
    assert place in where(environ=environ)["gemini"]


@pytest.mark.parametrize(
    ("url", "gemini", "anthropic"),
    [
        ("http://h:1", "http://h:1/v1beta1/projects/p/", "http://h:1/v1/projects/p/"),
        ("http://h:1/v1", "http://h:1/v1/projects/p/", "http://h:1/v1/projects/p/"),
        ("http://h/a/", "http://h/a/v1beta1/projects/p/", "http://h/a/v1/projects/p/"),
    ],
)
def test_other_address(url: str, gemini: str, anthropic: str) -> None:
    """A configured address takes the place of the host, with or without version."""
    urls = where({"project": "p"}, url=url)

    assert urls["gemini"].startswith(gemini)
    assert urls["anthropic"].startswith(anthropic)


def test_api_version() -> None:
    """Another version of Google's API can be asked for."""
    urls = where({"project": "p", "api_version": "v1"})

    start = "https://aiplatform.googleapis.com/v1/"
    assert all(url.startswith(start) for url in urls.values())


@pytest.mark.parametrize(
    ("extra", "why"),
    [
        ({"project": "a/b"}, r"extra\.project"),
        ({"project": "-p"}, r"extra\.project"),
        ({"location": "evil.com/"}, r"extra\.location"),
        ({"location": "us-central1.evil.com#"}, r"extra\.location"),
        ({"api_version": "v1/../x"}, r"extra\.api_version"),
    ],
)
def test_no_part_of_an_address(extra: dict[str, Any], why: str) -> None:
    """What would change where requests go is refused at the start."""
    with pytest.raises(ConfigurationError, match=why):
        check_declared("vertex", VERTEX, Backend(extra={"project": "p", **extra}), {})


@pytest.mark.parametrize(
    ("model", "protocols"),
    [
        ("gemini-2.5-flash", ["gemini"]),
        ("claude-opus-4-1@20250805", ["anthropic"]),
        ("meta/llama-3.3-70b-instruct-maas", ["openai_chat"]),
        ("google/gemini-2.5-pro", ["openai_chat"]),
        ("text-embedding-005", ["vertex_predict"]),
        ("mistral-large", []),
    ],
)
def test_models(model: str, protocols: list[str]) -> None:
    """The name of a model tells which protocol it speaks."""
    assert [d.protocol for d in VERTEX.speaks if d.serves(model)] == protocols
