from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from gateway.config import ConfigError, load, source
from gateway.secret import Secret
from gateway.settings import Backend, Route


@pytest.fixture(params=["CSafeLoader", "SafeLoader"])
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not every build of PyYAML has the loader that is written in C."""
    monkeypatch.setattr(source, "_LOADER", getattr(yaml, request.param))


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)

    def read(text: str | bytes, environ=(), overrides=()):
        Path("c.yaml").write_bytes(text.encode() if isinstance(text, str) else text)
        return load(Path("c.yaml"), dict(environ), overrides)

    return read


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "c.yaml: is empty"),
        ("# only a comment", "c.yaml: is empty"),
        ("- a\n- b", "c.yaml: expected sections such as `server:`"),
        ("text", "c.yaml: expected sections such as `server:`"),
        ("a:\n\tb: c", "c.yaml:2:1: a tab; YAML is indented with spaces"),
        ("a: b: c", "c.yaml:1:5: mapping values are not allowed"),
        ("a: 1\nb: 'x", "c.yaml:2:"),
        ("a: [1", "c.yaml:"),
        ("a: 1\n---\nb: 2", "c.yaml:2:1: expected a single document"),
        (b"a: 1\nb: \xff", "c.yaml:2:4: not UTF-8 text"),
        ("a: 1\nb: \x01", "c.yaml:2:4: a control character"),
        ("[" * 2000, "c.yaml:"),
        ("server: " + "[" * 100 + "]" * 100, "c.yaml:1: server[0][0]"),
        ("server: &a [*a]", "c.yaml:1: server[0]: contains itself"),
        ("server: &a {<<: *a}", "c.yaml:1: server: contains itself"),
        ("server: {<<: [1]}", "c.yaml:1: server: expected a section, or a list of"),
        ("server: !!set {a}", "c.yaml:1: server: a tag that does not fit"),
        ("server: !!int x", "c.yaml:1: server: a tag that does not fit"),
        ("server: {[a]: b}", "c.yaml:1: server: expected text as key; quote it"),
        ("server: {yes: b}", "c.yaml:1: server: expected text as key; quote it"),
        ("log: {}\nlog: {}", "c.yaml:2: log: is already set in line 1"),
    ],
)
def test_broken_file(read, text: str | bytes, message: str) -> None:
    """What cannot be read is told with its place."""
    with pytest.raises(ConfigError) as caught:
        read(text)

    assert str(caught.value).startswith(message)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nope: cannot be read: No such file or dir"):
        load(tmp_path / "nope", {})


def test_directory(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(tmp_path, {})


def test_impossible_name() -> None:
    with pytest.raises(ConfigError, match="cannot be read: embedded null"):
        load(Path("a\0b"), {})


def test_too_many_values(read) -> None:
    """A short file that aliases blow up is refused at once, in one line."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{f'*a{n - 1}, ' * 10}]" for n in range(1, 10)]

    with pytest.raises(ConfigError) as caught:
        read("\n".join(lines))

    assert str(caught.value) == "c.yaml: is more than 100,000 values in all"


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize("secret", ["*hunter2", "!hunter2", "!h!hunter2", "*x hunter2"])
def test_password_that_looks_like_yaml(read, secret: str) -> None:
    """An unquoted password that YAML reads otherwise is not repeated."""
    with pytest.raises(ConfigError) as caught:
        read(f"server: {{api_keys: [{secret}]}}")

    assert "hunter2" not in str(caught.value)


def test_byte_order_mark(read) -> None:
    assert read("\ufefflog: {level: debug}").log.level == "debug"


def test_anchors(read) -> None:
    """Anchors and merges work; a key of one's own wins over a merged one."""
    settings = read(
        """
backends:
  a: &a {type: openai, models: [x], timeouts: &t {connect: 1s, idle: 2s}}
  b: {type: other, <<: *a}
  c: {<<: [*a, {api_key: k, type: never}], timeouts: {<<: *t, idle: 3s}}
"""
    )

    a, b, c = (settings.backends[name] for name in "abc")
    assert (a.type, b.type, c.type) == ("openai", "other", "openai")
    assert b.models == c.models == ("x",)
    assert c.api_key == Secret("k")
    assert (c.timeouts.connect, c.timeouts.idle) == (1, 3)


def test_merged_line(read) -> None:
    """A mistake in what is merged has the line where it is written."""
    text = "server: &s\n  wrong: 1\nlog:\n  <<: *s\n  level: info"

    with pytest.raises(ConfigError) as caught:
        read(text)

    assert [problem.where for problem in caught.value.problems] == ["c.yaml:2"] * 2


FILE = """
server: {workers: 1, listen: [127.0.0.1:1, 127.0.0.1:2]}
backends:
  llama.cpp: {api_key: from-file, extra: {size: 1}}
  my-lab: {}
  my.lab: {}
"""


def test_precedence(read) -> None:
    """A flag wins over a variable, that over the file."""
    environ = {"SLUICEGATE_WORKERS": "2", "SLUICEGATE_SERVER__BACKLOG": "20"}

    assert read(FILE).server.workers == 1
    assert read(FILE, environ).server.workers == 2
    settings = read(FILE, environ, [("server.workers", "3")])
    assert (settings.server.workers, settings.server.backlog) == (3, 20)


def test_long_name_wins(read) -> None:
    environ = {"SLUICEGATE_WORKERS": "2", "SLUICEGATE_SERVER__WORKERS": "3"}

    assert read(FILE, environ).server.workers == 3


