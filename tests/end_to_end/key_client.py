"""A client of keys and spend on a real server."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from tests.end_to_end.server import MASTER_KEY, Server
from tests.support.waiting import eventually

_HELLO = [{"role": "user", "content": "Hello"}]


def priced(config: str, prompt: float, completion: float) -> str:
    """A configuration with a price for each of its models, in dollars a token."""
    price = (
        f"      input_cost_per_token: {prompt:.12f}\n"
        f"      output_cost_per_token: {completion:.12f}\n      timeout: 2\n"
    )
    return config.replace("      timeout: 2\n", price)


class KeyClient:
    """
    The client.

    @param server: The server.
    @ivar fields: The header fields of the last answer, in lower case.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self.fields: dict[str, str] = {}

    def request(
        self, method: str, path: str, body: Any = None, key: str = MASTER_KEY, **fields: str
    ) -> tuple[int, Any]:
        """An answer's status and its JSON."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        headers.update({name.replace("_", "-"): value for name, value in fields.items()})
        request = urllib.request.Request(f"{self._server.url}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                self.fields = {name.lower(): value for name, value in response.getheaders()}
                return response.status, json.loads(response.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def generate(self, **fields: Any) -> str:
        """A new key."""
        status, made = self.request("POST", "/key/generate", fields)
        assert status == 200, made
        key: str = made["key"]
        return key

    def chat(self, key: str, model: str, **fields: Any) -> tuple[int, Any]:
        """A chat's answer."""
        body = {"model": model, "messages": _HELLO, **fields}
        return self.request("POST", "/v1/chat/completions", body, key)

    def info(self, key: str) -> dict[str, Any]:
        """What is known of a key."""
        status, said = self.request("GET", f"/key/info?key={key}")
        assert status == 200, said
        info: dict[str, Any] = said["info"]
        return info

    def rows(self, key: str) -> list[dict[str, Any]]:
        """The calls of a key."""
        status, rows = self.request("GET", f"/spend/logs?api_key={key}&limit=10000")
        assert status == 200, rows
        found: list[dict[str, Any]] = rows
        return found

    def wait_for_rows(self, key: str, count: int) -> list[dict[str, Any]]:
        """Wait until as many calls of a key are kept."""
        eventually(lambda: len(self.rows(key)) >= count, lambda: f"{self.rows(key)}")
        return self.rows(key)
