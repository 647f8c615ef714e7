from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import (
    ConfigError,
    TcpAddress,
    UnixAddress,
    load,
    read_address,
)
from gateway.config.values import BYTES, write_seconds, write_size
from gateway.secret import Secret
from gateway.settings import Settings


def value(path: str, yaml: str, tmp_path: Path, **environ: str) -> Any:
    """Load a file in which *path* is *yaml*; return what it became."""
    file = tmp_path / "c.yaml"
    steps = path.split(".")
    file.write_text(
        "".join(f"{'  ' * depth}{step}:\n" for depth, step in enumerate(steps))[:-1]
        + f" {yaml}\n"
    )
    found: Any = load(file, environ)
    for step in steps:
        found = found[step] if isinstance(found, dict) else getattr(found, step)
    return found


@pytest.mark.parametrize(
    ("path", "yaml", "meant"),
    [
        ("server.body_timeout", "30s", 30),
        ("server.body_timeout", "500ms", 0.5),
        ("server.body_timeout", "1.5m", 90),
        ("server.body_timeout", "2 h", 7200),
        ("server.body_timeout", "2.5", 2.5),
        ("server.body_timeout", "3", 3),
        ("server.keep_alive", "0", 0),
        ("server.keep_alive", "100ms", 0.1),
        ("server.max_body", "64MiB", 64 * 1024 * 1024),
        ("server.max_body", "1.5kB", 1500),
        ("server.max_body", "4096", 4096),
        ("server.workers", "4", 4),
        ("server.listen", "localhost:0", ("localhost:0",)),
        ("server.listen", "", None),
        ("server.cors_origins", '"*"', ("*",)),
        ("server.cors_origins", "[tauri://localhost]", ("tauri://localhost",)),
        ("server.cors_origins", "http://[::1]:3000", ("http://[::1]:3000",)),
        ("server.api_keys", f"sha256:{'0a' * 32}", (Secret(f"sha256:{'0a' * 32}"),)),
        ("backends", "", {}),
        ("routes", "", ()),
        ("backends.a.type", "null", None),
        ("backends.a.type", "2024-01-01", "2024-01-01"),
        ("backends.a.type", "=", "="),
        ("backends.a.models", "m", ("m",)),
        ("backends.a.proxy", "http://u:p@h:1", Secret("http://u:p@h:1")),
        ("backends.a.api_base_url", "http://h:1/v1", "http://h:1/v1"),
        ("backends.a.api_key", "1_x", Secret("1_x")),
        ("backends.a.headers", "{X-A: a b}", {"X-A": Secret("a b")}),
    ],
)
def test_accepted(tmp_path: Path, path: str, yaml: str, meant: object) -> None:
    if meant is None and path == "server.listen":
        with pytest.raises(ConfigError, match="one address at least"):
            value(path, yaml, tmp_path)
    else:
        assert value(path, yaml, tmp_path) == meant


