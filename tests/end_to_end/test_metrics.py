"""A real server's figures, as Prometheus asks for them."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

from prometheus_client.parser import text_string_to_metric_families
from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.server import MASTER_KEY, Server

_CONFIG = """
model_list:
  - {model_name: m, litellm_params: {model: openai/x, api_base: "http://127.0.0.1:9", mock_response: Hi}}
"""  # noqa: E501


class MetricsTests(SynchronousTestCase):
    def test_what_was_done_is_there(self) -> None:
        """Calls, objects, the process: each part has told its own, and strangers learn nothing."""
        server = Server(_CONFIG, METRICS_TOKEN="scrape", HYBRIDS3_MASTER_KEY="storage-key-012345")
        self.addCleanup(server.stop)
        server.wait_until_up()

        def ask(path: str, token: str, method: str = "GET", body: bytes | None = None) -> bytes:
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
            request = urllib.request.Request(
                server.url + path, body, headers=headers, method=method
            )
            with urllib.request.urlopen(request, timeout=20) as answer:
                return bytes(answer.read())

        chat = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
        for _ in range(3):
            ask("/v1/chat/completions", MASTER_KEY, "POST", json.dumps(chat).encode())
        for token in ("scrape", MASTER_KEY):
            text = ask("/metrics", token).decode()
        values = {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        self.assertEqual(values["aigate_http_requests_total", "POST", "2xx", "gateway"], 3)
        self.assertEqual(values["aigate_http_requests_total", "GET", "2xx", "metrics"], 1)
        self.assertEqual(values["aigate_model_calls_total", "m"], 3)
        self.assertEqual(values["aigate_jobs", "running"], 0)
        self.assertEqual(values["aigate_storage_objects",], 0)
        self.assertEqual(values["aigate_tunnel_up",], 0)
        self.assertGreater(values["process_resident_memory_bytes",], 10_000_000)
        failed = {name: value for name, value in values.items() if name[0].endswith("_failed")}
        self.assertEqual(set(failed.values()), {0.0})
        with self.assertRaises(urllib.error.HTTPError) as refused:
            ask("/metrics", "storage-key-012345")
        self.assertEqual(refused.exception.code, 401)
