"""Every variable that the edge's contract names, and its default."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.kernel.settings import Settings, SettingsError, describe, read_settings
from twisted_aigate.kernel.units import DAY, HOUR, MB, MINUTE, Rate

KEY = {"LITELLM_MASTER_KEY": "sk-test"}


def read(**environment: str) -> Settings:
    return read_settings({**KEY, **environment})


class DefaultTests(SynchronousTestCase):
    def test_the_rate_limits_are_the_contracts(self) -> None:
        limits = read().edge.rate_limits
        for zone, per_minute, burst in (
            ("admin", 30, 20),
            ("api", 500, 30),
            ("storage", 60, 20),
            ("claudebox", 30, 10),
            ("browser", 30, 10),
            ("queue", 600, 30),
        ):
            self.assertEqual(getattr(limits, zone), Rate(per_minute / 60), zone)
            self.assertEqual(getattr(limits, f"{zone}_burst"), burst, zone)

    def test_the_timeouts_are_the_contracts(self) -> None:
        timeouts = read().edge.timeouts
        self.assertEqual(
            (timeouts.api, timeouts.claudebox, timeouts.browser, timeouts.admin),
            (600, 600, 600, 60),
        )

    def test_the_edge_is_the_contracts(self) -> None:
        edge = read().edge
        self.assertEqual((edge.port, edge.listen, edge.trusted_proxies), (4000, None, ()))
        self.assertEqual((edge.max_body_size, edge.shutdown_grace), (50 * MB, 30))

    def test_trees_are_on_when_their_needs_are_met_but_the_tunnel_is_off(self) -> None:
        switches = read().switches
        for tree in ("claudebox", "claudebox_zai", "storage", "browser"):
            self.assertIsNone(getattr(switches, tree), tree)
        self.assertIs(switches.tunnel, False)

    def test_all_state_lives_under_data_dir(self) -> None:
        self.assertEqual(read().data_dir, Path(".data"))
        self.assertEqual(read(DATA_DIR="/var/lib/aigate").data_dir, Path("/var/lib/aigate"))

    def test_no_configuration_file_is_read_unless_named(self) -> None:
        self.assertIsNone(read().config)
        self.assertEqual(read(AIGATE_CONFIG="/etc/c.yaml").config, Path("/etc/c.yaml"))

    def test_the_log_is_readable_or_json_by_itself(self) -> None:
        self.assertEqual((read().log_format, read().log_level), ("auto", "info"))


class VariableTests(SynchronousTestCase):
    """Each variable reaches the setting that it is named for."""

    def check(self, name: str, text: str, path: str, value: Any) -> None:
        found: Any = read(**{name: text})
        for part in path.split("."):
            found = getattr(found, part)
        self.assertEqual(found, value, name)

    def test_rates_and_bursts(self) -> None:
        for zone in ("admin", "api", "storage", "claudebox", "browser", "queue"):
            name, path = f"RATELIMIT_{zone.upper()}", f"edge.rate_limits.{zone}"
            self.check(name, "7r/s", path, Rate(7))
            self.check(name, "off", path, None)
            self.check(f"{name}_BURST", "3", f"{path}_burst", 3)
            self.check(f"{name}_BURST", "0", f"{path}_burst", 0)

    def test_timeouts(self) -> None:
        for tree in ("api", "claudebox", "browser", "admin"):
            self.check(f"TIMEOUT_{tree.upper()}", "2h", f"edge.timeouts.{tree}", 2 * HOUR)
            self.check(f"TIMEOUT_{tree.upper()}", "0", f"edge.timeouts.{tree}", 0)

    def test_switches(self) -> None:
        for name, tree in (
            ("CLAUDEBOX", "claudebox"),
            ("CLAUDEBOX_ZAI", "claudebox_zai"),
            ("HYBRIDS3", "storage"),
            ("BROWSER", "browser"),
            ("CLOUDFLARED", "tunnel"),
        ):
            self.check(name, "1", f"switches.{tree}", True)
            self.check(name, "0", f"switches.{tree}", False)

    def test_the_edge(self) -> None:
        self.check("AIGATE_PORT", "80", "edge.port", 80)
        self.check("AIGATE_LISTEN", "tcp:1;unix:x", "edge.listen", "tcp:1;unix:x")
        self.check("MAX_BODY_SIZE", "1GB", "edge.max_body_size", 1024 * MB)
        self.check("MAX_BODY_SIZE", "0", "edge.max_body_size", 0)
        self.check("SHUTDOWN_GRACE", "5m", "edge.shutdown_grace", 5 * MINUTE)

    def test_networks(self) -> None:
        networks = read(TRUSTED_PROXIES="10.0.0.0/8, fd00::/8,192.0.2.7").edge.trusted_proxies
        self.assertEqual([str(n) for n in networks], ["10.0.0.0/8", "fd00::/8", "192.0.2.7/32"])

    def test_local_models(self) -> None:
        self.check("LOCAL_MODELS", "0", "local_models.enabled", False)
        self.check("LOCAL_MODELS_IDLE", "1d", "local_models.idle", DAY)
        self.check("LOCAL_MODELS_QUEUE", "5", "local_models.queue", 5)


class AliasTests(SynchronousTestCase):
    def test_the_seeds_names_are_read_too(self) -> None:
        limits = read(RATELIMIT_PROXQ="1r/s", RATELIMIT_PROXQ_BURST="4").edge.rate_limits
        self.assertEqual((limits.queue, limits.queue_burst), (Rate(1), 4))
        self.assertEqual(read_settings({"AIGATE_MASTER_KEY": "sk-a"}).master_key.reveal(), "sk-a")

    def test_the_name_wins_over_its_alias(self) -> None:
        limits = read(RATELIMIT_PROXQ="1r/s", RATELIMIT_QUEUE="2r/s").edge.rate_limits
        self.assertEqual(limits.queue, Rate(2))

    def test_a_wrong_alias_is_named_as_it_was_written(self) -> None:
        with self.assertRaises(SettingsError) as raised:
            read(RATELIMIT_PROXQ="fast")
        self.assertIn("RATELIMIT_PROXQ", str(raised.exception))


class DescribeTests(SynchronousTestCase):
    def test_secrets_are_masked(self) -> None:
        shown = dict(describe(read()))
        self.assertEqual(shown["LITELLM_MASTER_KEY"], "****")
        self.assertNotIn("sk-test", str(shown) + repr(read()))

    def test_passwords_in_urls_are_masked(self) -> None:
        given = {
            "SELENIUM_GRID_URL": "http://me:secret@grid:4444/x@y",
            "STORAGE_S3_ENDPOINT": "https://secret@s3",
            "SEARXNG_URL": "http://127.0.0.1:8888/a@b",
        }
        shown = dict(describe(read(**given)))
        self.assertEqual(shown["SELENIUM_GRID_URL"], "http://****@grid:4444/x@y")
        self.assertEqual(shown["STORAGE_S3_ENDPOINT"], "https://****@s3")
        self.assertEqual(shown["SEARXNG_URL"], given["SEARXNG_URL"])

    def test_every_variable_is_there_once(self) -> None:
        names = [name for name, _ in describe(read())]
        self.assertEqual(len(names), len(set(names)))
        for name in ("AIGATE_PORT", "RATELIMIT_QUEUE_BURST", "TIMEOUT_ADMIN", "CLOUDFLARED"):
            self.assertIn(name, names)

    def test_values_are_shown_as_they_can_be_written(self) -> None:
        given = {
            "RATELIMIT_API": "30r/m",
            "TIMEOUT_API": "90",
            "MAX_BODY_SIZE": "1048576",
            "TRUSTED_PROXIES": "10.0.0.0/8,fd00::/8",
            "BROWSER": "0",
            "CLAUDEBOX": "1",
            "AIGATE_PORT": "81",
            "LOG_LEVEL": "warn",
        }
        shown = dict(describe(read(**given)))
        self.assertEqual({name: shown[name] for name in given}, given)

    def test_a_zone_that_is_off_is_shown_as_off(self) -> None:
        self.assertEqual(dict(describe(read(RATELIMIT_API="off")))["RATELIMIT_API"], "off")

    def test_what_is_not_set_is_shown_so(self) -> None:
        self.assertEqual(dict(describe(read()))["AIGATE_CONFIG"], "(unset)")
