"""The commands, and a configuration that is wrong."""

from __future__ import annotations

import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from shutil import rmtree

from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.server import environment

_BIN = Path(sys.executable).parent


class CommandTests(SynchronousTestCase):
    """C{aigate init}, C{check}, and starts that fail."""

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(rmtree, self.folder)

    def run_command(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run one of our commands in the folder."""
        return subprocess.run(
            [str(_BIN / command[0]), *command[1:]],
            cwd=self.folder,
            env=environment(LOCAL_MODELS="0", **variables),
            capture_output=True,
            text=True,
            timeout=30,
        )

    def test_init(self) -> None:
        """It writes a secret that only its owner can read, once."""
        self.assertEqual(self.run_command("aigate", "init").returncode, 0)
        path = self.folder / ".env"
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        written = path.read_text()
        self.assertRegex(written, r"(?m)^LITELLM_MASTER_KEY=sk-[\w-]{40,}$")
        self.assertEqual(self.run_command("aigate", "init").returncode, 0)
        self.assertEqual(path.read_text(), written)

    def test_check(self) -> None:
        """It prints what is in force, the file's values too, and masks secrets."""
        (self.folder / ".env").write_text("AIGATE_PORT=4321\nLITELLM_MASTER_KEY=sk-in-file\n")
        done = self.run_command("aigate", "check", SHUTDOWN_GRACE="1m")
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.splitlines()
        for line in ("AIGATE_PORT=4321", "SHUTDOWN_GRACE=60", "LITELLM_MASTER_KEY=****"):
            self.assertIn(line, lines)
        self.assertNotIn("sk-in-file", done.stdout)

    def test_wrong_values(self) -> None:
        """A wrong value stops the start with one line that names it and does not repeat it."""
        for command in (("aigate", "run"), ("aigate", "check"), ("twistd", "-n", "aigate")):
            done = self.run_command(*command, LITELLM_MASTER_KEY="sk-1", AIGATE_PORT="four")
            self.assertEqual(done.returncode, 1)
            said = done.stdout + done.stderr
            self.assertIn("AIGATE_PORT: not a port; allowed: a number from 1 to 65535", said)
            self.assertNotIn("Traceback", said)

    def test_no_key(self) -> None:
        """Without a key nothing starts."""
        done = self.run_command("aigate", "run")
        self.assertEqual(done.returncode, 1)
        self.assertIn("LITELLM_MASTER_KEY: a secret is needed", done.stdout + done.stderr)

    def test_port_in_use(self) -> None:
        """A port that is taken is said in a line."""
        with socket.socket() as taken:
            taken.bind(("0.0.0.0", 0))
            taken.listen()
            port = str(taken.getsockname()[1])
            done = self.run_command("aigate", "run", LITELLM_MASTER_KEY="sk-1", AIGATE_PORT=port)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"cannot listen on tcp:{port}", done.stdout + done.stderr)
        self.assertNotIn("Traceback", done.stdout + done.stderr)

    def test_config_file(self) -> None:
        """A LiteLLM file that cannot be used, and one that has more than we know."""
        path = self.folder / "config.yaml"
        path.write_text("model_list: [{model_name: x, litellm_params: {model: nobody/y}}]")
        variables = {"LITELLM_MASTER_KEY": "sk-1", "AIGATE_CONFIG": str(path)}
        done = self.run_command("aigate", "check", **variables)
        self.assertEqual(done.returncode, 1)
        self.assertIn("the provider 'nobody' is not known", done.stderr)
        path.write_text("litellm_settings: {set_verbose: true}\nguardrails: []\n")
        done = self.run_command("aigate", "check", **variables)
        for key in ("litellm_settings.set_verbose", "guardrails"):
            self.assertIn(f"not supported, without effect: {key}\n", done.stdout)
