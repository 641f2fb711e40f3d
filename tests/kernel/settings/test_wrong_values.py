"""What an operator reads when a variable is wrong."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.kernel.settings import SettingsError, read_settings

KEY = {"LITELLM_MASTER_KEY": "sk-test"}

WRONG = {
    "AIGATE_PORT": ("a port", "1 to 65535", ("0", "65536", "-1", "http", "4000.5", "sk-4000")),
    "MAX_BODY_SIZE": ("a size", "10MB", ("50 apples", "-1", "10TB", "9" * 400)),
    "SHUTDOWN_GRACE": ("a duration", "30s", ("soon", "-5s", "5 min", "9" * 400)),
    "TIMEOUT_API": ("a duration", "2d12h", ("never", "1h30")),
    "RATELIMIT_API": ("a rate", "off", ("0r/s", "fast", "10", "9" * 400 + "r/m")),
    "RATELIMIT_API_BURST": ("a count", "0 or more", ("-1", "many", "1.5")),
    "TRUSTED_PROXIES": ("networks", "CIDRs", ("10.0.0.0/33", "everyone", "10.0.0.0/8;::1")),
    "BROWSER": ("a switch", "1, 0", ("yes", "true", "2", "on")),
    "LOG_LEVEL": ("words", "debug, info, warn, error", ("loud", "INFO")),
    "LOG_FORMAT": ("words", "auto, text, json", ("xml",)),
    "LITELLM_UI_BASIC_AUTH": ("a login", "user:password", ("ada", ":secret", "ada:")),
    "REDIS_URL": ("a URL of Redis", "rediss://", ("cache:6379", "redis://cache/one")),
    "LITELLM_MASTER_KEY": (
        "a secret",
        "ASCII",
        ("with space", "schlüssel", "a\nb", "a\0"),
    ),
}


class WrongValueTests(SynchronousTestCase):
    def test_variable_kind_and_what_is_allowed_are_told_in_one_line(self) -> None:
        for name, (kind, allowed, values) in WRONG.items():
            for value in values:
                with self.assertRaises(SettingsError, msg=f"{name}={value!r}") as raised:
                    read_settings({**KEY, name: value})
                said = str(raised.exception)
                self.assertTrue(said.startswith(f"{name}: "), said)
                self.assertIn(kind, said)
                self.assertIn(allowed, said)
                self.assertEqual(len(said.splitlines()), 1)

    def test_the_value_is_never_repeated(self) -> None:
        for name in WRONG:
            with self.assertRaises(SettingsError) as raised:
                read_settings({**KEY, name: "sk very secret \xe4"})
            self.assertNotIn("very", str(raised.exception))
            self.assertIsNone(raised.exception.__cause__)
            self.assertTrue(raised.exception.__suppress_context__)

    def test_a_missing_key_is_told(self) -> None:
        for environment in ({}, {"LITELLM_MASTER_KEY": ""}):
            with self.assertRaises(SettingsError) as raised:
                read_settings(environment)
            self.assertIn("LITELLM_MASTER_KEY", str(raised.exception))