@pytest.mark.parametrize(
    ("path", "yaml", "message"),
    [
        ("server", "5", "expected a section of keys, got a number"),
        ("server", "[]", "expected a section of keys, got a list"),
        ("server.workers", '"7"', "expected a whole number, got '7'"),
        ("server.workers", "1.9", "expected a whole number, got the number 1.9"),
        ("server.workers", "true", "got the truth value true"),
        ("server.workers", "null", "expected a whole number, got nothing"),
        ("server.workers", "[1]", "expected a whole number, got a list"),
        ("server.workers", "0", "expected a number from 1 to 1024, got the number 0"),
        ("server.workers", "-1", "expected a number from 1 to 1024"),
        ("server.workers", "0x" + "f" * 5000, "got a huge number"),
        ("server.body_timeout", "30 parsecs", "such as 30s, 500ms or 2m, got '30 p"),
        ("server.body_timeout", "abc", "expected a duration"),
        ("server.body_timeout", "true", "expected a duration"),
        ("server.body_timeout", "0", "expected a duration from 1ms to 1d"),
        ("server.body_timeout", "25h", "expected a duration from 1ms to 1d"),
        ("server.body_timeout", ".nan", "expected a duration from"),
        ("server.keep_alive", "-1", "expected a duration from 0s to"),
        ("server.max_body", "64 monkeys", "such as 64MiB or a number of bytes"),
        ("server.max_body", "1.5", "got the number 1.5"),
        ("server.max_body", "5", "expected a size from 1KiB to 1024GiB"),
        ("server.max_body", "[]", "expected a size"),
        ("server.api_keys", "{sk-abcdefgh: x}", "expected a list, got a section"),
        ("server.api_keys", "[123456]", "expected a secret as text, got a number; qu"),
        ("server.api_keys", "[no]", "expected a secret as text, got a truth value"),
        ("server.api_keys", "[[x]]", "expected a secret as text, got a list"),
        ("server.api_keys", '[""]', "expected a secret, got an empty text"),
        ("server.api_keys", '["a\\nb"]', "a secret on one line"),
        ("server.api_keys", "sha256:abc", "expected 64 hexadecimal digits"),
        ("server.cors_origins", "https://a/", "expected an origin as browsers send"),
        ("server.cors_origins", "a.example.com", "expected an origin as browsers"),
        ("log.level", "loud", "expected one of debug, info, warning, error; got 'l"),
        ("log.level", "[]", "expected one of debug, info, warning, error; got a li"),
        ("backends.a.tls.verify", '"yes"', "expected true or false, got 'yes'"),
        ("backends.a.type", '""', "expected text, got an empty one"),
        ("backends.a.type", "yes", "got the truth value true; quote it"),
        ("backends.a.type", "x" * 50 + ": y", "mapping values"),
        ("backends.a.models", "[null]", "expected text, got nothing"),
        ("backends.a.headers", "{a b: x}", "the name of a header, got 'a b'"),
        ("backends.a.headers", "{Content-Length: '1'}", "is the gateway's own to set"),
        ("backends.a.headers", "{X: a, x: b}", "the header x is there twice"),
        ("backends.a.headers", '{X: "a\\r\\nb: c"}', "without control characters"),
        ("backends.a.api_base_url", "ftp://h", "expected a URL such as https://"),
        ("backends.a.api_base_url", "http:///v1", "expected a URL such as https://"),
        ("backends.a.api_base_url", "http://h:99999", "expected a URL such as"),
        ("backends.a.api_base_url", "http://[h", "expected a URL such as https://"),
        ("backends.a.api_base_url", "http://a b", "expected a URL such as https://"),
        ("backends.a.api_base_url", "http://u:p@h", "no user or password here"),
        ("backends.a.api_base_url", "http://h?a=b", "expected no ? or #"),
        ("backends.a.proxy", "socks5://h", "expected a URL such as https://"),
    ],
)
def test_refused(tmp_path: Path, path: str, yaml: str, message: str) -> None:
    """Nothing is coerced; the message says what was expected and what was there."""
    with pytest.raises(ConfigError) as caught:
        value(path, yaml, tmp_path)

    (problem,) = caught.value.problems
    assert message in problem.message


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8080", TcpAddress("127.0.0.1", 8080)),
        (":80", TcpAddress(None, 80)),
        ("[::1]:80", TcpAddress("::1", 80)),
        ("a-b.example.com:65535", TcpAddress("a-b.example.com", 65535)),
        ("unix:/run/a.sock", UnixAddress(Path("/run/a.sock"))),
    ],
)
def test_address(text: str, address: object) -> None:
    assert read_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "8080",
        "h:",
        "h:http",
        "h:65536",
        "h:-1",
        "::1:80",
        "[::1:80",
        "[h]:80",
        "300.1.1.1:80",
        "-h:80",
        "a b:80",
        "http://h:80",
        "unix:run/a.sock",
        "unix:",
        "unix:/run/",
        "unix:/" + "a" * 107,
    ],
)
def test_no_address(text: str) -> None:
    with pytest.raises(ConfigError, match=r"flag --listen: .*expected"):
        load(None, {}, [("server.listen", text)])


@given(st.integers(min_value=0, max_value=86_400_000_000))
def test_seconds_survive(microseconds: int) -> None:
    """A duration that is shown is read again as the same."""
    seconds = round(microseconds / 1e6, 6)
    shown = write_seconds(seconds)

    read = load(None, {}, [("server.keep_alive", shown)]).server.keep_alive

    assert read == pytest.approx(seconds, abs=1e-6)


@given(st.integers(min_value=1024, max_value=1024**4))
def test_sizes_survive(size: int) -> None:
    """A size that is shown is read again as the same."""
    shown = write_size(size)

    assert load(None, {}, [("server.max_body", shown)]).server.max_body == size


@pytest.mark.parametrize("unit", BYTES)
def test_units(unit: str) -> None:
    settings = load(None, {}, [("server.max_reply", f"1024{unit}")])

    assert settings.server.max_reply == 1024 * BYTES[unit]


def test_secret_from_file(tmp_path: Path) -> None:
    """One final line break is an editor's, not the secret's."""
    (tmp_path / "key").write_bytes(b"from-a-file \r\n")

    settings = load(None, {}, [("server.api_keys", f"file:{tmp_path}/key")])

    assert settings.server.api_keys == (Secret("from-a-file "),)


