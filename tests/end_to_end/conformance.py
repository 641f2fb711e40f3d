"""The official conformance suite of MCP, which C{make test} installs beside Python."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import SkipTest

from attrs import frozen

from tests.end_to_end.server import environment

_TIMEOUT = 100.0


@frozen
class Check:
    """
    Something that the suite has looked at.

    @ivar status: C{SUCCESS}, C{WARNING}, C{FAILURE}, C{INFO} or C{SKIPPED}.
    """

    scenario: str
    id: str
    status: str
    message: str


def conformance(*arguments: str) -> list[Check]:
    """
    Run the suite.

    @param arguments: Its command and options.
    @raise SkipTest: It is not installed.
    """
    programs = Path(sys.executable).parents[1] / "mcp-conformance" / "node_modules" / ".bin"
    if not (programs / "conformance").exists():
        raise SkipTest("NOT TESTED: MCP's conformance suite is missing: make mcp-conformance")
    folder = Path(tempfile.mkdtemp(prefix="aigate-conformance-"))
    try:
        ended = subprocess.run(
            [programs / "node", programs / "conformance", *arguments, "-o", folder],
            env=environment(),
            cwd=Path(__file__).parents[2],
            capture_output=True,
            timeout=_TIMEOUT,
            check=False,
        )
        found = [check for path in sorted(folder.glob("*/checks.json")) for check in _checks(path)]
        assert found, f"nothing was checked: {ended.stdout!r} {ended.stderr!r}"
        return found
    finally:
        shutil.rmtree(folder)


def _checks(path: Path) -> list[Check]:
    scenario = path.parent.name.rpartition("-20")[0]
    return [
        Check(scenario, check["id"], check["status"], check.get("errorMessage", ""))
        for check in json.loads(path.read_text())
    ]
