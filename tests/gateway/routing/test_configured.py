"""The policy that a file makes."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.gateway.config_file import parse_sections
from twisted_aigate.gateway.routing.configured import configured_policy
from twisted_aigate.gateway.routing.policy import Policy, Strategy
from twisted_aigate.kernel.settings import ConfigError, parse_config_file


def _policy(text: str) -> Policy:
    config, _ = parse_sections(parse_config_file(text, {}))
    return configured_policy(config)


class ConfiguredTests(SynchronousTestCase):
    """From YAML to a policy."""

    def test_nothing(self) -> None:
        """The contract's defaults."""
        policy = _policy("")
        self.assertEqual(policy, Policy())
        self.assertIs(policy.strategy, Strategy.LATENCY)
        self.assertEqual((policy.num_retries, policy.allowed_fails), (3, 3))
        self.assertEqual((policy.cooldown_time, policy.max_fallbacks), (5, 5))

    def test_everything(self) -> None:
        """Each key, in each of the two sections."""
        for section in ("router_settings", "litellm_settings"):
            policy = _policy(f"""
{section}:
  num_retries: 1
  retry_after: 2
  allowed_fails: 0
  cooldown_time: 60
  max_fallbacks: 2
  fallbacks: [{{a: [b, c]}}, {{"*": [d]}}]
  context_window_fallbacks: [{{a: [large]}}]
  content_policy_fallbacks: [{{a: [tolerant]}}]
  default_fallbacks: [e]
""")
            expected = Policy(
                num_retries=1,
                retry_after=2,
                allowed_fails=0,
                cooldown_time=60,
                max_fallbacks=2,
                fallbacks={"a": ("b", "c"), "*": ("d",)},
                context_window_fallbacks={"a": ("large",)},
                content_policy_fallbacks={"a": ("tolerant",)},
                default_fallbacks=("e",),
            )
            self.assertEqual(policy, expected)

    def test_both_sections(self) -> None:
        """The router's own win, key by key; what is 0 or empty is said."""
        policy = _policy("""
router_settings: {num_retries: 0, fallbacks: []}
litellm_settings: {num_retries: 7, allowed_fails: 9, fallbacks: [{a: [b]}]}
""")
        self.assertEqual((policy.num_retries, policy.allowed_fails), (0, 9))
        self.assertEqual(policy.fallbacks, {})

    def test_strategies(self) -> None:
        """LiteLLM's names; an unknown one is the default, and the log names it."""
        for name, strategy in (
            ("latency-based-routing", Strategy.LATENCY),
            ("simple-shuffle", Strategy.SHUFFLE),
            ("least-busy", Strategy.LEAST_BUSY),
            ("usage-based-routing", Strategy.USAGE),
            ("usage-based-routing-v2", Strategy.USAGE),
            ("cost-based-routing", Strategy.LATENCY),
        ):
            policy = _policy(f"router_settings: {{routing_strategy: {name}}}")
            self.assertIs(policy.strategy, strategy, name)

    def test_wrong(self) -> None:
        """What cannot be a policy stops the start."""
        for text in ("num_retries: -1", "cooldown_time: soon", "fallbacks: {a: b}",
                     "fallbacks: [a]", "default_fallbacks: a"):  # fmt: skip
            self.assertRaises(ConfigError, _policy, f"router_settings: {{{text}}}")

    def test_by_failure(self) -> None:
        """The policies, by LiteLLM's names of the failures, and the long form of a fallback."""
        policy = _policy("""
router_settings:
  retry_policy: {TimeoutErrorRetries: 1, DefaultRetries: 2}
  model_group_retry_policy: {m: {RateLimitErrorRetries: 0}}
  allowed_fails_policy: {NotFoundErrorAllowedFails: 9}
  disable_cooldowns: true
  fallbacks: [{a: [b, {model: c}]}]
""")
        expected = Policy(
            cooldown_time=0,
            fallbacks={"a": ("b", "c")},
            retries={"TimeoutError": 1, "Default": 2},
            group_retries={"m": {"RateLimitError": 0}},
            allowed={"NotFoundError": 9},
        )
        self.assertEqual(policy, expected)
