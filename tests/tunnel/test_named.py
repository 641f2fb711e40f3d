"""The files of a tunnel that has a name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.kernel.settings import Settings, SettingsError, read_settings
from twisted_aigate.tunnel.named import NamedTunnel, read_named_tunnel
from twisted_aigate.tunnel.plan import TunnelPlan, plan_tunnel

US = "http://127.0.0.1:4100"
ID = "6ff42ae2-765d-4adf-8112-31c55c1551ef"
CREDENTIALS = {"AccountTag": "tag", "TunnelSecret": "c2VjcmV0", "TunnelID": ID}
SEED = f"""
tunnel: {ID}
credentials-file: /etc/cloudflared/credentials.json
ingress:
  - hostname: aigate.example.com
    service: http://nginx:4000
  - service: http_status:404
"""


class FilesCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.config = self.folder / "config.yml"
        self.credentials = self.folder / "credentials.json"
        self.config.write_text(SEED)
        self.credentials.write_text(json.dumps(CREDENTIALS))

    def settings(self, **variables: str) -> Settings:
        files = {
            "CLOUDFLARED_CONFIG": str(self.config),
            "CLOUDFLARED_CREDS": str(self.credentials),
        }
        return read_settings({"LITELLM_MASTER_KEY": "sk", "CLOUDFLARED": "1", **files, **variables})

    def named(self) -> NamedTunnel:
        named = read_named_tunnel(self.settings().tunnel)
        assert named is not None
        return named

    def refused(self, **variables: str) -> str:
        error = self.assertRaises(
            SettingsError, read_named_tunnel, self.settings(**variables).tunnel
        )
        self.assertNotIn("\n", str(error))
        return str(error)


class DerivedTests(FilesCase):
    def derived(self, config: dict[str, Any]) -> dict[str, Any]:
        self.config.write_text(json.dumps(config))
        return self.named().config_for(US)

    def services(self, *services: str) -> list[str]:
        rules = [{"hostname": "a.example.com", "service": service} for service in services]
        return [rule["service"] for rule in self.derived({"ingress": rules})["ingress"]]

    def test_the_example_of_the_seed_leads_here(self) -> None:
        named = self.named()
        self.assertEqual(
            named.config_for(US),
            {
                "tunnel": ID,
                "credentials-file": str(self.credentials),
                "ingress": [
                    {"hostname": "aigate.example.com", "service": US},
                    {"service": "http_status:404"},
                ],
            },
        )
        self.assertEqual(named.urls(US), ("https://aigate.example.com",))
        self.assertTrue(named.leads_here(US))

    def test_only_the_front_door_among_containers_is_us(self) -> None:
        others = [
            "http://localhost:4000",
            "http://127.0.0.1:4000",
            "http://nginx:8080",
            "http://nginx",
            "https://nginx:4000",
            "http://gate.example.com:4000",
            "http://[::1]:4000",
            "http://nginx:port",
            "tcp://nginx:4000",
            "unix:/run/nginx:4000",
            "hello_world",
        ]
        self.assertEqual(self.services(*others, "http://aigate:4000/"), [*others, US])

    def test_the_rest_of_a_rule_and_of_the_file_stays(self) -> None:
        rule = {"service": "http://nginx:4000", "path": "/v1", "originRequest": {"noTLSVerify": 1}}
        derived = self.derived({"ingress": [rule], "protocol": "http2"})
        self.assertEqual(derived["ingress"], [{**rule, "service": US}])
        self.assertEqual(derived["protocol"], "http2")

    def test_without_rules_all_comes_here(self) -> None:
        for config in ({}, {"url": "http://nginx:4000"}):
            derived = self.derived({"tunnel": "mine", **config})
            self.assertEqual((derived["url"], derived["tunnel"]), (US, "mine"))
            self.assertTrue(self.named().leads_here(US))

    def test_rules_that_lead_elsewhere_are_noticed(self) -> None:
        self.services("http://localhost:3000")
        self.assertFalse(self.named().leads_here(US))
        self.assertEqual(self.named().urls(US), ())
        self.derived({"url": "http://localhost:3000"})
        self.assertFalse(self.named().leads_here(US))

    def test_the_credentials_name_the_tunnel_that_the_configuration_does_not(self) -> None:
        self.assertEqual(self.derived({"protocol": "http2"})["tunnel"], ID)


class RefusalTests(FilesCase):
    def test_each_file_needs_the_other(self) -> None:
        self.assertIn("CLOUDFLARED_CREDS: a file is needed", self.refused(CLOUDFLARED_CREDS=""))
        self.assertIn("CLOUDFLARED_CONFIG: a file is needed", self.refused(CLOUDFLARED_CONFIG=""))

    def test_a_file_that_is_missing(self) -> None:
        for name in ("CLOUDFLARED_CONFIG", "CLOUDFLARED_CREDS"):
            said = self.refused(**{name: "/nowhere/file"})
            self.assertEqual(said, f"{name}: /nowhere/file: No such file or directory")

    def test_a_configuration_that_is_none(self) -> None:
        for text in ("- a\n- b\n", "a: [", "ingress: {a: b}", "ingress: [a]"):
            self.config.write_text(text)
            self.assertTrue(self.refused().startswith(f"CLOUDFLARED_CONFIG: {self.config}: "))
        self.config.write_bytes(b"\xff\xfe")
        self.assertIn("not UTF-8", self.refused())

    def test_credentials_that_are_none_are_not_repeated(self) -> None:
        for text in ("", "{}", '{"TunnelID": "x", "TunnelSecret": 123456}', "[]"):
            self.credentials.write_text(text)
            said = self.refused()
            self.assertTrue(said.startswith(f"CLOUDFLARED_CREDS: {self.credentials}: not a tunnel"))
            self.assertNotIn("123456", said)


class PlanTests(FilesCase):
    def test_it_is_off_unless_it_is_switched_on(self) -> None:
        off = self.settings(CLOUDFLARED="0", CLOUDFLARED_CREDS="/nowhere")
        self.assertEqual(plan_tunnel(off, lambda name: "/bin/it"), "CLOUDFLARED is not 1")

    def test_a_missing_program_is_said(self) -> None:
        reason = plan_tunnel(self.settings(), lambda name: None)
        assert isinstance(reason, str)
        self.assertIn("cloudflared is not installed", reason)
        self.assertNotIn("\n", reason)

    def test_without_files_it_is_a_quick_one(self) -> None:
        settings = self.settings(CLOUDFLARED_CONFIG="", CLOUDFLARED_CREDS="")
        plan = plan_tunnel(settings, lambda name: f"/bin/{name}")
        self.assertEqual(plan, TunnelPlan("/bin/cloudflared", None))
