"""Virtual keys over HTTP."""

from __future__ import annotations

from typing import Any

from tests.gateway.routes_case import KEY, RoutesCase
from twisted_aigate.gateway.calls import Result
from twisted_aigate.kernel.database import DatabaseUnavailable

_CHAT = {"model": "m", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 10}
_USAGE = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}


class KeyRoutesCase(RoutesCase):
    """Has a key or two."""

    def generate(self, **fields: Any) -> dict[str, Any]:
        """Make a key."""
        response, made = self.post("/key/generate", fields)
        self.assertEqual(response.code, 200, made)
        return dict(made)

    def chat(self, key: str, **fields: Any) -> tuple[Any, Any]:
        """A chat's answer."""
        return self.post(
            "/chat/completions", {**_CHAT, **fields}, headers={"Authorization": f"Bearer {key}"}
        )


class ManagementTests(KeyRoutesCase):
    def test_a_new_key(self) -> None:
        made = self.generate(models=["m"], max_budget=2, metadata={"a": 1}, key_alias="alice")
        self.assertEqual(made["key_name"], f"sk-...{made['key'][-4:]}")
        self.assertEqual((made["models"], made["max_budget"], made["spend"]), (["m"], 2.0, 0.0))
        self.assertEqual((made["metadata"], made["expires"]), ({"a": 1}, None))
        self.assertEqual(made["token"], made["token_id"])

    def test_a_key_needs_nothing_said(self) -> None:
        response, made = self.request("POST", "/v1/key/generate")
        self.assertEqual((response.code, made["models"]), (200, []))

    def test_what_would_seem_to_restrict_a_key_is_refused(self) -> None:
        made = self.generate(allowed_routes=[], model_max_budget={}, budget_id=None, tags=["a"])
        for path in ("/key/generate", "/key/update"):
            asked = {"key": f"{made['key']}0", "allowed_routes": ["/embeddings"]}
            response, said = self.post(path, asked)
            self.assertEqual((response.code, said["error"]["param"]), (400, "allowed_routes"))

    def test_info(self) -> None:
        made = self.generate(duration="1h")
        own = {"Authorization": f"Bearer {made['key']}"}
        for headers, query in (
            ({}, f"?key={made['key']}"),
            ({}, f"?key={made['token']}"),
            (own, ""),
            (own, f"?key={made['token']}"),
            (own, f"?key={made['key']}"),
        ):
            arguments = {"headers": headers} if headers else {}
            response, said = self.request("GET", f"/key/info{query}", **arguments)
            self.assertEqual(response.code, 200)
            self.assertEqual(said["info"]["expires"], made["expires"])
            self.assertNotIn("key", said["info"])

    def test_only_the_master_manages(self) -> None:
        own = {"Authorization": f"Bearer {self.generate()['key']}"}
        other = self.generate()
        for path in ("generate", "update", "delete", "block", "unblock"):
            response, said = self.post(f"/key/{path}", {"key": other["key"]}, headers=own)
            self.assertEqual((response.code, said["error"]["code"]), (403, "master_key_needed"))
        for path in ("/key/list", "/spend/logs", "/global/spend", "/health"):
            self.assertEqual(self.request("GET", path, headers=own)[0].code, 403, path)
        response, _ = self.request("GET", f"/key/info?key={other['key']}", headers=own)
        self.assertEqual(response.code, 403)

    def test_update_block_and_delete(self) -> None:
        key = self.generate()["key"]
        _, said = self.post("/key/update", {"key": key, "models": ["other"]})
        self.assertEqual((said["key"], said["models"]), (key, ["other"]))
        response, said = self.chat(key)
        self.assertEqual((response.code, said["error"]["code"]), (403, "key_model_access_denied"))
        self.post("/key/update", {"key": key, "models": []})
        self.assertEqual(self.chat(key)[0].code, 200)
        self.assertTrue(self.post("/key/block", {"key": key})[1]["blocked"])
        response, said = self.chat(key)
        self.assertEqual((response.code, said["error"]["code"]), (401, "key_blocked"))
        self.post("/key/unblock", {"key": key})
        self.assertEqual(self.chat(key)[0].code, 200)
        _, said = self.post("/key/delete", {"keys": [key]})
        self.assertEqual(len(said["deleted_keys"]), 1)
        self.assertEqual(self.chat(key)[0].code, 401)

    def test_list(self) -> None:
        tokens = {self.generate()["token"] for _ in range(3)}
        _, said = self.request("GET", "/key/list?size=2")
        self.assertEqual((said["total_count"], said["total_pages"]), (3, 2))
        _, more = self.request("GET", "/key/list?size=2&page=2&return_full_object=true")
        self.assertEqual({*said["keys"], more["keys"][0]["token"]}, tokens)
        self.assertEqual(self.request("GET", "/key/list?size=1000")[0].code, 400)

    def test_wrong_requests(self) -> None:
        for path, body in (
            ("generate", {"max_budget": -1}),
            ("generate", {"rpm_limit": "many"}),
            ("update", {}),
            ("delete", {}),
        ):
            response, said = self.post(f"/key/{path}", body)
            self.assertEqual((response.code, said["error"]["type"]), (400, "invalid_request_error"))


