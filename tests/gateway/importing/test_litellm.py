"""LiteLLM's configurations; all are written, after the shapes of its documentation."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from gateway import cli, config
from gateway.importing import UnreadableError
from gateway.importing.litellm import Imported, convert
from gateway.importing.providers import BARE, PROVIDERS, find
from gateway.importing.writing import write
from gateway.registry import Registry

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.settings import Settings

SECRET = "sk-hush-0123456789abcdef"


def imported(text: str) -> Imported:
    return convert(yaml.safe_load(text))


def row(name: str = "m", **params: Any) -> Imported:
    """Return what becomes of a file with one row."""
    return convert({"model_list": [{"model_name": name, "litellm_params": params}]})


def backend(**params: Any) -> dict[str, Any]:
    """Return the one backend that a row needs."""
    (settings,) = row(**params).settings["backends"].values()
    return {name: value for name, value in settings.items() if name != "models"}


def paths(found: Imported) -> list[str]:
    return [path for path, _ in found.missed.found]


def loaded(found: Imported, folder: Path) -> Settings:
    """Return the settings as the gateway reads them, with every variable set."""
    file, text = folder / "made.yaml", write(found)
    file.write_text(text)
    names = re.findall(r"\$\{(\w+)\}", text)
    environ = {name: f"value-of-{name}" for name in names}
    environ |= {n: "https://example.com" for n in names if n.endswith("_BASE")}
    environ |= {n: "example.com" for n in names if "TENANT" in n}
    environ |= {n: "/etc/google.json" for n in names if n.endswith("_FILE")}
    also = partial(Registry().check, environ=environ)
    return config.load(file, environ, also=also)


FILES = {
    "quick start": """
model_list:
  - model_name: gpt-4o
    litellm_params:
      model: azure/gpt-4o-eu
      api_base: https://one.openai.azure.com/
      api_key: "os.environ/AZURE_API_KEY_EU"
      rpm: 6
  - model_name: claude
    litellm_params:
      model: bedrock/anthropic.claude-instant-v1
      aws_region_name: us-east-1
  - model_name: gpt-4o
    litellm_params:
      model: azure/gpt-4o-ca
      api_base: https://two.openai.azure.com/
      api_key: "os.environ/AZURE_API_KEY_CA"
      rpm: 6
  - model_name: vllm-models
    litellm_params:
      model: openai/facebook/opt-125m
      api_base: http://0.0.0.0:4000/v1
      api_key: none
      rpm: 1440
    model_info:
      version: 2
  - model_name: "*"
    litellm_params:
      model: "*"
litellm_settings:
  drop_params: True
  success_callback: ["langfuse"]
general_settings:
  master_key: sk-1234
  alerting: ["slack"]
""",
    "wildcards": """
