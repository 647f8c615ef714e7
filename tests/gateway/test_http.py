"""What crosses the gateway in heads: what is not allowed by name stays behind."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from gateway import http

SECRETS = {
    "Authorization": "Bearer sk-caller",
    "Cookie": "session=1",
    "X-Api-Key": "sk-caller",
    "Api-Key": "sk-caller",
    "Proxy-Authorization": "Basic eA==",
    "X-Goog-Api-Key": "sk-caller",
    "OpenAI-Organization": "org-1",
    "OpenAI-Project": "proj-1",
}
HOP_BY_HOP = {
    "Connection": "keep-alive, X-Mine",
    "Keep-Alive": "timeout=5",
    "TE": "trailers",
    "Trailer": "X-Sum",
    "Transfer-Encoding": "chunked",
    "Upgrade": "h2c",
    "Content-Length": "5",
    "Host": "gateway.example.com",
    "Accept-Encoding": "gzip",
    "Content-Encoding": "gzip",
}
ABOUT_THE_CALLER = {
    "User-Agent": "OpenAI/Python",
    "X-Forwarded-For": "10.0.0.1",
    "X-Stainless-Lang": "python",
    "Origin": "https://app.example.com",
    "X-Request-Id": "caller-1",
}


@pytest.mark.parametrize("name", [*SECRETS, *HOP_BY_HOP, *ABOUT_THE_CALLER])
def test_not_to_upstream(name: str) -> None:
    """Not a caller's credentials, nor anything that tells who it is."""
    headers = CIMultiDict({**SECRETS, **HOP_BY_HOP, **ABOUT_THE_CALLER})

    sent = http.to_upstream(headers)

    assert name.lower() not in {key.lower() for key in sent}
    assert not any("sk-caller" in value for value in sent.values())


@pytest.mark.parametrize(
    "name", ["Idempotency-Key", "OpenAI-Beta", "traceparent", "tracestate"]
)
def test_to_upstream(name: str) -> None:
    """In whatever case the caller writes it, and always in the same."""
    for spelt in (name, name.lower(), name.upper()):
        assert http.to_upstream(CIMultiDict({spelt: "v"}))[name.lower()] == "v"


def test_to_upstream_by_name() -> None:
    """What else goes through is for each backend to say."""
    headers = CIMultiDict({"X-Title": "My app", "X-Team": "a", "traceparent": "00-1"})

    assert http.to_upstream(headers, ("x-title", "x-none")) == {
        "x-title": "My app",
        "content-type": "application/json",
    }


@pytest.mark.parametrize("bad", ["a\r\nx: y", "a\r\n b", "a\x00", "\x1b[1m", "\udce9"])
@pytest.mark.parametrize("name", ["traceparent", "content-type"])
def test_broken_value_to_upstream(name: str, bad: str) -> None:
    """It would break the head, or is no text."""
    assert http.to_upstream(CIMultiDict({name: bad})) == {
        "content-type": "application/json"
    }


def test_content_type_goes_with_the_body() -> None:
    """The body is the caller's own, so its type is too."""
    given = CIMultiDict({"content-type": "application/json; charset=utf-8"})

    assert http.to_upstream(given) == {
        "content-type": "application/json; charset=utf-8"
    }
    assert http.to_upstream(CIMultiDict()) == {"content-type": "application/json"}


@pytest.mark.parametrize(
    "name",
    [
        "Retry-After",
        "retry-after-ms",
        "X-Should-Retry",
        "x-ratelimit-remaining-tokens",
        "X-RateLimit-Reset",
        "ratelimitbysize-remaining",
        "RateLimit-Reset",
        "anthropic-ratelimit-requests-limit",
        "openai-processing-ms",
        "openai-version",
        "CF-Ray",
        "x-groq-id",
        "x-generation-id",
        "request-id",
        "x-amzn-RequestId",
        "apim-request-id",
        "x-ms-region",
        "mistral-correlation-id",
        "x-ds-trace-id",
        "Msh-Request-Id",
        "Nvcf-Reqid",
        "X-Debug-Trace-ID",
    ],
)
def test_to_client(name: str) -> None:
    """What a caller paces itself by, and what it quotes to the provider's support."""
    assert http.to_client(CIMultiDict({name: "v"})) == {name.lower(): "v"}


@pytest.mark.parametrize(
    "name",
    [
        *("Set-Cookie", "Server", "Connection", "Transfer-Encoding", "Content-Length"),
        *("Content-Encoding", "WWW-Authenticate", "Strict-Transport-Security"),
        *("Access-Control-Allow-Origin", "openai-organization", "openai-project"),
        *("anthropic-organization-id", "x-amzn-errortype", "x-llmproxy-loop-guard"),
        *("Alt-Svc", "Location", "Content-Type", "Date", "Content-Security-Policy"),
    ],
)
def test_not_to_client(name: str) -> None:
    """Nor whose account it is that pays."""
    assert http.to_client(CIMultiDict({name: "v"})) == {}


def test_providers_id_gives_way_to_ours() -> None:
    kept = http.to_client(CIMultiDict({"X-Request-Id": "req_theirs"}))

    assert kept == {"x-upstream-request-id": "req_theirs"}


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({}, None),
        ({"CF-Ray": "ray"}, "ray"),
        ({"CF-Ray": "ray", "X-Generation-Id": "gen"}, "gen"),
        ({"Request-Id": "req", "CF-Ray": "ray"}, "req"),
        ({"x-request-id": "x", "Request-Id": "req"}, "x"),
        ({"apim-request-id": "apim", "x-request-id": "x"}, "x"),
        ({"x-amzn-RequestId": "aws", "x-ratelimit-reset": "1"}, "aws"),
    ],
)
def test_upstream_id(headers: dict[str, str], name: str | None) -> None:
    assert http.upstream_id(http.to_client(CIMultiDict(headers))) == name


@pytest.mark.parametrize("given", ["a", "req_1", "A.b:c-d_9", "x" * 128])
def test_callers_request_id(given: str) -> None:
    assert http.request_id(CIMultiDict({"X-Request-ID": given})) == given


@pytest.mark.parametrize(
    "given",
    ["", " ", "-a", "x" * 129, "a b", "a\n", "a\r\nX: y", "\u00e9", "<b>", 'a"', "a;b"],
)
def test_request_id_that_is_not_plain(given: str) -> None:
    """It goes into logs and headers; what might break one is replaced."""
    made = http.request_id(CIMultiDict({"X-Request-ID": given}))

    assert made != given
    assert made.startswith("req_")


def test_made_request_ids_differ() -> None:
    ids = {http.request_id(CIMultiDict()) for _ in range(100)}

    assert len(ids) == 100
    assert all(http.request_id(CIMultiDict({"x-request-id": i})) == i for i in ids)
