"""A real server with a stand-in for cloudflared, which checks what it is started with."""

from __future__ import annotations

import json
import os
import select
import signal
import tempfile
from pathlib import Path
from shutil import rmtree

from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.server import Server
from twisted_aigate.kernel.settings.config_file import parse_yaml

_STAND_IN = """#!/bin/sh
here=$(dirname "$0")
echo "$@" >>"$here/arguments"
env >"$here/environment"
echo $$ >>"$here/pids"
echo '2026-11-27T10:00:00Z INF Requesting new quick Tunnel on trycloudflare.com...' >&2
echo '2026-11-27T10:00:00Z INF |  https://stand-in.trycloudflare.com  |' >&2
echo '2026-11-27T10:00:01Z INF Registered tunnel connection connIndex=0' >&2
exec sleep 600
"""
_CONFIG = """
tunnel: mine
ingress:
  - {hostname: aigate.example.com, service: "http://nginx:4000"}
  - {service: "http_status:404"}
"""


class TunnelTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(rmtree, self.folder)
        program = self.folder / "cloudflared"
        program.write_text(_STAND_IN)
        program.chmod(0o755)
        self.config = self.folder / "config.yml"
        self.config.write_text(_CONFIG)
        self.credentials = self.folder / "credentials.json"
        self.credentials.write_text(json.dumps({"TunnelID": "id", "TunnelSecret": "secret"}))

    def start(self, path: str | None = None, **variables: str) -> Server:
        path = f"{self.folder}:{os.environ['PATH']}" if path is None else path
        server = Server(CLOUDFLARED="1", PATH=path, TUNNEL_LOGLEVEL="debug", **variables)
        self.addCleanup(server.stop)
        return server

    def arguments(self) -> list[str]:
        return (self.folder / "arguments").read_text().splitlines()

    def pids(self) -> list[int]:
        return [int(pid) for pid in (self.folder / "pids").read_text().split()]

    def test_a_quick_tunnel(self) -> None:
        """It is told where we are, its URL is logged, it comes back, and it ends with us."""
        server = self.start().wait_until_up()
        server.wait_for_log("reaches this server at https://stand-in.trycloudflare.com")
        url = f"http://127.0.0.1:{server.port}"
        self.assertEqual(self.arguments(), [f"tunnel --no-autoupdate --url {url}"])
        environment = (self.folder / "environment").read_text()
        self.assertIn("TUNNEL_LOGLEVEL=debug", environment)
        self.assertNotIn("MASTER_KEY", environment)
        os.kill(self.pids()[0], signal.SIGKILL)
        server.wait_for_log(r"cloudflared has ended \(signal 9: .*\); it is started anew in \d")
        server.wait_for_log(r"(?s)(reaches this server.*){2}")
        self.assertEqual(server.terminate(), 0)
        for pid in self.pids():
            with self.assertRaises(ProcessLookupError):
                os.kill(pid, 0)

    def test_it_does_not_outlive_a_server_that_is_killed(self) -> None:
        """Nor would there be two of them after the next start."""
        server = self.start().wait_until_up()
        server.wait_for_log("Registered tunnel connection")
        [pid] = self.pids()
        descriptor = os.pidfd_open(pid)
        self.addCleanup(os.close, descriptor)
        server.kill()
        ended, _, _ = select.select([descriptor], [], [], 10)
        self.assertTrue(ended)

    def test_a_tunnel_with_a_name(self) -> None:
        """Its configuration leads here."""
        files = {
            "CLOUDFLARED_CONFIG": str(self.config),
            "CLOUDFLARED_CREDS": str(self.credentials),
        }
        server = self.start(**files).wait_until_up()
        server.wait_for_log("reaches this server at https://aigate.example.com")
        derived = server.folder / "data" / "tunnel" / "config.yml"
        server.wait_for_log("Registered tunnel connection")
        self.assertEqual(self.arguments(), [f"tunnel --no-autoupdate --config {derived} run"])
        config = parse_yaml(derived.read_text())
        self.assertEqual(config["ingress"][0]["service"], f"http://127.0.0.1:{server.port}")
        self.assertEqual(config["credentials-file"], str(self.credentials))

    def test_files_that_are_missing(self) -> None:
        """The start ends with a line."""
        server = self.start(CLOUDFLARED_CONFIG=str(self.config), CLOUDFLARED_CREDS="/nowhere/c")
        self.assertEqual(server.process.wait(20), 1)
        self.assertIn("CLOUDFLARED_CREDS: /nowhere/c: No such file or directory", server.log)
        self.assertNotIn("Traceback", server.log)

    def test_the_program_is_missing(self) -> None:
        """All else runs."""
        server = self.start("/usr/bin:/bin").wait_until_up()
        server.wait_for_log("off: tunnel: cloudflared is not installed; put it on the PATH: http")

    def test_nowhere_to_come_to(self) -> None:
        """Without a plain port there is none."""
        server = self.start(AIGATE_LISTEN=f"unix:{self.folder}/socket")
        server.wait_for_log("off: tunnel: AIGATE_LISTEN has no plain tcp: endpoint")
        self.assertFalse((self.folder / "arguments").exists())