def test_variables(read) -> None:
    """Names that variables cannot have are found by what they look like."""
    settings = read(
        FILE,
        {
            "SLUICEGATE_LISTEN": "[::1]:8080",
            "SLUICEGATE_DEFAULT_BACKEND": "new",
            "SLUICEGATE_SERVER__API_KEYS": "[one, '2']",
            "SLUICEGATE_BACKENDS__LLAMA_CPP__API_KEY": "123456",
            "SLUICEGATE_BACKENDS__LLAMA_CPP__EXTRA__SIZE": "5",
            "SLUICEGATE_BACKENDS__LLAMA_CPP__EXTRA__NAME": "a",
            "SLUICEGATE_BACKENDS__LLAMA_CPP__HEADERS__X_TEAM": "blue",
            "SLUICEGATE_BACKENDS__NEW": "{type: demo, api_key: lost}",
            "SLUICEGATE_BACKENDS__NEW__API_KEY": "${AS_IT_IS}",
            "SLUICEGATE_BACKENDS__EMPTY": "",
            "SLUICEGATE_BACKENDS__NEW__TIMEOUTS__IDLE": "2m",
            "SLUICEGATE_": "ignored",
            "UNRELATED__X": "ignored",
        },
    )

    assert settings.server.listen == ("[::1]:8080",)
    assert settings.server.api_keys == (Secret("one"), Secret("2"))
    assert settings.backends["llama.cpp"] == Backend(
        api_key=Secret("123456"),
        headers={"x-team": Secret("blue")},
        extra={"size": 5, "name": "a"},
    )
    new = settings.backends["new"]
    assert (new.type, new.api_key) == ("demo", Secret("${AS_IT_IS}"))
    assert new.timeouts.idle == 120
    assert settings.backends["empty"] == Backend()
    assert settings.default_backend == "new"


def test_flags(read) -> None:
    """Dots in names are understood; a flag that comes again adds to a list."""
    settings = read(
        FILE,
        {},
        [
            ("server.listen", "127.0.0.1:1"),
            ("server.listen", "[::1]:1"),
            ("backends.llama.cpp.api_key", "from-flag"),
            ("backends.llama.cpp.headers.X-Dotted.Name", "x"),
            ("backends.new.one.type", "demo"),
            ("backends.plain", "{}"),
            ("routes", "[{model: a, to: 'plain:b'}]"),
        ],
    )

    assert settings.server.listen == ("127.0.0.1:1", "[::1]:1")
    assert settings.backends["llama.cpp"].api_key == Secret("from-flag")
    assert settings.backends["llama.cpp"].headers == {"X-Dotted.Name": Secret("x")}
    assert settings.backends["new.one"].type == "demo"
    assert settings.backends["plain"] == Backend()
    assert settings.routes == (Route("a", "plain:b"),)


@pytest.mark.parametrize(
    ("environ", "overrides", "message"),
    [
        (
            {"SLUICEGATE_SERVER__WORKRES": "1"},
            [],
            (
                "environment variable SLUICEGATE_SERVER__WORKRES: server.workres:"
                " unknown key; did you mean workers?"
            ),
        ),
        (
            {"SLUICEGATE_SERVER__LISTEN__0": "x"},
            [],
            "environment variable SLUICEGATE_SERVER__LISTEN__0: server.listen.0: can",
        ),
        (
            {"SLUICEGATE_BACKENDS__X": "{", "SLUICEGATE_BACKENDS__X__TYPE": "y"},
            [],
            "environment variable SLUICEGATE_BACKENDS__X: backends.x: not YAML: ",
        ),
        (
            {"SLUICEGATE_BACKENDS__X__EXTRA__Y": "{1: 2}"},
            [],
            (
                "environment variable SLUICEGATE_BACKENDS__X__EXTRA__Y: backends.x."
                "extra: expected text as key"
            ),
        ),
        (
            {"SLUICEGATE_LISTEN": "0.0.0.0:80"},
            [],
            "environment variable SLUICEGATE_LISTEN: server.listen[0]: 0.0.0.0:80 can",
        ),
        (
            {"SLUICEGATE_BACKENDS__X__API_KEY": ""},
            [],
            (
                "environment variable SLUICEGATE_BACKENDS__X__API_KEY: backends.x."
                "api_key: expected a secret, got an empty text"
            ),
        ),
        (
            {},
            [("server.listen", "x")],
            "flag --listen: server.listen[0]: expected host",
        ),
        ({}, [("server.workers", "x")], "flag --workers: server.workers: expected a"),
        ({}, [("log.level", "x")], "flag --log-level: log.level: expected one of"),
        ({}, [("backends.x.y.z", "x")], "flag --set: backends.x.y.z: unknown key"),
        (
            {},
            [("server.workers", "1"), ("server.workers", "2")],
            "flag --workers: server.workers: expected a whole number, got a list",
        ),
    ],
)
def test_where(read, environ, overrides, message: str) -> None:
    """A mistake outside of the file is told with its variable or flag."""
    with pytest.raises(ConfigError) as caught:
        read(FILE, environ, overrides)

    assert str(caught.value).startswith(message)


def test_backends_from_a_flag() -> None:
    """Sections can be set as a whole, and their parts after that."""
    settings = load(
        None,
        {},
        [
            ("backends", "{a: {}}"),
            ("backends.a.type", "demo"),
            ("default_backend", "a"),
        ],
    )

    assert settings.backends == {"a": Backend(type="demo")}
