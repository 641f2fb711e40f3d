"""Model names with a C{*}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.gateway.catalogue import make_catalogue
from twisted_aigate.gateway.config_file import parse_sections
from twisted_aigate.gateway.deployments import Catalogue
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.wildcards import Wildcard, Wildcards
from twisted_aigate.kernel.settings import ConfigError, parse_config_file


def _catalogue(*entries: str, more: str = "", **environment: str) -> Catalogue:
    text = f"model_list: [{', '.join(f'{{{entry}}}' for entry in entries)}]\n{more}"
    config, _ = parse_sections(parse_config_file(text, environment))
    return make_catalogue(config, {}, (), (), environment)


def _entry(name: str, model: str, more: str = "") -> str:
    return f'model_name: "{name}", litellm_params: {{model: "{model}"{more}}}'


def _asked(catalogue: Catalogue, name: str) -> list[tuple[str, str]]:
    return [(each.provider, each.model) for each in catalogue.find(name)]


class WildcardTests(SynchronousTestCase):
    """One pattern."""

    def made(self, pattern: str, model: str, name: str) -> str | None:
        found = Wildcard(pattern, model, lambda name, model: f"{name}={model}").deployment_of(name)
        return None if found is None else found.removeprefix(f"{name}=")

    def test_model(self) -> None:
        """What stands for a star in the name does so in the provider's model."""
        for pattern, model, name, expected in (
            ("openai/*", "openai/*", "openai/gpt", "openai/gpt"),
            ("mine/*", "groq/*", "mine/org/x", "groq/org/x"),
            ("*", "*", "groq/x", "groq/x"),
            ("*", "openai/*", "gpt", "openai/gpt"),
            ("a*::b*", "x/*-*", "a1::b2", "x/1-2"),
            ("*-llama*", "x/*", "my-llama-3", "my-llama-3"),
            ("any/*", "openai/gpt", "any/thing", "openai/gpt"),
            ("openai/*", "openai/*", "groq/x", None),
            ("openai/*", "openai/*", "my/openai/x", None),
            ("gpt.*", "x/*", "gpt-4", None),
            ("openai/*", "openai/*", "openai/a\nb", "openai/a\nb"),
        ):
            self.assertEqual(self.made(pattern, model, name), expected, (pattern, name))

    def test_what_can_be_no_name(self) -> None:
        """It would be kept with what the call cost, and a database cannot."""
        wildcards = Wildcards([Wildcard("*", "openai/gpt", lambda name, model: name)])
        for name in ("gpt\0", "gpt\n", "x" * 257):
            self.assertEqual(wildcards.find(name), [], name)
        self.assertEqual(wildcards.find("x" * 256), ["x" * 256])

    def test_names_asked_for_are_not_kept_for_ever(self) -> None:
        """Anybody may ask for anything."""
        wildcards = Wildcards([Wildcard("*", "*", lambda name, model: name)])
        for number in range(5000):
            self.assertEqual(wildcards.find(f"m{number}"), [f"m{number}"])
        self.assertLess(len(wildcards._found), 1025)


class CatalogueTests(SynchronousTestCase):
    """Those of a configuration."""

    def test_most_specific_first(self) -> None:
        """A name itself, then the longer pattern."""
        catalogue = _catalogue(
            _entry("*", "together_ai/*"),
            _entry("openai/*", "openai/*"),
            _entry("openai/gpt-*", "groq/gpt-*"),
            _entry("openai/gpt-5", "mistral/five"),
        )
        for name, expected in (
            ("openai/gpt-5", ("mistral", "five")),
            ("openai/gpt-4", ("groq", "gpt-4")),
            ("openai/o3", ("openai", "o3")),
            ("other", ("together_ai", "other")),
        ):
            self.assertEqual(_asked(catalogue, name), [expected])
            self.assertIn(name, catalogue)

    def test_deployment(self) -> None:
        """One is as if it had been configured, by the name that was asked for."""
        catalogue = _catalogue(
            _entry("openai/*", "openai/*", ", api_key: sk-1, rpm: 5, timeout: 3")
        )
        [found] = catalogue.find("openai/gpt")
        assert found.api_key is not None
        self.assertEqual((found.model_name, found.api_key.reveal()), ("openai/gpt", "sk-1"))
        self.assertEqual((found.limits.rpm, found.timeout, found.wildcard), (5, 3, "openai/*"))

    def test_ids(self) -> None:
        """Models of one entry and provider have one, each of several entries its own."""
        catalogue = _catalogue(
            _entry("openai/*", "openai/*", ", api_key: sk-1"),
            _entry("openai/*", "openai/*", ", api_key: sk-2"),
            _entry("*", "*"),
        )
        first, second = (each.id for each in catalogue.find("openai/a"))
        self.assertNotEqual(first, second)
        self.assertEqual([each.id for each in catalogue.find("openai/b")], [first, second])
        groq, other, mistral = (
            catalogue.find(name)[0].id for name in ("groq/a", "groq/b", "mistral/a")
        )
        self.assertEqual(groq, other)
        self.assertEqual(len({first, second, groq, mistral}), 4)

    def test_any_model(self) -> None:
        """The provider is the name's; there is none of this process, nor one that nobody knows."""
        catalogue = _catalogue(_entry("*", "*"))
        self.assertEqual(_asked(catalogue, "groq/x"), [("groq", "x")])
        self.assertEqual(_asked(catalogue, "gpt-4o"), [("openai", "gpt-4o")])
        for name in ("local/x", "claudebox/haiku", "nobody/x", "bedrock/x", "hosted_vllm/x"):
            self.assertNotIn(name, catalogue)
            error = self.assertRaises(GatewayError, catalogue.find, name)
            self.assertEqual(error.status, 404)

    def test_not_in_this_process(self) -> None:
        """Its models are listed by themselves."""
        error = self.assertRaises(ConfigError, _catalogue, _entry("local/*", "local/*"))
        self.assertIn("no wildcards", str(error))

    def test_listed(self) -> None:
        """The models that are known to match, not the pattern itself; the default is none."""
        catalogue = _catalogue(
            _entry("groq/*", "groq/*"), _entry("x/*", "x", ', api_base: "http://x"')
        )
        self.assertIn("groq/openai/gpt-oss-120b", catalogue.names)
        self.assertNotIn("groq/*", catalogue.names)
        self.assertNotIn("default", catalogue.names)
        self.assertEqual(sorted(catalogue.patterns), ["groq/*", "x/*"])
        for name in catalogue.names:
            self.assertEqual(catalogue.find(name)[0].provider, "groq")

    def test_aliases(self) -> None:
        """An alias may stand for a name that matches."""
        more = "router_settings: {model_group_alias: {fast: groq/x}}"
        catalogue = _catalogue(_entry("groq/*", "groq/*"), more=more)
        self.assertEqual(_asked(catalogue, "fast"), [("groq", "x")])
        self.assertEqual(catalogue.find("fast")[0].id, catalogue.find("groq/x")[0].id)
