"""Which instances a configuration makes, why one is off, and whose models answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.claudebox.accounts import NAME, ZAI, gateway_token, make_instance
from twisted_aigate.claudebox.instance import Instance
from twisted_aigate.kernel.secrets import Secret
from twisted_aigate.kernel.settings import Configuration, SettingsError, read_settings

_KEY = {"LITELLM_MASTER_KEY": "sk-master", "CLAUDE_BIN": "/bin/true", "DATA_DIR": "/data"}
_ANTHROPIC = {"CLAUDEBOX_API_TOKEN": "token", "CLAUDEBOX_ANTHROPIC_API_KEY": "key"}
_GATEWAY = {"CLAUDEBOX_API_TOKEN": "token", "CLAUDEBOX_BACKEND": "gateway"}
_ZAI = {"CLAUDEBOX_ZAI_API_TOKEN": "zai-token", "CLAUDEBOX_ZAI_AUTH_TOKEN": "zai-key"}


def make(name: str, *parts: dict[str, str], **more: str) -> Instance | str:
    environment = dict(_KEY)
    for part in (*parts, more):
        environment |= part
    return make_instance(Configuration(read_settings(environment), environment, {}), name)


def account(name: str, *parts: dict[str, str], **more: str) -> dict[str, Any]:
    """An account's variables, its secrets as text."""
    instance = make(name, *parts, **more)
    assert isinstance(instance, Instance), instance
    return {
        variable: value.reveal() if isinstance(value, Secret) else value
        for variable, value in instance.account.items()
    }


class OffTests(SynchronousTestCase):
    def off(self, name: str, *parts: dict[str, str], **more: str) -> str:
        reason = make(name, *parts, **more)
        assert isinstance(reason, str), reason
        self.assertNotIn("\n", reason)
        return reason

    def test_nothing_is_set(self) -> None:
        self.assertIn("CLAUDEBOX_API_TOKEN is not set", self.off(NAME))
        self.assertIn("CLAUDEBOX_ZAI_API_TOKEN is not set", self.off(ZAI))

    def test_without_an_account(self) -> None:
        reason = self.off(NAME, CLAUDEBOX_API_TOKEN="token")
        for variable in ("CLAUDE_CODE_OAUTH_TOKEN", "CLAUDEBOX_ANTHROPIC_API_KEY",
                         "CLAUDEBOX_BACKEND=gateway"):  # fmt: skip
            self.assertIn(variable, reason)
        reason = self.off(ZAI, CLAUDEBOX_ZAI_API_TOKEN="token")
        self.assertIn("CLAUDEBOX_ZAI_AUTH_TOKEN", reason)

    def test_neither_has_the_others_needs(self) -> None:
        self.off(NAME, _ZAI)
        self.off(ZAI, _ANTHROPIC)

    def test_switched_off(self) -> None:
        self.assertIn("CLAUDEBOX=0", self.off(NAME, _ANTHROPIC, CLAUDEBOX="0"))
        self.assertIn("CLAUDEBOX_ZAI=0", self.off(ZAI, _ZAI, CLAUDEBOX_ZAI="0"))

    def test_claude_code_is_not_installed(self) -> None:
        for name, needs in ((NAME, _ANTHROPIC), (ZAI, _ZAI)):
            reason = self.off(name, needs, CLAUDE_BIN="/nowhere/claude")
            self.assertIn("npm install -g @anthropic-ai/claude-code", reason)

    def test_switched_on_it_is_there_without_claude_code(self) -> None:
        for name, needs in ((NAME, _ANTHROPIC), (ZAI, _ZAI)):
            on = {"CLAUDEBOX": "1", "CLAUDEBOX_ZAI": "1", "CLAUDE_BIN": "/nowhere/claude"}
            self.assertIsInstance(make(name, needs, on), Instance)

    def test_switched_on_its_needs_must_be_met(self) -> None:
        for name, variable, missing in (
            (NAME, "CLAUDEBOX", "CLAUDEBOX_API_TOKEN"),
            (ZAI, "CLAUDEBOX_ZAI", "CLAUDEBOX_ZAI_API_TOKEN"),
        ):
            error = self.assertRaises(SettingsError, make, name, {variable: "1"})
            self.assertIn(f"{variable}: 1", str(error))
            self.assertIn(missing, str(error))


