"""Reading LiteLLM's configuration."""

from __future__ import annotations

import math

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from tests.gateway.fakes import make_call
from twisted_aigate.gateway.catalogue import make_catalogue
from twisted_aigate.gateway.config_file import parse_sections
from twisted_aigate.gateway.deployments import Catalogue, Limits
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.local.table import LOCAL_MODELS
from twisted_aigate.gateway.routing.configured import configured_policy
from twisted_aigate.gateway.tree import read_catalogue
from twisted_aigate.kernel.settings import ConfigError, Configuration, parse_config_file
from twisted_aigate.kernel.settings.model import read_settings

_FULL = """
model_list:
  - model_name: gpt
    litellm_params:
      model: openai/gpt-4o
      api_key: os.environ/MY_KEY
      organization: acme
      rpm: 60
  - model_name: gpt
    litellm_params:
      model: azure-like
      api_base: https://example.test:8443/base/v1/
      timeout: 5
      stream_timeout: 9
      extra_headers: {X-Team: blue}
    model_info: {id: second, mode: chat, base_model: gpt-4}
  - model_name: embed
    litellm_params: {model: mistral/mistral-embed}
    model_info: {mode: embedding}
litellm_settings:
  request_timeout: 30
  drop_params: true
  set_verbose: true
router_settings:
  model_group_alias: {fast: gpt}
  routing_strategy: simple-shuffle
general_settings: {master_key: sk-1}
"""

_SETTINGS = """
litellm_settings:
  num_retries: "2"
  request_timeout: 30
  set_verbose: false
  cache: true
  callbacks: [langfuse]
  fallbacks: [{m1: [m2, m3]}]
router_settings:
  routing_strategy: usage-based-routing-v2
  enable_pre_call_checks: true
  redis_host: localhost
  retry_policy: {TimeoutErrorRetries: 3, BadRequestErrorRetries: 1}
  model_group_alias: {fast: m1, faster: {model: m2, hidden: true}}
general_settings: {master_key: sk-1}
"""


def _entry(number: int) -> str:
    return f"""
  - model_name: m{number % 50}
    team_id: blue
    litellm_params:
      model: openai/gpt-{number}
      api_key: os.environ/KEY_{number}
      rpm: "{60 + number}"
      tpm: 100000
      max_parallel_requests: {number % 50 or 1}
      stream_timeout: 0
      max_retries: 0
      tags: [a, b]
    model_info: {{mode: chat, base_model: gpt-4o, anything: [else]}}"""


def _catalogue(text: str, **environment: str) -> Catalogue:
    config, _ = parse_sections(parse_config_file(text, environment))
    return make_catalogue(config, {}, (), (), environment)


