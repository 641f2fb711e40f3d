"""Names of fields are re-cased, data never."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.claudebox.openai.test_answers import captured
from twisted_aigate.claudebox.casing import camel, camelled

_json: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("snake_case"), inner),
    max_leaves=10,
)


class CasingTests(SynchronousTestCase):
    def test_names(self) -> None:
        for name, wanted in (
            ("type", "type"),
            ("is_error", "isError"),
            ("total_cost_usd", "totalCostUsd"),
            ("cache_read_input_tokens", "cacheReadInputTokens"),
            ("ephemeral_1h_input_tokens", "ephemeral1hInputTokens"),
            ("costUSD", "costUSD"),
            ("a__b", "aB"),
            ("_private", "Private"),
            ("trailing_", "trailing_"),
            ("", ""),
        ):
            self.assertEqual(camel(name), wanted)

    def test_the_result_of_a_real_run(self) -> None:
        result = captured("tool")[-1]
        cased = camelled(result)
        for name in ("isError", "durationMs", "numTurns", "totalCostUsd", "sessionId"):
            self.assertIn(name, cased)
        self.assertEqual(cased["usage"]["inputTokens"], result["usage"]["input_tokens"])
        self.assertEqual(cased["modelUsage"], result["modelUsage"])
        self.assertEqual([name for name in cased if "_" in name], [])
        self.assertEqual([name for name in cased["usage"] if "_" in name], [])

    def test_fields_in_lists(self) -> None:
        denied = {"tool_name": "Bash", "tool_use_id": "x", "tool_input": {"file_path": "a_b"}}
        self.assertEqual(
            camelled({"permission_denials": [denied]}),
            {
                "permissionDenials": [
                    {"toolName": "Bash", "toolUseId": "x", "toolInput": {"file_path": "a_b"}}
                ]
            },
        )

    @given(_json)
    def test_data_stays_as_it_is(self, data: Any) -> None:
        for name, wanted in (
            ("structured_output", "structuredOutput"),
            ("tool_input", "toolInput"),
            ("modelUsage", "modelUsage"),
            ("result", "result"),
            ("input", "input"),
            ("content", "content"),
        ):
            self.assertEqual(camelled({name: data}), {wanted: data})
            self.assertEqual(camelled({"is_error": [{name: data}]}), {"isError": [{wanted: data}]})
