"""What is written about one backend, in the file, in variables and in flags."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.config import ConfigError, explain, load
from gateway.config.problems import blamed
from gateway.domain.errors import ConfigurationError
from gateway.registry import Registry
from gateway.settings import Backend, Timeouts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.settings import Settings


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)

    def read(
        text: str,
        environ: Mapping[str, str] | None = None,
        flags: Sequence[tuple[str, str]] = (),
    ) -> Settings:
        Path("c.yaml").write_text(text)
        return load(Path("c.yaml"), environ or {}, flags)

    return read


# -- timeout


@pytest.mark.parametrize(
    ("written", "clocks"),
    [
        ("timeout: 2m", Timeouts(10, 120, 120)),
        ("timeout: 90", Timeouts(10, 90, 90)),
        ("timeout: 2m, timeouts: {idle: 5s}", Timeouts(10, 120, 5)),
        ("timeout: 2m, timeouts: {first_event: 5s, connect: 1}", Timeouts(1, 5, 120)),
        ("timeout: 2m, timeouts: ", Timeouts(10, 120, 120)),
        ("timeout: 2m, timeouts: {idle: 5m, first_event: 10m}", Timeouts(10, 600, 300)),
        ("timeouts: {idle: 5s}", Timeouts(10, 600, 5)),
    ],
)
def test_timeout(read, written: str, clocks: Timeouts) -> None:
    """One word for the two clocks that a silent backend runs into."""
    settings = read(f"backends: {{up: {{{written}}}}}")

    assert settings.backends["up"].timeouts == clocks


def test_timeout_elsewhere(read) -> None:
    """A variable and a flag do the same, and what is more exact still wins."""
    environ = {
        "SLUICEGATE_BACKENDS__UP__TIMEOUT": "30s",
        "SLUICEGATE_BACKENDS__UP__TIMEOUTS": "{connect: 2s}",
    }

    settings = read(
        "backends: {up: {}}", environ, [("backends.up.timeouts.idle", "7s")]
    )

    assert settings.backends["up"].timeouts == Timeouts(2, 30, 7)
    assert "timeout: 30s\n" in explain(settings)


@pytest.mark.parametrize("bad", ["soon", "0", "-1", "[1]", "2d"])
def test_bad_timeout(read, bad: str) -> None:
    with pytest.raises(ConfigError, match=r"c.yaml:2: backends.up.timeout: expected a"):
        read(f"backends:\n  up: {{timeout: {bad}}}\n")


# -- names with dots


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("backends.openai.eu.api_key", "openai.eu"),
        ("backends.'openai.eu'.api_key", "openai.eu"),
        ('backends."openai.eu".api_key', "openai.eu"),
        ("backends.llama.cpp.api_key", "llama.cpp"),
        ("backends.my-lab_2.api_key", "my-lab_2"),
        ("backends.'a.models'.api_key", "a.models"),
        ("backends.known.models.api_key", "known.models"),
    ],
)
@pytest.mark.parametrize("file", ["{}", "{openai: {}}", "{openai.eu: {}, openai: {}}"])
def test_name_in_a_flag(read, file: str, path: str, name: str) -> None:
    """It ends before the first key of a backend, or at what is known, or quoted."""
    text = "backends: {known.models: {}, " + file[1:]

    settings = read(text, flags=[(path, "some-key")])

    assert settings.backends[name].api_key.reveal() == "some-key"
    others = {n for n, b in settings.backends.items() if b.api_key} - {name}
    assert others == set()


@pytest.mark.parametrize(
    ("path", "value", "backends"),
    [
        ("backends.up.extra.models", "x", {"up": Backend(extra={"models": "x"})}),
        ("backends.openai.eu", "", {"openai.eu": Backend()}),
        ("backends.openai.eu", "{type: a}", {"openai.eu": Backend(type="a")}),
        ("backends.'openai.eu'", "", {"openai.eu": Backend()}),
    ],
)
def test_without_a_file(path: str, value: str, backends: dict[str, Backend]) -> None:
    assert load(None, {}, [(path, value)]).backends == backends


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("backends.'openai.eu.api_key", "flag --set: expected a path such as"),
        ("backends.'a'b.api_key", "flag --set: expected a path such as"),
        ("backends.''.api_key", "flag --set: expected a path such as"),
        ("'backends'.x'", "flag --set: expected a path such as"),
        (
            "backends.a.eu.api_kee",
            "flag --set: backends.a.eu.api_kee: unknown key; did you mean api_key?",
        ),
        (
            "backends.known.api_kee",
            "flag --set: backends.known.api_kee: unknown key; did you mean api_key?",
        ),
    ],
)
def test_slips_in_a_flag(read, path: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read("backends: {known: {}}", flags=[(path, "x")])

    assert str(caught.value).startswith(said)


def test_name_in_a_variable(read) -> None:
    """What is not a letter or digit is written ``_``; what is known comes first."""
    text = "backends: {openai.eu: {}, my-lab: {}}"
    environ = {
        "SLUICEGATE_BACKENDS__OPENAI_EU__API_KEY": "one",
        "SLUICEGATE_BACKENDS__MY_LAB__API_KEY": "two",
        "SLUICEGATE_BACKENDS__NEW_LAB__API_KEY": "three",
    }

    backends = read(text, environ).backends

    keys = {name: backend.api_key.reveal() for name, backend in backends.items()}
    assert keys == {"openai.eu": "one", "my-lab": "two", "new_lab": "three"}


def test_variable_for_two_names(read) -> None:
    """It is not guessed which of them is meant."""
    with pytest.raises(ConfigError) as caught:
        read(
            "backends: {a.b: {}, a-b: {}}",
            {"SLUICEGATE_BACKENDS__A_B__API_KEY": "secret-0123"},
        )

    assert str(caught.value) == (
        "environment variable SLUICEGATE_BACKENDS__A_B__API_KEY: stands for a.b and"
        " a-b alike; set it in the file or by --set"
    )


# -- secrets

FIELDS = [
    "api_key",
    "api_keys",
    "auth.client_secret",
    "auth.secret_access_key",
    "auth.session_token",
    "headers.x-team",
]


@pytest.mark.parametrize("path", FIELDS)
@pytest.mark.parametrize("kind", ["file", "credential"])
def test_secrets_from_elsewhere(tmp_path: Path, path: str, kind: str) -> None:
    """Each of them may be in a file or a credential, and none is shown."""
    (tmp_path / "s").write_text("planted-secret-0123\n")
    value = f"file:{tmp_path}/s" if kind == "file" else "credential:s"

    settings = load(
        None,
        {"CREDENTIALS_DIRECTORY": str(tmp_path)},
        [("backends.up.type", "demo"), (f"backends.up.{path}", value)],
    )

    backend = settings.backends["up"]
    found = {
        "api_key": backend.api_key,
        "api_keys": next(iter(backend.api_keys), None),
        "auth.client_secret": backend.auth.client_secret,
        "auth.secret_access_key": backend.auth.secret_access_key,
        "auth.session_token": backend.auth.session_token,
        "headers.x-team": backend.headers.get("x-team"),
    }[path]
    assert found is not None
    assert found.reveal() == "planted-secret-0123"
    assert "planted" not in explain(settings) + repr(settings)


@pytest.mark.parametrize("path", FIELDS)
def test_secret_that_is_not_there(read, path: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read("backends: {}", flags=[(f"backends.up.{path}", "file:/nowhere/at/all")])

    assert "cannot read file /nowhere/at/all" in str(caught.value)
    assert f"backends.up.{path}" in str(caught.value)


def test_guard_among_the_headers(read) -> None:
    """Set by hand, it would hide every loop."""
    with pytest.raises(ConfigError, match=r"c.yaml:1: backends.up.headers: .*loop_gu"):
        read("backends: {up: {headers: {X-LLMProxy-Loop-Guard: a}}}")


# -- what others find wrong


@pytest.mark.parametrize(
    ("error", "path"),
    [
        (ConfigurationError("auth.client_id is missing"), ("auth", "client_id")),
        (ConfigurationError("auth needs a type"), ("auth",)),
        (ConfigurationError("extra.project: expected text"), ("extra", "project")),
        (ConfigurationError("it failed", param="auth.file"), ("auth", "file")),
        (ConfigurationError("authentication failed"), ()),
        (ConfigurationError("it needs auth.file"), ("auth", "file")),
        (ConfigurationError("it needs auth.file or A_FILE"), ("auth", "file")),
        (ConfigurationError("it needs auth.file or extra.file"), ()),
        (ConfigurationError("it needs api_base_url"), ()),
        (ConfigurationError("it needs api_base_url or extra.resource"), ()),
        (ConfigurationError("auth.type 'x' needs api_key"), ("auth", "type")),
    ],
)
def test_blamed(error: ConfigurationError, path: tuple[str, ...]) -> None:
    """A connector's own complaint is told with the line of the key."""
    assert blamed(error) == path


def test_backend_with_a_mistake_is_not_missing(tmp_path: Path) -> None:
    """Who leads to it is not told to add it; of others all is told."""
    file = tmp_path / "c.yaml"
    file.write_text(
        "backends: {openai: {apikey: some-key}, groq: {api_key: other-key}}\n"
        'routes: [{model: a, to: "openai:a"}, {model: b, to: "cohere:b"}]\n'
        "default_backend: openai\n"
    )

    with pytest.raises(ConfigError) as caught:
        load(file, {}, also=partial(Registry().check, environ={}))

    assert [problem.message.partition(";")[0] for problem in caught.value.problems] == [
        "unknown key",
        "no backend cohere",
        "cohere is installed: add `cohere: {}` below backends",
    ]