class AccountTests(SynchronousTestCase):
    def test_the_instance(self) -> None:
        for name, needs, token in ((NAME, _ANTHROPIC, "token"), (ZAI, _ZAI, "zai-token")):
            instance = make(name, needs)
            assert isinstance(instance, Instance)
            self.assertEqual((instance.name, instance.token), (name, Secret(token)))
            self.assertEqual(instance.folder, Path("/data", name))
            self.assertEqual(instance.binary, "/bin/true")

    def test_a_folder_that_is_relative(self) -> None:
        instance = make(NAME, _ANTHROPIC, DATA_DIR="data")
        assert isinstance(instance, Instance)
        self.assertEqual(instance.folder, Path.cwd() / "data/claudebox")

    def test_anthropics(self) -> None:
        self.assertEqual(account(NAME, _ANTHROPIC), {"ANTHROPIC_API_KEY": "key"})
        token = {"CLAUDEBOX_API_TOKEN": "token", "CLAUDE_CODE_OAUTH_TOKEN": "oauth"}
        self.assertEqual(account(NAME, token), {"CLAUDE_CODE_OAUTH_TOKEN": "oauth"})
        # Claude Code would take the key anyway: two ways at once are a warning of its own.
        self.assertEqual(account(NAME, token, _ANTHROPIC), {"ANTHROPIC_API_KEY": "key"})

    def test_one_like_anthropics(self) -> None:
        self.assertEqual(
            account(NAME, _ANTHROPIC, CLAUDEBOX_ANTHROPIC_BASE_URL="http://proxy:8080"),
            {"ANTHROPIC_BASE_URL": "http://proxy:8080", "ANTHROPIC_API_KEY": "key"},
        )

    def test_zais(self) -> None:
        self.assertEqual(
            account(ZAI, _ZAI, _ANTHROPIC, ZAI_SONNET_MODEL="glm-5"),
            {
                "ANTHROPIC_BASE_URL": "https://api.z.ai/api/anthropic",
                "ANTHROPIC_AUTH_TOKEN": "zai-key",
                "ANTHROPIC_DEFAULT_OPUS_MODEL": "glm-5.1",
                "ANTHROPIC_DEFAULT_SONNET_MODEL": "glm-5",
                "ANTHROPIC_DEFAULT_HAIKU_MODEL": "glm-4.5-air",
            },
        )
        other = account(ZAI, _ZAI, CLAUDEBOX_ZAI_BASE_URL="http://other")
        self.assertEqual(other["ANTHROPIC_BASE_URL"], "http://other")


class GatewayTests(SynchronousTestCase):
    def test_our_own_models(self) -> None:
        found = account(NAME, _GATEWAY, AIGATE_PORT="4001", CLAUDEBOX_GATEWAY_MODEL="big")
        token = found.pop("ANTHROPIC_AUTH_TOKEN")
        self.assertEqual(
            found,
            {
                "ANTHROPIC_BASE_URL": "http://127.0.0.1:4001",
                "ANTHROPIC_MODEL": "big",
                "ANTHROPIC_DEFAULT_OPUS_MODEL": "big",
                "ANTHROPIC_DEFAULT_SONNET_MODEL": "big",
                "ANTHROPIC_DEFAULT_HAIKU_MODEL": "big",
            },
        )
        self.assertEqual(Secret(token), gateway_token(read_settings(_KEY)))
        self.assertNotIn("master", token)

    def test_the_token_is_the_keys(self) -> None:
        token = gateway_token(read_settings(_KEY))
        self.assertEqual(token, gateway_token(read_settings(_KEY)))
        other = read_settings({**_KEY, "LITELLM_MASTER_KEY": "sk-other"})
        self.assertNotEqual(token, gateway_token(other))

    def test_an_account_is_not_used(self) -> None:
        found = account(NAME, _ANTHROPIC, _GATEWAY, CLAUDE_CODE_OAUTH_TOKEN="oauth")
        self.assertNotIn("ANTHROPIC_API_KEY", found)
        self.assertNotIn("CLAUDE_CODE_OAUTH_TOKEN", found)

    def test_where_we_listen_must_be_known(self) -> None:
        listen = {"AIGATE_LISTEN": "unix:/run/aigate"}
        error = self.assertRaises(SettingsError, make, NAME, _GATEWAY, listen)
        self.assertIn("CLAUDEBOX_ANTHROPIC_BASE_URL", str(error))
        url = {"CLAUDEBOX_ANTHROPIC_BASE_URL": "http://127.0.0.1:5000"}
        found = account(NAME, _GATEWAY, listen, url)
        self.assertEqual(found["ANTHROPIC_BASE_URL"], "http://127.0.0.1:5000")