def test_secret_from_systemd(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-systemd")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}

    settings = load(None, environ, [("server.api_keys", "credential:key")])

    assert settings.server.api_keys == (Secret("from-systemd"),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file:relative", "expected an absolute path"),
        ("file:{}/missing", "missing: No such file or directory"),
        ("file:{}", ": not a regular file"),
        ("file:/dev/zero", "/dev/zero: not a regular file"),
        ("file:{}/binary", "its path or content is not text"),
        ("file:{}/nul\0", "its path or content is not text"),
        ("file:{}/large", "larger than 65536 bytes"),
        ("file:{}/lines", "expected a secret on one line"),
        ("file:{}/empty", "expected a secret, got an empty text"),
        ("credential:", "expected the name of a credential"),
        ("credential:..", "expected the name of a credential"),
        ("credential:a/b", "expected the name of a credential"),
        ("credential:missing", "cannot read credential"),
    ],
)
def test_secret_unread(tmp_path: Path, text: str, message: str) -> None:
    """A secret that cannot be read is told without anything of its content."""
    (tmp_path / "binary").write_bytes(b"hidden\xff")
    (tmp_path / "large").write_text("hidden" * 20_000)
    (tmp_path / "lines").write_text("hidden\nhidden\n")
    (tmp_path / "empty").write_text("\n")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}

    with pytest.raises(ConfigError) as caught:
        load(None, environ, [("server.api_keys", text.format(tmp_path))])

    assert message in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_credential_outside_systemd() -> None:
    with pytest.raises(ConfigError, match="needs CREDENTIALS_DIRECTORY"):
        load(None, {}, [("server.api_keys", "credential:key")])


def test_variables_have_the_type_of_the_field(tmp_path: Path) -> None:
    """What a variable holds is a number where a number is wanted, else text."""
    environ = {
        "N": "3",
        "T": "30s",
        "B": "false",
        "L": "[a, '7']",
        "S": "{connect: 2s}",
    }

    assert value("server.workers", "${N}", tmp_path, **environ) == 3
    assert value("server.body_timeout", "${T}", tmp_path, **environ) == 30
    assert value("server.body_timeout", "${N}", tmp_path, **environ) == 3
    assert value("backends.a.tls.verify", "${B}", tmp_path, **environ) is False
    assert value("backends.a.type", "${N}", tmp_path, **environ) == "3"
    assert value("backends.a.api_key", "${N}", tmp_path, **environ) == Secret("3")
    assert value("backends.a.models", "${L}", tmp_path, **environ) == ("a", "7")
    assert value("backends.a.models", '["${N}"]', tmp_path, **environ) == ("3",)
    assert value("backends.a.timeouts", "${S}", tmp_path, **environ).connect == 2
    extra = value("backends.a.extra", '{x: "${N}", y: ["${N}"]}', tmp_path, **environ)
    assert extra == {"x": "3", "y": ["3"]}
    assert {type(extra["x"]), type(extra["y"][0])} == {str}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("a${A}b", "axb"),
        ("${A}${B}", "xy"),
        ("${C:-d}", "d"),
        ("${E:-d}", "d"),
        ("${A:-d}", "x"),
        ("${C:-}z", "z"),
        ("$${A}", "${A}"),
        ("$A $$A {A} $", "$A $$A {A} $"),
    ],
)
def test_fill(tmp_path: Path, text: str, filled: str) -> None:
    environ = {"A": "x", "B": "y", "E": ""}

    assert value("backends.a.type", f"'{text}'", tmp_path, **environ) == filled


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${C}${A}${D}", "environment variable C and D is not set"),
        ("${1}", "expected a name and } after ${"),
        ("${A", "expected a name and } after ${"),
        ("${A-b}", "expected a name and } after ${"),
    ],
)
def test_not_filled(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=r":3: backends\.a\.type: ") as caught:
        value("backends.a.type", f"'{text}'", tmp_path, A="x")

    assert message in str(caught.value)


@pytest.mark.parametrize(
    "path",
    [
        "server.workers",
        "server.body_timeout",
        "server.max_body",
        "server.listen",
        "server.cors_origins",
        "log.level",
        "backends.a.tls.verify",
        "backends.a.api_base_url",
        "backends.a.timeouts",
        "backends.a.extra",
        "routes",
        "backends",
    ],
)
def test_misplaced_secret(tmp_path: Path, path: str) -> None:
    """A key in the wrong place is not repeated in the message about it."""
    key = "*topsecret {["
    with pytest.raises(ConfigError) as caught:
        value(path, "${KEY}", tmp_path, KEY=key)

    assert "topsecret" not in str(caught.value)


def test_nothing_set_is_the_default(tmp_path: Path) -> None:
    assert value("server", "{}", tmp_path) == Settings().server
