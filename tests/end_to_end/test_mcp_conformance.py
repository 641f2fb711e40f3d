"""The official conformance suite against our server class."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from unittest import TestCase

from tests.end_to_end.conformance import conformance

SERVER_SCENARIOS = 32


class ServerConformanceTests(TestCase):
    """Our server, with the suite's fixtures on it."""

    def test_all_scenarios(self) -> None:
        """Each of them without a failure or a warning."""
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.mcp.everything"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=Path(__file__).parents[2],
        )
        try:
            assert server.stdout is not None
            url = server.stdout.readline().decode().strip()
            checks = conformance("server", "--url", url, "--suite", "all")
        finally:
            server.kill()
            server.communicate()
        bad = [check for check in checks if check.status in ("FAILURE", "WARNING")]
        self.assertEqual(bad, [])
        scenarios = {check.scenario for check in checks if check.status == "SUCCESS"}
        self.assertEqual(len(scenarios), SERVER_SCENARIOS)


class ClientConformanceTests(TestCase):
    """Our client, with which other servers' tools are used."""

    def test_scenarios(self) -> None:
        """It begins as it should, calls tools, and takes streams up again in time."""
        command = f"{sys.executable} -m tests.mcp.client.program"
        for scenario in ("initialize", "tools_call", "sse-retry"):
            with self.subTest(scenario):
                checks = conformance("client", "--command", command, "--scenario", scenario)
                bad = [check for check in checks if check.status == "FAILURE"]
                self.assertEqual(bad, [])
                self.assertTrue([check for check in checks if check.status == "SUCCESS"])
