from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.config import ConfigError, Problem, explain, load

if TYPE_CHECKING:
    from pathlib import Path

KEYS_OF_ALL = st.sampled_from(
    [
        "server",
        "log",
        "backends",
        "routes",
        "default_backend",
        "listen",
        "workers",
        "api_keys",
        "max_body",
        "body_timeout",
        "type",
        "api_key",
        "models",
        "headers",
        "timeouts",
        "tls",
        "extra",
        "model",
        "to",
        "<<",
        "*a",
    ]
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        [
            "${A}",
            "${B:-c}",
            "${",
            "$${",
            "file:/",
            "credential:x",
            "sha256:00",
            "2s",
            "5MiB",
            ":80",
            "[::1]:1",
            "a:b",
            "http://h",
            "unix:/s",
            "*",
            "x*y",
            "http://[",
            "0x1f",
            "1:30",
            "2024-13-45",
            "!x",
            "&y",
            "*z",
        ]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS_OF_ALL, inner, max_size=4)
    ),
    max_leaves=20,
)


def written(value: object) -> str:
    """Write *value* as flow YAML; texts as they are, so that they may be anything."""
    match value:
        case dict():
            inner = ", ".join(f"{k}: {written(v)}" for k, v in value.items())
            return f"{{{inner}}}"
        case list():
            return f"[{', '.join(map(written, value))}]"
        case _:
            return str(value)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any")


def outcome(file: Path, environ: dict[str, str]) -> str | tuple[Problem, ...]:
    try:
        return explain(load(file, environ))
    except ConfigError as exc:
        return exc.problems


@settings(deadline=None)
@given(
    st.text() | VALUES.map(written) | st.binary(),
    st.dictionaries(
        st.sampled_from(
            [
                "SLUICEGATE_WORKERS",
                "SLUICEGATE_SERVER__LISTEN",
                "SLUICEGATE_BACKENDS__LAB",
                "SLUICEGATE_BACKENDS__LAB__API_KEY",
                "SLUICEGATE_BACKENDS__LAB__EXTRA__X",
                "A",
            ]
        ),
        st.text(st.characters(exclude_characters="\0")) | VALUES.map(written),
    ),
)
@example("server: {workers: 0x" + "f" * 5000 + "}", {})
@example("server: {workers: " + "9" * 5000 + "}", {})
@example("server: {body_timeout: .nan, keep_alive: -.inf}", {})
@example("[" * 2000, {})
@example("[" * 500 + "]" * 500, {})
@example("a: &a [*a]", {})
@example("&a {<<: *a}", {})
@example("a: !!int x", {})
@example("a: !!int ''", {})
@example("a: !!bool x", {})
@example("a: 2024-13-45", {})
@example("{}", {"SLUICEGATE_WORKERS": "\udcff"})
@example("server: {listen: '${A}'}", {"A": "unix:/\udcff"})
def test_any_text(folder: Path, text: str | bytes, environ: dict[str, str]) -> None:
    """Whatever is written, it gives settings or tells what is wrong with it."""
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    file = folder / "c.yaml"
    file.write_bytes(raw)

    result = outcome(file, environ)

    assert result
    assert all(problem.message for problem in result if isinstance(problem, Problem))
