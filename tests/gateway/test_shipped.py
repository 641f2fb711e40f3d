"""The models that are in the list without a line of configuration."""

from __future__ import annotations

from pathlib import Path

from attrs import fields
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.gateway.catalogue import make_catalogue
from twisted_aigate.gateway.config_file import parse_sections
from twisted_aigate.gateway.deployments import Catalogue
from twisted_aigate.gateway.health import _CALLS, _TOO_DEAR
from twisted_aigate.gateway.providers.table import REMOTE
from twisted_aigate.gateway.shipped import SHIPPED
from twisted_aigate.kernel.settings import ConfigError, parse_config_file
from twisted_aigate.kernel.settings.model import ProviderSwitches

_DOCS = Path(__file__).parents[2] / "docs" / "providers.md"
_NAMES = {group.provider: [model.name for model in group.models] for group in SHIPPED}
_KEYED = {"GROQ_API_KEY": "gsk-1"}


def _catalogue(
    text: str = "", switches: dict[str, bool | None] | None = None, **environment: str
) -> Catalogue:
    config, _ = parse_sections(parse_config_file(text, environment))
    return make_catalogue(config, switches or {}, (), (), environment)


class ShippedTests(SynchronousTestCase):
    """Which are on, as what."""

    def test_switches(self) -> None:
        """On with the switch or the key, off without either, and off with the switch at 0."""
        groq = [*_NAMES["groq"], "default"]
        for switch, environment, names in (
            (None, {}, []),
            (None, {"GROQ_API_KEY": ""}, []),
            (None, _KEYED, groq),
            (True, {}, groq),
            (True, _KEYED, groq),
            (False, _KEYED, []),
        ):
            with self.subTest((switch, environment)):
                catalogue = _catalogue("", {"groq": switch}, **environment)
                self.assertEqual(catalogue.names, names)

    def test_deployment(self) -> None:
        """One is as if it had been configured."""
        text = "litellm_settings: {request_timeout: 30, drop_params: true}"
        [found] = _catalogue(text, **_KEYED).find("groq-gpt-oss-120b")
        assert found.origin is not None
        assert found.api_key is not None
        self.assertEqual((found.provider, found.model), ("groq", "openai/gpt-oss-120b"))
        self.assertEqual((found.origin.host, found.path), ("api.groq.com", "/openai/v1"))
        self.assertEqual(found.api_key.reveal(), "gsk-1")
        self.assertEqual((found.timeout, found.drop_params, found.mode), (30, True, "chat"))
        self.assertIs(found.info["supports_reasoning"], True)
        [found] = _catalogue(**_KEYED).find("groq-whisper-large-v3")
        self.assertEqual(found.mode, "audio_transcription")

    def test_local_servers(self) -> None:
        """Servers without keys are on with their address."""
        base = "http://speech.test:9000/v1"
        catalogue = _catalogue(SPEACHES_API_BASE=base)
        self.assertEqual(catalogue.names, _NAMES["speaches"])
        [found] = catalogue.find("speaches-kokoro")
        assert found.origin is not None
        self.assertEqual(
            (found.origin.host, found.path, found.api_key), ("speech.test", "/v1", None)
        )
        self.assertIn("ollama-llama3.2", _catalogue(OLLAMA_API_BASE=base).names)
        error = self.assertRaises(ConfigError, _catalogue, OLLAMA_API_BASE="nowhere")
        self.assertIn("ollama", str(error))

    def test_configured_names_win(self) -> None:
        """A model of that name in the configuration is the only one; it comes first."""
        text = "model_list: [{model_name: groq-orpheus, litellm_params: {model: openai/x}}]"
        catalogue = _catalogue(text, **_KEYED)
        self.assertEqual([each.model for each in catalogue.find("groq-orpheus")], ["x"])
        self.assertEqual(catalogue.names[0], "groq-orpheus")
        self.assertEqual(len(catalogue.names), len(_NAMES["groq"]) + 1)

    def test_default(self) -> None:
        """The first chat model of the first group that is on."""
        catalogue = _catalogue(GROQ_API_KEY="x", ANTHROPIC_API_KEY="y")
        self.assertEqual(catalogue.find("default")[0].model, SHIPPED[0].models[0].model)

    def test_known_modes(self) -> None:
        """A configured model that is in the list has its mode; what is said of it wins."""
        text = """
model_list:
  - {model_name: a, litellm_params: {model: openai/omni-moderation-latest}}
  - {model_name: b, litellm_params: {model: cohere/rerank-v3.5}}
  - {model_name: c, litellm_params: {model: openai/whisper-1}, model_info: {mode: chat}}
  - {model_name: d, litellm_params: {model: groq/whisper-1}}
"""
        modes = [deployment.mode for deployment in _catalogue(text)]
        self.assertEqual(modes[:4], ["moderation", "rerank", "chat", "chat"])

    def test_table(self) -> None:
        """Each group has a provider and a switch; names are there once, and modes are known."""
        switches = [attribute.name for attribute in fields(ProviderSwitches)]
        self.assertEqual(sorted(_NAMES), sorted(switches))
        for group in SHIPPED:
            remote = REMOTE[group.provider]
            self.assertIn(group.variable, (remote.key_variable, remote.base_variable))
        names = [name for names in _NAMES.values() for name in names]
        self.assertEqual(len(set(names)), len(names))
        modes = {model.mode for group in SHIPPED for model in group.models}
        self.assertLessEqual(modes, {*_CALLS, *_TOO_DEAR, "audio_transcription"})

    def test_documented(self) -> None:
        """docs/providers.md has every provider with its variables, and every name."""
        text = _DOCS.read_text("utf-8")
        for provider, remote in REMOTE.items():
            rows = [line.split("|") for line in text.splitlines() if line.startswith("| `")]
            [row] = [row for row in rows if f"`{provider}/`" in row[1]]
            base, keys, bases = [cell.strip() for cell in row[2:5]]
            self.assertEqual(base, remote.base_url or "`api_base`")
            self.assertEqual(keys, ", ".join(f"`{name}`" for name in remote.key_variables))
            self.assertEqual(bases, ", ".join(f"`{name}`" for name in remote.base_variables))
        for group in SHIPPED:
            [row] = [
                line for line in text.splitlines() if f"| `{group.provider.upper()}` |" in line
            ]
            for model in group.models:
                self.assertIn(f"`{model.name}`", row)
