"""A LiteLLM user's own configuration of a hundred deployments, with nothing changed."""

from __future__ import annotations

import re

import openai
from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.provider import API_KEY, FakeProvider
from tests.end_to_end.server import MASTER_KEY, Server

_MAIN = """
include: [models.yaml]

environment_variables:
  MY_BASE: os.environ/PROVIDER_BASE
  LANGFUSE_HOST: https://langfuse.test

general_settings:
  master_key: os.environ/UNSET_MASTER_KEY
  database_connection_pool_limit: 10
  alerting: [slack]
  background_health_checks: true

litellm_settings:
  drop_params: true
  num_retries: 0
  request_timeout: 600
  success_callback: [langfuse]
  failure_callback: [langfuse]
  set_verbose: false
  default_team_settings: [{team_id: blue, success_callback: [langfuse]}]
  fallbacks: [{model-0-0: [model-2-0, {model: model-3-0}]}, {model-3-0: [typo]}]

router_settings:
  routing_strategy: simple-shuffle
  model_group_alias: {gpt-4: model-0-0, quiet: {model: model-2-0, hidden: true}}
  enable_pre_call_checks: true
  retry_policy: {TimeoutErrorRetries: 3, BadRequestErrorRetries: 2}
  redis_host: redis.test
  cooldown_time: 0

credential_list:
  - credential_name: ours
    credential_values: {api_key: os.environ/PROVIDER_KEY, api_base: os.environ/MY_BASE}
    credential_info: {custom_llm_provider: openai}

guardrails: [{guardrail_name: aporia, litellm_params: {guardrail: aporia, mode: pre_call}}]

model_list:
  - model_name: "openai/*"
    litellm_params: {model: "openai/*", litellm_credential_name: ours}
  - model_name: "mine/*"
    litellm_params: {model: "hosted_vllm/org/*", litellm_credential_name: ours}
"""

_WITHOUT_EFFECT = [
    "general_settings.alerting",
    "general_settings.background_health_checks",
    "general_settings.database_connection_pool_limit",
    "guardrails",
    "litellm_settings.default_team_settings",
    "litellm_settings.failure_callback",
    "litellm_settings.set_verbose",
    "litellm_settings.success_callback",
    "model_list.litellm_params.aws_region_name",
    "model_list.litellm_params.region_name",
    "model_list.litellm_params.tags",
    "model_list.litellm_params.vertex_project",
    "router_settings.enable_pre_call_checks",
    "router_settings.redis_host",
    "router_settings.retry_policy.BadRequestErrorRetries",
    "the fallback 'typo' (no such model)",
]


_PARAMS = (
    "model: openai/gpt-4o, litellm_credential_name: ours, tags: [paid], order: 1",
    "model: together_ai/meta/llama, litellm_credential_name: ours, rpm: 600, tpm: 1000000",
    "model: custom_openai/any, api_base: os.environ/MY_BASE, api_key: os.environ/PROVIDER_KEY",
    "model: groq/llama, litellm_credential_name: ours, temperature: 0.2, max_tokens: 99",
    "model: bedrock/anthropic.claude-v2, aws_region_name: eu-west-1",
    "model: vertex_ai/gemini-pro, vertex_project: adroit",
    "model: azure/gpt-4o, api_base: 'https://x.openai.azure.com', region_name: eu",
)


def _entry(number: int) -> str:
    """One of a hundred: seven kinds, two deployments of each name."""
    kind = number % len(_PARAMS)
    return f"""
  - model_name: model-{kind}-{number // len(_PARAMS) // 2}
    litellm_params: {{{_PARAMS[kind]}, max_retries: 0}}
    model_info: {{mode: chat, base_model: gpt-4o, input_cost_per_token: 0.000001}}"""


class LiteLLMConfigTests(SynchronousTestCase):
    """The server, with the file as it is."""

    provider: FakeProvider
    server: Server

    @classmethod
    def setUpClass(cls) -> None:
        cls.provider = FakeProvider()
        cls.addClassCleanup(cls.provider.stop)
        variables = {"PROVIDER_BASE": cls.provider.base, "PROVIDER_KEY": API_KEY}
        models = "model_list:" + "".join(map(_entry, range(98)))
        cls.server = Server(_MAIN, files={"models.yaml": models}, **variables)
        cls.addClassCleanup(cls.server.stop)
        cls.server.wait_until_up()

    def setUp(self) -> None:
        self.provider.requests.clear()
        self.client = openai.OpenAI(base_url=self.server.url, api_key=MASTER_KEY, max_retries=0)
        self.addCleanup(self.client.close)

    def asked(self, model: str) -> dict[str, object]:
        """What the provider is sent for a chat."""
        messages = [{"role": "user", "content": "Hello"}]
        self.client.chat.completions.create(model=model, messages=messages)  # type: ignore[arg-type]
        path, _, body = self.provider.requests.pop()
        self.assertEqual(path, "/v1/chat/completions")
        assert isinstance(body, dict)
        return body

    def test_without_effect(self) -> None:
        """Each key, provider and fallback that there is not is named in one line."""
        line = r"configuration: (.*?) is not supported and has no effect"
        said = re.findall(line, self.server.log)
        entries = [
            f"an entry of the model 'model-{kind}-{number}' ({provider} is not supported)"
            for kind, provider in ((4, "the provider 'bedrock'"), (5, "the provider 'vertex_ai'"))
            for number in range(7)
        ]
        self.assertEqual(sorted(said), sorted([*_WITHOUT_EFFECT, *entries]))

    def test_deployments(self) -> None:
        """Calls reach providers of several kinds, by the entries' own words."""
        for name, model in (
            ("model-0-3", "gpt-4o"),
            ("model-1-0", "meta/llama"),
            ("gpt-4", "gpt-4o"),
        ):
            self.assertEqual(self.asked(name)["model"], model)
        body = self.asked("model-3-6")
        told = (body["model"], body["temperature"], body["max_tokens"])
        self.assertEqual(told, ("llama", 0.2, 99))

    def test_wildcards_and_aliases(self) -> None:
        self.assertEqual(self.asked("openai/gpt-9")["model"], "gpt-9")
        self.assertEqual(self.asked("mine/x/y")["model"], "org/x/y")
        self.assertEqual(self.asked("quiet")["model"], "any")
        names = [model.id for model in self.client.models.list()]
        self.assertIn("gpt-4", names)
        self.assertNotIn("quiet", names)

    def test_left_out(self) -> None:
        """A model without any deployment that can be asked says why."""
        with self.assertRaises(openai.NotFoundError) as caught:
            self.asked("model-4-0")
        self.assertIn("'bedrock' is not supported", str(caught.exception))