class CallTests(KeyRoutesCase):
    def setUp(self) -> None:
        super().setUp()
        self.provider.answer = Result(b'{"usage":{"prompt_tokens":3,"completion_tokens":5}}')

    def test_expired(self) -> None:
        key = self.generate(duration="1m")["key"]
        self.assertEqual(self.chat(key)[0].code, 200)
        self.clock.advance(60)
        response, said = self.chat(key)
        self.assertEqual((response.code, said["error"]["code"]), (401, "expired_key"))

    def test_only_its_models_are_listed(self) -> None:
        own = {"Authorization": f"Bearer {self.generate(models=['m'])['key']}"}
        _, said = self.request("GET", "/models", headers=own)
        self.assertEqual([each["id"] for each in said["data"]], ["m"])
        _, said = self.request("GET", "/model/info", headers=own)
        self.assertEqual([each["model_name"] for each in said["data"]], ["m"])

    def test_its_own_names_of_models(self) -> None:
        key = self.generate(models=["m"], aliases={"gpt": "m"})["key"]
        self.assertEqual(self.chat(key, model="gpt")[0].code, 200)
        _, call = self.provider.calls[-1]
        self.assertEqual(call.model, "m")

    def test_limits(self) -> None:
        key = self.generate(rpm_limit=2, tpm_limit=1000)["key"]
        left = []
        for _ in range(2):
            response, _ = self.chat(key)
            self.assertEqual(response.code, 200)
            headers = response.headers
            left.append(headers.getRawHeaders("x-ratelimit-remaining-requests"))
            self.assertEqual(headers.getRawHeaders("x-litellm-key-rpm-limit"), ["2"])
        self.assertEqual(left, [["1"], ["0"]])
        response, said = self.chat(key)
        self.assertEqual((response.code, said["error"]["code"]), (429, "rate_limit_exceeded"))
        self.assertEqual(response.headers.getRawHeaders("retry-after"), ["60"])
        self.assertEqual(response.headers.getRawHeaders("x-ratelimit-limit-requests"), ["2"])
        self.clock.advance(60)
        self.assertEqual(self.chat(key)[0].code, 200)
        self.assertEqual(self.post("/chat/completions", _CHAT)[0].code, 200)

    def test_a_failed_call_is_in_hand_no_more(self) -> None:
        key = self.generate(max_parallel_requests=1, max_budget=1)["key"]
        for model in ("none", "m"):
            self.chat(key, model=model)
        self.assertEqual(self.chat(key)[0].code, 200)

    def test_messages_with_the_key_where_anthropics_clients_put_it(self) -> None:
        key = self.generate()["key"]
        body = {"model": "mocked", "max_tokens": 9, "messages": _CHAT["messages"]}
        response, said = self.post("/v1/messages", body, headers={"x-api-key": key})
        self.assertEqual((response.code, said["type"]), (200, "message"))
        response, said = self.post("/v1/messages", body, headers={"x-api-key": key + "x"})
        self.assertEqual((response.code, said["error"]["type"]), (401, "authentication_error"))

    def test_a_database_that_is_down(self) -> None:
        self.accounts.database.refuse = [DatabaseUnavailable("down")]
        response, _ = self.chat("sk-never-seen-before")
        self.assertEqual(response.code, 503)
        self.accounts.database.refuse = [DatabaseUnavailable("down")]
        self.assertEqual(self.chat(KEY)[0].code, 200)

    def test_readiness_tells_of_the_database(self) -> None:
        for refuse, said in (([], "connected"), ([DatabaseUnavailable("")], "Not connected")):
            self.clock.advance(2)
            self.accounts.database.refuse = refuse
            _, ready = self.request("GET", "/health/readiness", headers={})
            self.assertEqual(ready["db"], said)