class ConfigFileTests(SynchronousTestCase):
    """From YAML to deployments."""

    def test_deployments(self) -> None:
        """Each entry becomes a deployment as LiteLLM would have it."""
        catalogue = _catalogue(_FULL, MY_KEY="sk-mine", MISTRAL_API_KEY="sk-mistral")
        first, second = catalogue.find("gpt")
        self.assertEqual((first.provider, first.model), ("openai", "gpt-4o"))
        assert first.origin is not None
        assert first.api_key is not None
        self.assertEqual(first.origin.authority, b"api.openai.com")
        self.assertEqual(first.path, "/v1")
        self.assertEqual(first.api_key.reveal(), "sk-mine")
        self.assertEqual(first.headers, ((b"OpenAI-Organization", b"acme"),))
        self.assertEqual((first.timeout, first.stream_timeout, first.weight), (30, 30, 60))
        self.assertEqual((second.provider, second.model), ("openai", "azure-like"))
        assert second.origin is not None
        self.assertEqual(second.origin.authority, b"example.test:8443")
        self.assertEqual(second.path, "/base/v1")
        self.assertEqual((second.id, second.timeout, second.stream_timeout), ("second", 5, 9))
        self.assertEqual(second.headers, ((b"X-Team", b"blue"),))
        (embed,) = catalogue.find("embed")
        assert embed.api_key is not None
        self.assertEqual(embed.api_key.reveal(), "sk-mistral")
        self.assertEqual(embed.mode, "embedding")

    def test_who_serves_responses(self) -> None:
        """OpenAI at its own address, azure, and what speaks OpenAI's API and says so."""
        entries = (
            ("openai/x", "", "", True),
            ("x", "", "", True),
            ("openai/x", "https://api.openai.com/v1/", "", True),
            ("openai/x", "http://here/v1", "", False),
            ("openai/x", "http://here/v1", "responses", True),
            ("hosted_vllm/x", "http://here/v1", "responses", True),
            ("groq/x", "", "", False),
            ("azure/x", "https://me.openai.azure.com", "", True),
            ("anthropic/x", "", "responses", False),
            ("openai/x", "", "embedding", True),
        )
        lines = ["model_list:"]
        for number, (model, base, mode, _) in enumerate(entries):
            lines += [f"  - model_name: m{number}", f"    litellm_params: {{model: {model}"]
            lines[-1] += f", api_base: '{base}'}}" if base else "}"
            if mode:
                lines.append(f"    model_info: {{mode: {mode}}}")
        catalogue = _catalogue("\n".join(lines))
        for number, (*entry, serves) in enumerate(entries):
            [deployment] = catalogue.find(f"m{number}")
            self.assertIs(deployment.serves_responses, serves, entry)

    def test_names(self) -> None:
        """Aliases and the default come after what is configured."""
        catalogue = _catalogue(_FULL)
        self.assertEqual(catalogue.names, ["gpt", "embed", "fast", "default"])
        self.assertEqual([each.model for each in catalogue.find("fast")], ["gpt-4o", "azure-like"])

    def test_unset_reference_is_no_key(self) -> None:
        """A reference to a variable that is not set is no key."""
        first, _ = _catalogue(_FULL).find("gpt")
        self.assertIsNone(first.api_key)

    def test_unsupported_keys_are_named_once(self) -> None:
        """What has no effect is said, a key once."""
        _, unsupported = parse_sections(parse_config_file(_FULL, {}))
        self.assertEqual(unsupported, ["litellm_settings.set_verbose"])
        text = "router_settings: {routing_strategy: cost-based-routing}"
        _, unsupported = parse_sections(parse_config_file(text, {}))
        self.assertEqual(unsupported, ["router_settings.routing_strategy: cost-based-routing"])

    def test_ids_are_stable_and_distinct(self) -> None:
        """A deployment has the same id after each start, and its own."""
        once = [each.id for each in _catalogue(_FULL)]
        again = [each.id for each in _catalogue(_FULL)]
        self.assertEqual(once, again)
        # Those of the aliases "fast" and "default" are what they stand for.
        self.assertEqual(len(set(once)), 3)
        catalogue = _catalogue(_FULL)
        for alias in ("fast", "default"):
            ids = [each.id for each in catalogue.find(alias)]
            self.assertEqual(ids, [each.id for each in catalogue.find("gpt")])

    def test_the_same_with_another_key(self) -> None:
        """It is another deployment, with an id of its own that is stable too."""
        entry = "{model_name: m, litellm_params: {model: gpt-4o, api_key: sk-%d}}"
        text = f"model_list: [{', '.join(entry % number for number in range(3))}]"
        ids = [each.id for each in _catalogue(text).find("m")]
        self.assertEqual(len(set(ids)), 3)
        self.assertEqual(ids, [each.id for each in _catalogue(text).find("m")])

    def test_hundred_deployments(self) -> None:
        """A large file of LiteLLM's, with keys that are not supported: each is named once."""
        text = "\n".join(["model_list:", *map(_entry, range(100)), _SETTINGS])
        file = parse_config_file(text, {"KEY_7": "sk-seven"})
        config, unsupported = parse_sections(file)
        catalogue = make_catalogue(config, {}, (), (), {})
        self.assertEqual(len([each for each in catalogue if each.model_name.startswith("m")]), 100)
        self.assertEqual(len({each.id for each in catalogue}), 100)
        seventh = catalogue.find("m7")[0]
        assert seventh.api_key is not None
        self.assertEqual(seventh.api_key.reveal(), "sk-seven")
        self.assertEqual(seventh.limits, Limits(rpm=67, tpm=100_000, max_parallel=7))
        self.assertEqual((seventh.timeout, seventh.stream_timeout), (30, 0))
        self.assertEqual(
            unsupported,
            [
                "litellm_settings.callbacks",
                "litellm_settings.set_verbose", "model_list.litellm_params.tags",
                "model_list.team_id", "router_settings.enable_pre_call_checks",
                "router_settings.redis_host",
                "router_settings.retry_policy.BadRequestErrorRetries",
            ],
        )  # fmt: skip
        self.assertEqual(catalogue.find("fast")[0].id, catalogue.find("m1")[0].id)
        self.assertEqual(catalogue.find("faster")[0].id, catalogue.find("m2")[0].id)
        self.assertNotIn("faster", catalogue.names)
        self.assertEqual(configured_policy(config).num_retries, 2)
        self.assertEqual(configured_policy(config).retries, {"TimeoutError": 3})

    def test_unsupported_providers(self) -> None:
        """Their entries are left out with a warning each, and calls are told why."""
        settings = read_settings({"LITELLM_MASTER_KEY": "sk-1"})
        text = """
model_list:
  - {model_name: claude, litellm_params: {model: bedrock/claude, aws_region_name: x}}
  - {model_name: both, litellm_params: {model: vertex_ai/gemini}}
  - {model_name: both, litellm_params: {model: gemini/gemini}}
  - {model_name: bare, litellm_params: {model: gemini-pro}}
  - {model_name: "watson/*", litellm_params: {model: "watsonx/*", api_base: "http://x"}}
"""
        configuration = Configuration(settings, {}, parse_config_file(text, {}))
        catalogue, _, unsupported = read_catalogue(configuration, (), ())
        self.assertEqual(
            unsupported,
            [
                "model_list.litellm_params.aws_region_name",
                "an entry of the model 'claude' (the provider 'bedrock' is not supported)",
                "an entry of the model 'both' (the provider 'vertex_ai' is not supported)",
                "an entry of the model 'bare' (the provider 'vertex_ai' is not supported)",
                "an entry of the model 'watson/*' (the provider 'watsonx' is not supported)",
            ],
        )
        self.assertEqual([each.provider for each in catalogue.find("both")], ["gemini"])
        error = self.assertRaises(GatewayError, catalogue.find, "claude")
        self.assertEqual((error.status, error.code), (404, "model_not_found"))
        self.assertIn("the provider 'bedrock' is not supported", error.message)

    def test_providers_by_other_names(self) -> None:
        """LiteLLM's further prefixes, bare names that are not OpenAI's, and the explicit field."""
        for params, provider, model in (
            ("model: text-completion-openai/gpt-3.5-turbo-instruct", "openai",
             "gpt-3.5-turbo-instruct"),
            ("model: cohere_chat/command-r", "cohere", "command-r"),
            ("model: claude-sonnet-4", "anthropic", "claude-sonnet-4"),
            ("model: command-r", "cohere", "command-r"),
            ("model: gpt-4o", "openai", "gpt-4o"),
            ("model: gpt-4o, custom_llm_provider: groq", "groq", "gpt-4o"),
            ("model: groq/gpt-4o, custom_llm_provider: groq", "groq", "gpt-4o"),
            ("model: org/x, custom_llm_provider: deepinfra", "deepinfra", "org/x"),
            ('model: claude-x, api_base: "http://x"', "openai", "claude-x"),
            ('model: any/x, api_base: "http://x"', "openai", "any/x"),
        ):  # fmt: skip
            text = f"model_list: [{{model_name: m, litellm_params: {{{params}}}}}]"
            [found] = _catalogue(text).find("m")
            self.assertEqual((found.provider, found.model), (provider, model), params)

    def test_ollamas_base(self) -> None:
        """It may be written as LiteLLM has it, without the path of OpenAI's API."""
        for base in ("http://x:1", "http://x:1/", "http://x:1/v1", "http://x:1/v1/"):
            params = f"{{model: ollama/x, api_base: '{base}'}}"
            text = f"model_list: [{{model_name: m, litellm_params: {params}}}]"
            self.assertEqual(_catalogue(text).find("m")[0].path, "/v1", base)

    def test_first_variable_that_is_set(self) -> None:
        """A key may be where LiteLLM would find it."""
        text = "model_list: [{model_name: m, litellm_params: {model: together_ai/x}}]"
        [found] = _catalogue(text, TOGETHERAI_API_KEY="", TOGETHER_API_KEY="sk-t").find("m")
        assert found.api_key is not None
        self.assertEqual(found.api_key.reveal(), "sk-t")

    def test_credentials(self) -> None:
        """What entries share; their own values win."""
        text = """
credential_list:
  - credential_name: mine
    credential_values: {api_key: os.environ/MINE, api_base: "http://shared/v1", region: x}
    credential_info: {description: ours}
model_list:
  - {model_name: a, litellm_params: {model: openai/x, litellm_credential_name: mine}}
  - model_name: b
    litellm_params: {model: openai/x, litellm_credential_name: mine, api_key: sk-own}
"""
        catalogue = _catalogue(text, MINE="sk-shared")
        for name, key in (("a", "sk-shared"), ("b", "sk-own")):
            [found] = catalogue.find(name)
            assert found.api_key is not None
            assert found.origin is not None
            self.assertEqual((found.api_key.reveal(), found.origin.host), (key, "shared"))
        error = self.assertRaises(
            ConfigError, _catalogue, text.replace("_name: mine", "_name: x", 1)
        )
        self.assertIn("no credential 'mine'", str(error))

    def test_request_defaults(self) -> None:
        """Parameters of an entry are those of requests that do not have them."""
        [found] = _catalogue("""
model_list:
  - model_name: m
    litellm_params: {model: gpt, temperature: 0.5, stop: [a], extra_body: {top_k: 1, stop: b}}
""").find("m")
        call = make_call(temperature=1).with_defaults(found.defaults)
        sent = msgspec.json.decode(call.body_for("gpt"))
        self.assertEqual(sent, {"model": "gpt", "temperature": 1, "stop": ["a"], "top_k": 1})
        call = make_call(temperature=None, stop=None, top_k=None)
        self.assertIs(call.with_defaults(found.defaults), call)

    def test_limits_of_retries_and_order(self) -> None:
        """A library's own tries are the router's, save that none of them are not none."""
        for params, expected in (
            ("", (math.inf, None, 7)),
            ("order: 1, num_retries: 0, max_retries: 2, max_parallel_requests: 3", (1, 0, 3)),
            ("max_retries: 2", (math.inf, 2, 7)),
            ("max_retries: 0", (math.inf, None, 7)),
        ):
            [found] = _catalogue(f"""
model_list: [{{model_name: m, litellm_params: {{model: x, {params}}}}}]
router_settings: {{default_max_parallel_requests: 7}}
""").find("m")
            self.assertEqual(
                (found.order, found.num_retries, found.limits.max_parallel), expected, params
            )

    def test_keys_without_a_value(self) -> None:
        """They say nothing."""
        text = """
model_list:
  - model_name: m
    litellm_params: {model: x, api_base: null, rpm: null, extra_headers: null}
    model_info:
router_settings: {model_group_alias: null, fallbacks: null, timeout: null}
"""
        deployment = _catalogue(text).find("m")[0]
        self.assertEqual((deployment.limits, deployment.info), (Limits(), {}))

    def test_fallbacks_that_there_are_not(self) -> None:
        """A name that is no model's is said when the file is read, once."""
        settings = read_settings({"LITELLM_MASTER_KEY": "sk-1"})
        file = parse_config_file(
            """
model_list: [{model_name: m, litellm_params: {model: x}}]
router_settings:
  fallbacks: [{m: [typo, m]}, {"*": [typo]}]
  default_fallbacks: [m, other]
""",
            {},
        )
        _, _, unsupported = read_catalogue(Configuration(settings, {}, file), (), ())
        self.assertEqual(
            unsupported,
            ["the fallback 'other' (no such model)", "the fallback 'typo' (no such model)"],
        )

    def test_wrong_files(self) -> None:
        """Each is refused in one line that says where."""
        for text, said in (
            ("model_list: [", "not valid YAML"),
            ("- a", "not a mapping"),
            ("model_list: {a: b}", "model_list"),
            ("model_list: [{model_name: a}]", "litellm_params"),
            ("model_list: [{model_name: a, litellm_params: {model: [1]}}]", "model"),
            ("model_list: [{model_name: a, litellm_params: {model: who/x}}]", "'who'"),
            (
                "model_list: [{model_name: a, litellm_params: {model: hosted_vllm/x}}]",
                "api_base",
            ),
            (
                'model_list: [{model_name: a, litellm_params: {model: x, api_base: "ftp://y"}}]',
                "no http or https URL",
            ),
            (
                "model_list: [{model_name: a, litellm_params: {model: x, weight: 0}}]",
                "weights",
            ),
            ("model_list: [{model_name: a, litellm_params: {model: local/x}}]", "no local model"),
        ):
            with self.subTest(text):
                error = self.assertRaises(ConfigError, _catalogue, text)
                self.assertIn(said, str(error))
                self.assertNotIn("\n", str(error))

    def test_nothing(self) -> None:
        """An empty file and empty sections are an empty configuration."""
        for text in ("", "model_list:\nlitellm_settings:\n"):
            self.assertEqual(_catalogue(text).names, [])

    def test_local_models(self) -> None:
        """Embedded models are listed after what is configured; the default is the best chat."""
        config, _ = parse_sections({})
        catalogue = make_catalogue(config, {}, (), LOCAL_MODELS, {})
        names = [entry.name for entry in LOCAL_MODELS]
        self.assertEqual(catalogue.names, [*names, "default"])
        self.assertEqual(catalogue.find("default")[0].model, "local-smollm2-135m")
        text = "model_list: [{model_name: a, litellm_params: {model: local/local-e5-small}}]"
        config, _ = parse_sections(parse_config_file(text, {}))
        self.assertEqual(
            make_catalogue(config, {}, (), LOCAL_MODELS, {}).find("a")[0].provider, "local"
        )

    def test_keys_do_not_print(self) -> None:
        """A deployment's repr holds no key."""
        first, _ = _catalogue(_FULL, MY_KEY="sk-mine").find("gpt")
        self.assertNotIn("sk-mine", repr(first))
