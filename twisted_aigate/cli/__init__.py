"""The C{aigate} command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from twisted_aigate import __version__
from twisted_aigate.cli import bench, keys
from twisted_aigate.cli.local import check, init, run
from twisted_aigate.cli.table import CommandFailed
from twisted_aigate.kernel.settings import SettingsError


def main(arguments: Sequence[str] | None = None) -> int:
    """
    The command's entry point.

    @param arguments: Usually those of the command line.
    @return: The exit status.
    """
    asked = _parser().parse_args(arguments)
    try:
        if asked.command == "run":
            run()
        elif asked.command == "check":
            print(check(Path.cwd()))
        elif asked.command == "init":
            print(init(Path.cwd()))
        else:
            # What asks a running server needs a reactor: the others do without.
            from twisted_aigate.cli.server import ask_server

            print(ask_server(asked.url, asked.ask, asked))
    except (SettingsError, CommandFailed) as error:
        print(f"aigate: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="aigate", description=__doc__)
    parser.add_argument("--version", action="version", version=f"aigate {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="serve in the foreground")
    commands.add_parser("check", help="print the effective configuration, secrets masked")
    commands.add_parser("init", help="write .env with fresh secrets, if there is none")
    keys.add_parser(commands)
    bench.add_parser(commands)
    return parser