model_list:
  - model_name: openai/*
    litellm_params: {model: openai/*, api_key: os.environ/OPENAI_API_KEY}
  - model_name: anthropic/*
    litellm_params: {model: anthropic/*, api_key: os.environ/ANTHROPIC_API_KEY}
  - model_name: openai/gpt-4o
    litellm_params: {model: openrouter/openai/gpt-4o}
  - model_name: "openai/gpt-*"
    litellm_params: {model: "groq/openai/gpt-*"}
""",
    "clouds": """
model_list:
  - model_name: one
    litellm_params:
      model: vertex_ai/claude-sonnet-4@20250514
      vertex_project: p1
      vertex_location: europe-west1
      vertex_credentials: os.environ/VERTEX_FILE
  - model_name: two
    litellm_params:
      model: bedrock/converse/anthropic.claude-3-5-sonnet-20240620-v1:0
      aws_access_key_id: os.environ/AWS_KEY_ID
      aws_secret_access_key: os.environ/AWS_SECRET
      aws_region_name: eu-central-1
  - model_name: three
    litellm_params:
      model: azure/gpt-4o
      api_base: os.environ/AZURE_API_BASE
      tenant_id: os.environ/AZURE_TENANT_ID
      client_id: os.environ/AZURE_CLIENT_ID
      client_secret: os.environ/AZURE_CLIENT_SECRET
      api_version: "2024-10-21"
""",
    "credentials": """
model_list:
  - model_name: gpt-4o
    litellm_params: {model: azure/gpt-4o, litellm_credential_name: shared}
  - model_name: lost
    litellm_params: {model: azure/gpt-4o, litellm_credential_name: nobody}
credential_list:
  - credential_name: shared
    credential_values:
      api_key: os.environ/AZURE_API_KEY
      api_base: os.environ/AZURE_API_BASE
      api_version: "2024-10-21"
    credential_info: {description: EU}
""",
    "routing": """
model_list:
  - {model_name: small, litellm_params: {model: gpt-4o-mini, timeout: 30}}
  - {model_name: large, litellm_params: {model: openai/gpt-4o, timeout: 30}}
  - {model_name: local, litellm_params: {model: ollama_chat/llama3}}
router_settings:
  model_group_alias: {tiny: small, big: {model: large, hidden: true}, none: nobody}
  fallbacks: [{large: [small]}]
  routing_strategy: least-busy
  redis_password: os.environ/REDIS_PASSWORD
litellm_settings:
  num_retries: 3
  fallbacks: [{large: [small]}]
general_settings:
  master_key: os.environ/MASTER
  database_url: postgresql://user:hush@host/db
environment_variables:
  REDIS_HOST: somewhere
include: [other.yaml]
""",
    "no models": "model_list: []",
}


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_passes_the_check(text: str, tmp_path: Path) -> None:
    """What is written is a configuration that the gateway starts with."""
    found = imported(text)

    settings = loaded(found, tmp_path)

    assert list(settings.backends) == list(found.settings["backends"])
    assert len(settings.routes) == len(found.settings["routes"])


def test_quick_start() -> None:
    """Rows become routes, in front of backends that several may share."""
    found = imported(FILES["quick start"])

    assert found.settings == {
        "server": {"api_keys": ["${LITELLM_MASTER_KEY}"]},
        "backends": {
            "azure": {
                "api_key": "${AZURE_API_KEY_EU}",
                "api_base_url": "https://one.openai.azure.com/",
                "models": ["gpt-4o-eu"],
            },
            "bedrock": {
                "extra": {"region": "us-east-1"},
                "models": ["anthropic.claude-instant-v1"],
            },
            "openai-compatible": {
                "api_base_url": "http://0.0.0.0:4000/v1",
                "models": ["facebook/opt-125m"],
            },
            "openai": {"api_key": "${OPENAI_API_KEY}"},
        },
        "routes": [
            {"model": "gpt-4o", "to": "azure:gpt-4o-eu"},
            {"model": "claude", "to": "bedrock:anthropic.claude-instant-v1"},
            {"model": "vllm-models", "to": "openai-compatible:facebook/opt-125m"},
            {"model": "*", "to": "openai:*"},
        ],
    }
    assert sorted(paths(found)) == [
        "general_settings.alerting",
        "general_settings.master_key",
        "litellm_settings.drop_params",
        "litellm_settings.success_callback",
        "model_list[0].litellm_params.rpm",
        "model_list[2]",
        "model_list[3].litellm_params.rpm",
        "model_list[3].model_info.version",
        "model_list[4].model_name",
    ]


def test_wildcards() -> None:
    """The first route that matches wins: so names come first, then long patterns."""
    found = imported(FILES["wildcards"])

    assert [route["model"] for route in found.settings["routes"]] == [
        "openai/gpt-4o",
        "openai/gpt-*",
        "anthropic/*",
        "openai/*",
    ]
    assert found.settings["routes"][1]["to"] == "groq:openai/gpt-*"
    # Any model may be asked for, so there is no list.
    assert "models" not in found.settings["backends"]["openai"]
    assert found.missed.found == []


def test_clouds() -> None:
    """Accounts that are more than a key are carried over whole."""
    found = imported(FILES["clouds"])

    assert found.settings["backends"] == {
        "vertex": {
            "auth": {"type": "google", "file": "${VERTEX_FILE}"},
            "extra": {"project": "p1", "location": "europe-west1"},
            "models": ["claude-sonnet-4@20250514"],
        },
        "bedrock": {
            "auth": {
                "type": "aws",
                "region": "eu-central-1",
                "access_key_id": "${AWS_KEY_ID}",
                "secret_access_key": "${AWS_SECRET}",
            },
            "models": ["anthropic.claude-3-5-sonnet-20240620-v1:0"],
        },
        "azure": {
            "api_base_url": "${AZURE_API_BASE}",
            "auth": {
                "type": "azure",
                "tenant": "${AZURE_TENANT_ID}",
                "client_id": "${AZURE_CLIENT_ID}",
                "client_secret": "${AZURE_CLIENT_SECRET}",
            },
            "extra": {"api_version": "2024-10-21"},
            "models": ["gpt-4o"],
        },
    }
    assert found.missed.found == []


def test_credentials() -> None:
    """What rows share by name is put where it is needed."""
    found = imported(FILES["credentials"])

    assert found.settings["backends"]["azure"]["api_key"] == "${AZURE_API_KEY}"
    assert paths(found) == ["model_list[1].litellm_params.litellm_credential_name"]


def test_routing() -> None:
    """Aliases are routes; what decides between several rows is not there."""
    found = imported(FILES["routing"])

    assert found.settings["server"] == {"api_keys": ["${MASTER}"]}
    assert found.settings["routes"] == [
        {"model": "small", "to": "openai:gpt-4o-mini"},
        {"model": "large", "to": "openai:gpt-4o"},
        {"model": "local", "to": "ollama:llama3"},
        {"model": "tiny", "to": "openai:gpt-4o-mini"},
        {"model": "big", "to": "openai:gpt-4o"},
    ]
    assert found.settings["backends"]["openai"]["timeouts"] == {"first_event": "30s"}
    assert sorted(paths(found)) == [
        "environment_variables.REDIS_HOST",
        "general_settings.database_url",
        "include",
        "litellm_settings.fallbacks",
        "litellm_settings.num_retries",
        "router_settings.fallbacks",
        "router_settings.model_group_alias.big.hidden",
        "router_settings.model_group_alias.none",
        "router_settings.redis_password",
        "router_settings.routing_strategy",
    ]


# -- rows


@pytest.mark.parametrize("prefix", PROVIDERS)
def test_every_provider(prefix: str, tmp_path: Path) -> None:
    """Each type that the table names is one that is installed."""
    loaded(row(model=f"{prefix}/m1", api_base="https://example.com/v1"), tmp_path)


@pytest.mark.parametrize(
    ("model", "given", "found"),
    [
        ("openai/gpt-4o", None, ("openai", "gpt-4o")),
        ("openrouter/openai/gpt-4o", None, ("openrouter", "openai/gpt-4o")),
        ("o3-mini", None, ("openai", "o3-mini")),
        ("gemini-2.5-pro", None, ("vertex_ai", "gemini-2.5-pro")),
        ("*", None, ("openai", "*")),
        ("replicate/meta/llama", None, ("replicate", "replicate/meta/llama")),
        ("nobody", None, ("", "nobody")),
        ("llama3", "ollama", ("ollama", "llama3")),
        ("ollama/llama3", "ollama", ("ollama", "llama3")),
    ],
)
def test_find(model: str, given: str | None, found: tuple[str, str]) -> None:
    """A model's provider is told by its prefix, or by how its name begins."""
    assert find(model, given) == found


def test_api_version_without_quotes() -> None:
    """YAML takes it for a date, and it is a text all the same."""
    found = imported("""
model_list:
  - {model_name: m, litellm_params: {model: azure/m, api_version: 2024-10-21}}
""")

    assert found.settings["backends"]["azure"]["extra"] == {"api_version": "2024-10-21"}
    assert found.missed.found == []


def test_bare_names_have_a_provider() -> None:
    """What a beginning leads to is in the table."""
    assert set(BARE.values()) <= set(PROVIDERS)


@pytest.mark.parametrize(
    ("params", "settings"),
    [
        (
            {"model": "openai/m", "api_base": "https://api.openai.com/v1"},
            {
                "api_key": "${OPENAI_API_KEY}",
                "api_base_url": "https://api.openai.com/v1",
            },
        ),
        (
            {"model": "openai/m", "base_url": "http://h/v1", "api_key": "dummy"},
            {"api_base_url": "http://h/v1"},
        ),
        (
            {"model": "huggingface/m", "api_base": "http://h", "api_key": "none"},
            {"api_base_url": "http://h"},
        ),
        (
            {"model": "hosted_vllm/m"},
            {"api_base_url": "${HOSTED_VLLM_API_BASE}"},
        ),
        (
            {"model": "azure/responses/m", "azure_ad_token": "os.environ/TOKEN"},
            {
                "api_key": "${TOKEN}",
                "api_base_url": "${AZURE_API_BASE}",
                "auth": {"type": "bearer"},
            },
        ),
        (
            {"model": "snowflake/m"},
            {
                "api_key": "${SNOWFLAKE_JWT}",
                "extra": {"account": "${SNOWFLAKE_ACCOUNT_ID}"},
            },
        ),
        (
            {"model": "bedrock/m", "aws_bedrock_runtime_endpoint": "https://h"},
            {"api_base_url": "https://h"},
        ),
        (
            {"model": "xai/m", "organization": "org-1", "stream_timeout": 2.5},
            {
                "api_key": "${XAI_API_KEY}",
                "headers": {"OpenAI-Organization": "org-1"},
                "timeouts": {"first_event": "2.5s"},
            },
        ),
        (
            {"model": "xai/m", "extra_headers": {"X-A": "os.environ/A", "x-b": "${b}"}},
            {
                "api_key": "${XAI_API_KEY}",
                "headers": {"X-A": "${A}", "x-b": "$${b}"},
            },
        ),
        (
            {"model": "azure/m", "api_base": "https://h/x?key=hush", "api_key": "none"},
            {"api_base_url": "https://h/x"},
        ),
    ],
)
def test_members(params: dict[str, Any], settings: dict[str, Any]) -> None:
    """What a row says of its provider stands in the backend."""
    assert backend(**params) == settings


@pytest.mark.parametrize(
    ("params", "missed"),
    [
        ({"model": "replicate/meta/llama"}, "model"),
        ({"model": "os.environ/MODEL"}, "model"),
        ({"model": "nobody"}, "model"),
        ({"model": "azure/"}, "model"),
        ({}, "model"),
        ({"model": ["gpt-4o"]}, "model"),
        ({"model": "custom_openai/m"}, "api_base"),
        ({"model": "custom_openai/m", "api_base": "your-address"}, "api_base"),
        ({"model": "custom_openai/m", "api_base": "http://[::1/v1"}, "api_base"),
        ({"model": "custom_openai/m", "api_base": "http://u:hush@h/v1"}, "api_base"),
    ],
)
def test_rows_that_are_left_out(params: dict[str, Any], missed: str) -> None:
    """Where no backend can be made of a row, there is no route, and it is said."""
    found = row(**params)

    assert (found.settings["backends"], found.settings["routes"]) == ({}, [])
    assert f"model_list[0].litellm_params.{missed}" in paths(found)
    assert "hush" not in write(found)


@pytest.mark.parametrize(
    ("params", "missed"),
    [
        ({"temperature": 0.2, "rpm": None}, "temperature"),
        ({"timeout": True}, "timeout"),
        ({"timeout": "os.environ/NO-NAME"}, "timeout"),
        ({"what_is_new": {"a": 1}}, "what_is_new"),
        ({"organization": ["org-1", "org-2"]}, "organization"),
        ({"extra_headers": {"x-a": ["b"]}}, "extra_headers.x-a"),
        ({"extra_headers": "x-a: b"}, "extra_headers"),
        ({"timeout": 1, "stream_timeout": 2}, "stream_timeout"),
        ({"api_base": "http://h/v1?a=b"}, "api_base"),
        ({"custom_llm_provider": ["x"]}, "custom_llm_provider"),
        ({"api_base": "http://h/v1", "base_url": "http://i/v1"}, "base_url"),
    ],
)
def test_members_that_are_left_out(params: dict[str, Any], missed: str) -> None:
    """Whatever is not carried over is named."""
    found = row(model="openai/m", **params)

    assert paths(found) == [f"model_list[0].litellm_params.{missed}"]
    assert len(found.settings["routes"]) == 1


@pytest.mark.parametrize("json", [{"type": "service_account"}, "relative.json", 5])
def test_google_credentials_in_the_file(json: Any) -> None:
    """They must be in a file of their own."""
    found = row(model="vertex_ai/m", vertex_credentials=json)

    assert paths(found) == ["model_list[0].litellm_params.vertex_credentials"]


@pytest.mark.parametrize(
    ("name", "model"), [("a*b*", "openai/*"), ("a*", "openai/*-*"), ("a", "openai/*")]
)
def test_patterns_that_are_left_out(name: str, model: str) -> None:
    """One * is what a route can have."""
    found = row(name, model=model)

    assert paths(found) == ["model_list[0].model_name"]
    assert found.settings["routes"] == []


@pytest.mark.parametrize(
    ("rows", "path"),
    [
        ([5], "model_list[0]"),
        ([{"model_name": "m"}], "model_list[0]"),
        ([{"litellm_params": {"model": "gpt-4o"}}], "model_list[0]"),
    ],
)
def test_rows_of_another_shape(rows: list[Any], path: str) -> None:
    """What is no row is named, too."""
    assert path in paths(convert({"model_list": rows}))


def test_sections_of_another_shape() -> None:
    """So it is with sections and lists."""
    file = {
        "model_list": [{"model_name": "m", "litellm_params": {"model": "gpt-4o"}}],
        "router_settings": ["x"],
        "credential_list": "x",
        "litellm_settings": {"model_group_alias": {"m": "m"}},
        "general_settings": None,
        "guardrails": [{"guardrail_name": "x"}],
        "a\nb" + "c" * 100: 1,
    }

    assert sorted(paths(convert(file))) == [
        "a?b" + "c" * 77 + "...",
        "credential_list",
        "guardrails",
        "litellm_settings.model_group_alias.m",
        "router_settings",
    ]


@pytest.mark.parametrize("json", [None, [], {}, {"model_list": None}, "text"])
def test_another_file(json: Any) -> None:
    """What has no list of models is no configuration of LiteLLM's."""
    with pytest.raises(UnreadableError, match="model_list"):
        convert(json)


# -- secrets


def test_secrets_become_variables() -> None:
    """No secret gets into the file; each has a variable that nothing else uses."""
    file = {
        "model_list": [
            {
                "model_name": "a",
                "litellm_params": {"model": "gpt-4o", "api_key": SECRET},
            },
            {"model_name": "b", "litellm_params": {"model": "gpt-4o"}},
            {"model_name": "c", "litellm_params": {"model": "o3", "api_key": SECRET}},
            {
                "model_name": "d",
                "litellm_params": {
                    "model": "bedrock/m",
                    "aws_access_key_id": "AKIA",
                    "aws_secret_access_key": SECRET,
                    "extra_headers": {"X-Auth": SECRET},
                },
            },
            {
                "model_name": "e",
                "litellm_params": {"model": "azure/m", "azure_ad_token": SECRET},
            },
            {
                "model_name": "f",
                "litellm_params": {
                    "model": "azure/m",
                    "tenant_id": "t",
                    "client_secret": SECRET,
                },
            },
        ],
        "general_settings": {"master_key": SECRET, "database_url": SECRET},
    }

    found = convert(file)

    text = write(found)
    assert SECRET not in text
    assert SECRET not in repr(found)
    backends = found.settings["backends"]
    # The second row's variable is the provider's usual one.
    assert backends["openai"]["api_key"] == "${OPENAI_API_KEY_2}"
    assert backends["openai.2"]["api_key"] == "${OPENAI_API_KEY}"
    assert backends["openai"]["models"] == ["gpt-4o", "o3"]
    assert backends["bedrock"]["auth"]["secret_access_key"] == (
        "${BEDROCK_AUTH_SECRET_ACCESS_KEY}"
    )
    assert backends["bedrock"]["headers"] == {"X-Auth": "${BEDROCK_HEADERS_X_AUTH}"}
    assert backends["azure"]["api_key"] == "${AZURE_API_KEY}"
    assert backends["azure.2"]["auth"]["client_secret"] == (
        "${AZURE_2_AUTH_CLIENT_SECRET}"
    )
    assert found.settings["server"]["api_keys"] == ["${LITELLM_MASTER_KEY}"]
    assert "model_list[3].litellm_params.extra_headers.X-Auth: a secret" in text


# -- the command


def test_command_to_stdout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file goes to one stream, and what is not in it to the other."""
    file = tmp_path / "config.yaml"
    file.write_text(FILES["quick start"])

    status = cli.main(["import", "litellm", str(file)])

    said = capsys.readouterr()
    assert status == 0
    assert yaml.safe_load(said.out)["routes"][0]["model"] == "gpt-4o"
    assert said.err.startswith("Not carried over (9):\n  model_list[0].")
    assert "sk-1234" not in said.out + said.err


def test_command_to_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is there is replaced by force only."""
    file, output = tmp_path / "config.yaml", tmp_path / "ours.yaml"
    file.write_text(FILES["wildcards"])
    command = ["import", "litellm", str(file), "-o", str(output)]

    assert cli.main(command) == 0
    assert capsys.readouterr() == ("", "")
    made = output.read_text()
    output.write_text("mine")
    assert cli.main(command) == 1
    assert "--force" in capsys.readouterr().err
    assert output.read_text() == "mine"
    assert cli.main([*command, "--force"]) == 0
    assert output.read_text() == made


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"a: [sk-hush", "it is no YAML, see line 1"),
        (b"a: \xff", "it is no UTF-8 text"),
        (b"a: \x00", "it is no YAML"),
        (b"a: 9999-99-99", "it is no YAML"),
        (b"a: 1", "it has no model_list"),
    ],
)
def test_command_with_another_file(
    content: bytes, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is no configuration is said to be none, without a word of what is in it."""
    file = tmp_path / "config.yaml"
    file.write_bytes(content)

    assert cli.main(["import", "litellm", str(file)]) == 1

    said = capsys.readouterr().err
    assert why in said
    assert "hush" not in said


def test_command_without_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that cannot be read is named with the reason."""
    assert cli.main(["import", "litellm", str(tmp_path / "none.yaml")]) == 1

    assert "none.yaml: No such file" in capsys.readouterr().err
