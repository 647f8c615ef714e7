"""The command line: ``sluicegate serve``, and all else that it can do."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import gateway
from gateway.garbage import starting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.registry import Registry
    from gateway.settings import Settings

# Conventional for a wrong configuration (sysexits.h).
EX_CONFIG = 78


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    with starting():
        return _run(options)


def _run(options: argparse.Namespace) -> int:
    # Only now: nobody has to wait for these to be told of a mistyped flag.
    from gateway.config import ConfigError
    from gateway.domain.errors import ConfigurationError

    try:
        status: int = options.run(options)
    except (ConfigError, ConfigurationError) as exc:
        print(exc, file=sys.stderr)
        return EX_CONFIG
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `sluicegate tail | head`
        # Or Python would complain about the same at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sluicegate", description="A streaming gateway in front of every LLM API."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="start the gateway")
    _settings_options(serve)
    serve.add_argument(
        "--profile",
        type=_picture,
        metavar="FILE",
        help="at the end, write where CPU time went: FILE.svg or FILE.html",
    )
    serve.set_defaults(run=_serve)

    check = commands.add_parser("check", help="check a configuration and show it")
    check.add_argument("file", type=Path, nargs="?", metavar="FILE", help="--config")
    _settings_options(check)
    check.set_defaults(run=_check, error=check.error)

    routes = commands.add_parser("routes", help="show which model goes where")
    _settings_options(routes)
    routes.add_argument("model", nargs="?", help="show only where this one goes")
    routes.set_defaults(run=_routes)

    models = commands.add_parser("models", help="ask for all models, and show them")
    _settings_options(models)
    models.add_argument("--url", help="ask the gateway that runs there instead")
    models.add_argument("--key-env", metavar="NAME", help="variable with a key for it")
    models.add_argument("--json", action="store_true", help="a JSON array")
    models.set_defaults(run=_models)

    tail = commands.add_parser("tail", help="show finished exchanges as they come")
    tail.add_argument("--url", default="http://127.0.0.1:8080", help="the gateway's")
    tail.add_argument("--key-env", metavar="NAME", help="variable with an admin key")
    tail.add_argument("--json", action="store_true", help="one JSON object a line")
    tail.set_defaults(run=_tail)

    connectors = commands.add_parser("connectors", help="show what is installed")
    connectors.add_argument("--json", action="store_true", help="a JSON array")
    connectors.set_defaults(run=_connectors)

    importing = commands.add_parser(
        "import", help="make a configuration of another gateway's"
    )
    importing.add_argument("gateway", choices=["litellm"], help="whose it is")
    importing.add_argument("file", type=Path, metavar="FILE")
    importing.add_argument("-o", "--output", type=Path, help="instead of to stdout")
    importing.add_argument("--force", action="store_true", help="replace that file")
    importing.set_defaults(run=_import)

    version = commands.add_parser("version", help="show the version")
    version.set_defaults(run=_version)
    return parser


def _settings_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        default=os.environ.get("SLUICEGATE_CONFIG"),
        help="the YAML file; without one the gateway uses what it finds",
    )
    parser.add_argument(
        "--listen",
        action="append",
        metavar="ADDRESS",
        help="host:port or unix:/path; may be given several times",
    )
    parser.add_argument("--workers", metavar="N", help="processes that serve")
    parser.add_argument("--log-level", metavar="LEVEL", help="debug ... error")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="PATH=VALUE",
        help="any setting, such as server.max_body=1MiB",
    )


def _picture(text: str) -> Path:
    """Return the file that can be written at the end, as far as one can tell now."""
    file = Path(text)
    if file.suffix not in (".svg", ".html"):
        raise argparse.ArgumentTypeError("expected a name that ends in .svg or .html")
    if file.is_dir() or not os.access(file.parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"{text} cannot be written")
    return file


def _load(options: argparse.Namespace, registry: Registry) -> Settings:
    from gateway.config import load

    flags = [("server.listen", address) for address in options.listen or ()]
    if options.workers is not None:
        flags.append(("server.workers", options.workers))
    if options.log_level is not None:
        flags.append(("log.level", options.log_level))
    for text in options.set:
        path, sign, value = text.partition("=")
        if not sign:
            raise SystemExit("sluicegate: --set: expected PATH=VALUE")
        flags.append((path, value))
    file = Path(options.config) if options.config else None
    return load(file, os.environ, flags, partial(registry.check, environ=os.environ))


def _serve(options: argparse.Namespace) -> int:
    from gateway.registry import installed
    from gateway.serving import run

    registry = installed()
    return run(_load(options, registry), registry, options.profile)


def _check(options: argparse.Namespace) -> int:
    from gateway.config import explain
    from gateway.origins import notes
    from gateway.registry import installed

    registry = installed()
    options.config = options.file or options.config
    if not options.config:
        options.error("a FILE is required")
    settings = _load(options, registry)
    print(explain(settings, notes(settings, registry, os.environ)), end="")
    return 0


def _routes(options: argparse.Namespace) -> int:
    import asyncio

    from gateway.registry import installed
    from gateway.routing_table import show

    registry = installed()
    settings = _load(options, registry)
    return asyncio.run(show(settings, registry, options.model))


def _models(options: argparse.Namespace) -> int:
    import asyncio

    from gateway import log
    from gateway.models_table import show, show_of
    from gateway.registry import installed

    if options.url:
        key = _key(options)
        return asyncio.run(show_of(options.url, key, as_json=options.json))
    registry = installed()
    settings = _load(options, registry)
    log.set_up(settings.log)
    return asyncio.run(show(settings, registry, as_json=options.json))


def _tail(options: argparse.Namespace) -> int:
    import asyncio

    from gateway.tail import follow

    return asyncio.run(follow(options.url, _key(options), as_json=options.json))


def _key(options: argparse.Namespace) -> str | None:
    """Return what is in the variable that ``--key-env`` names, if it does."""
    key = os.environ.get(options.key_env) if options.key_env else None
    if options.key_env and not key:
        raise SystemExit(f"sluicegate: {options.key_env} is not set")
    return key


def _connectors(options: argparse.Namespace) -> int:
    from gateway.connectors_table import show
    from gateway.registry import installed

    with redirect_stdout(sys.stderr):  # what is said of a broken package
        text = show(installed().offers(), as_json=options.json)
    print(text, end="")
    return 0


def _import(options: argparse.Namespace) -> int:
    from gateway.importing.command import run

    return run(options.file, options.output, force=options.force)


def _version(_options: argparse.Namespace) -> int:
    print(f"sluicegate {gateway.__version__}")
    return 0
