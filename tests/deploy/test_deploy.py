"""What an operator copies from C{deploy/}: that it is whole, and that it fits what there is."""

from __future__ import annotations

import fnmatch
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import mkdtemp
from unittest import skipUnless

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.gateway.tree import read_cache_plan, read_catalogue
from twisted_aigate.kernel.settings import Settings, declared, load, read_settings
from twisted_aigate.kernel.settings.config_file import parse_yaml
from twisted_aigate.mcp.client.config import configured_servers
from twisted_aigate.platform import unknown_sections
from twisted_aigate.storage.buckets import configured_storage

_ROOT = Path(__file__).parents[2]
_DEPLOY = _ROOT / "deploy"
_COPIED = re.compile(r"(?m)^COPY (?!--from)(.+)$")


def _read(name: str) -> str:
    return (_DEPLOY / name).read_text("utf-8")


class UnitTests(SynchronousTestCase):
    @skipUnless(
        shutil.which("systemd-analyze"), "NOT TESTED: systemd is missing: apt-get install systemd"
    )
    def test_systemd_has_nothing_to_say_about_the_units(self) -> None:
        folder = Path(mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        program = Path(sys.executable).with_name("twistd")
        for name in ("aigate.service", "aigate.socket"):
            # It wants to see the program.
            text = _read(name).replace("/opt/aigate/.venv/bin/aigate", str(program))
            (folder / name).write_text(text)
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", *map(str, sorted(folder.iterdir()))],
            capture_output=True,
            text=True,
            timeout=60,
        )
        ours = [line for line in done.stderr.splitlines() if "aigate" in line]
        self.assertEqual((done.returncode, ours), (0, []))

    def test_there_is_time_to_finish(self) -> None:
        grace = read_settings({"LITELLM_MASTER_KEY": "sk"}).edge.shutdown_grace
        [seconds] = re.findall(r"(?m)^TimeoutStopSec=(\d+)$", _read("aigate.service"))
        self.assertGreater(int(seconds), grace)
        compose = parse_yaml(_read("compose.yaml"))
        period = compose["services"]["aigate"]["stop_grace_period"]
        self.assertGreater(int(period.removesuffix("s")), grace)


class ImageTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.text = _read("Dockerfile")

    def test_what_is_copied_is_there_and_reaches_the_build(self) -> None:
        kept = re.findall(r"(?m)^!(.+)$", _read("Dockerfile.dockerignore"))
        copied = [path for line in _COPIED.findall(self.text) for path in line.split()[:-1]]
        self.assertIn("twisted_aigate", copied)
        for path in copied:
            self.assertTrue((_ROOT / path).exists(), path)
            self.assertTrue(any(fnmatch.fnmatch(path, pattern) for pattern in kept), path)

    def test_what_the_package_is_built_from_is_copied(self) -> None:
        for name in re.findall(
            r"(?m)^(?:long_description = file:|license_files =) *(\S+)",
            (_ROOT / "setup.cfg").read_text("utf-8"),
        ):
            self.assertRegex(self.text, rf"(?m)^COPY .*\b{re.escape(name)}\b")

    def test_claude_code_is_of_the_same_version_as_elsewhere(self) -> None:
        [version] = re.findall(r"(?m)^CLAUDE_CODE := (\S+)$", (_ROOT / "Makefile").read_text())
        self.assertIn(f"ARG CLAUDE_CODE={version}\n", self.text)

    def test_it_does_not_run_as_root_and_says_how_it_is(self) -> None:
        last = self.text.rpartition("\nFROM ")[2]
        self.assertRegex(last, r"(?m)^USER aigate$")
        self.assertRegex(last, r"(?m)^HEALTHCHECK .*\\\n +CMD .*/health/liveliness")
        [check] = re.findall(r'CMD \["python", "-c", "(.+)"\]', last)
        compile(check, "the health check", "exec")

    def test_compose_builds_it(self) -> None:
        build = parse_yaml(_read("compose.yaml"))["services"]["aigate"]["build"]
        self.assertTrue((_DEPLOY / build["context"] / build["dockerfile"]).is_file())


class ExampleTests(SynchronousTestCase):
    def test_the_variables_of_the_environment_are_ones_that_there_are(self) -> None:
        lines = re.findall(r"(?m)^#?([A-Z][A-Z0-9_]+)=(.*)$", _read("env.example"))
        known = {name for name, _ in declared(Settings)}
        providers = {name for name, _ in lines if name.endswith("_API_KEY")}
        self.assertEqual({name for name, _ in lines} - known - providers, set())
        for name, value in lines:
            read_settings({"LITELLM_MASTER_KEY": "sk", name: value or "x"})

    def test_it_has_no_secret_that_everybody_knows(self) -> None:
        for name, value in re.findall(r"(?m)^([A-Z0-9_]+)=(.*)$", _read("env.example")):
            self.assertEqual(value, "", name)

    def test_all_of_the_configuration_has_an_effect(self) -> None:
        variables = {
            "LITELLM_MASTER_KEY": "sk",
            "AIGATE_CONFIG": str(_DEPLOY / "config.example.yaml"),
        }
        for name in re.findall(r"os\.environ/(\w+)", _read("config.example.yaml")):
            variables[name] = "sk-0123456789"
        configuration = load(variables, _DEPLOY)
        catalogue, _, unsupported = read_catalogue(configuration, [], [])
        self.assertEqual([*unsupported, *unknown_sections(configuration)], [])
        self.assertLessEqual({"gpt", "llama", "claude", "fast"}, set(catalogue.names))
        read_cache_plan(configuration)
        names = {bucket.name for bucket in configured_storage(configuration).buckets}
        self.assertIn("private", names)
        self.assertEqual(len(configured_servers(configuration, frozenset())), 1)

    def test_who_vouches_for_a_certificate_is_told_with_it(self) -> None:
        """Of C{certKey} one certificate counts; without the others clients refuse it."""
        for path in (_DEPLOY / "env.example", _ROOT / "docs" / "deploy.md"):
            [endpoint] = re.findall(r"AIGATE_LISTEN=(ssl:\S+)", path.read_text("utf-8"))
            self.assertIn(":certKey=/etc/aigate/cert.pem:extraCertChain=", endpoint)

    def test_a_proxy_leaves_request_ids_to_the_client(self) -> None:
        self.assertNotIn("X-Request-Id", _read("nginx.conf.example"))

    def test_proxies_close_before_we_do(self) -> None:
        """Otherwise a request may meet a connection that we are just closing."""
        for name in ("nginx.conf.example", "Caddyfile.example"):
            [seconds] = re.findall(r"keepalive(?:_timeout)? (\d+)s", _read(name))
            self.assertLess(int(seconds), 75)
