"""The gateway's routes, in memory."""

from __future__ import annotations

import msgspec
from attrs import evolve
from twisted.internet.defer import Deferred

from tests.gateway.accounts import NOW
from tests.gateway.routes_case import AUTHORIZED, KEY, MAX_BODY, RoutesCase
from twisted_aigate.gateway.calls import Call, Result, Task
from twisted_aigate.gateway.deployments import Catalogue, Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.routing.policy import Policy
from twisted_aigate.gateway.wildcards import Wildcard, Wildcards

_CHAT = {"model": "m", "messages": [{"role": "user", "content": "x"}]}


class RoutesTests(RoutesCase):
    """Each route: parse, authorise, call, render."""

    def test_every_call_reaches_its_deployment(self) -> None:
        """Each endpoint, with and without /v1."""
        for path, body in (
            ("/chat/completions", _CHAT),
            ("/completions", {"model": "m", "prompt": "x"}),
            ("/embeddings", {"model": "m", "input": ["x"]}),
            ("/audio/speech", {"model": "m", "input": "x", "voice": "alloy"}),
            ("/images/generations", {"model": "m", "prompt": "x"}),
            ("/moderations", {"model": "m", "input": "x"}),
            ("/moderations", {"model": "m", "input": ["x", {"type": "text", "text": "y"}]}),
            ("/rerank", {"model": "m", "query": "x", "documents": ["y", {"text": "z"}]}),
        ):
            for prefix in ("", "/v1", *(["/v2"] if path == "/rerank" else [])):
                response, answer = self.post(prefix + path, body)
                self.assertEqual((response.code, answer), (200, {"ok": True}), path)
                deployment, call = self.provider.calls[-1]
                self.assertEqual(deployment.model, "upstream-m")
                self.assertEqual(call.task.value, path)

    def test_model_in_the_path(self) -> None:
        """It is the model that is asked, whatever the body says."""
        for place in ("/openai/deployments", "/engines"):
            for path, body in (
                ("/chat/completions", _CHAT),
                ("/completions", {"prompt": "x"}),
                ("/embeddings", {"input": ["x"]}),
            ):
                for model, asked in (("m", "upstream-m"), ("org/name", "o"), ("org%2Fname", "o")):
                    target = f"{place}/{model}{path}?api-version=2025-01-01"
                    response, answer = self.post(target, {**body, "model": "other"})
                    self.assertEqual((response.code, answer), (200, {"ok": True}), target)
                    self.assertEqual(self.provider.calls[-1][0].model, asked)
        response, answer = self.post("/openai/deployments/m/chat/completions", [])
        self.assertEqual((response.code, answer["error"]["type"]), (400, "invalid_request_error"))

    def test_keys(self) -> None:
        """The key in any of the headers that clients use; none and a wrong one are 401."""
        for headers in (
            {"Authorization": f"bearer {KEY}"}, {"x-api-key": KEY}, {"api-key": KEY},
        ):  # fmt: skip
            self.assertEqual(self.request("GET", "/models", headers=headers)[0].code, 200)
        for headers in (
            {}, {"Authorization": f"Bearer {KEY}x"}, {"Authorization": f"Basic {KEY}"},
            {"Authorization": "Bearer"}, {"x-api-key": ""},
            {"Authorization": "Bearer wrong", "x-api-key": KEY},
        ):  # fmt: skip
            for method, path in (("GET", "/models"), ("POST", "/v1/chat/completions"),
                                 ("GET", "/health"), ("GET", "/model/info")):  # fmt: skip
                response, answer = self.request(method, path, headers=headers)
                self.assertEqual(response.code, 401)
                self.assertEqual(answer["error"]["type"], "authentication_error")
                self.assertTrue(response.headers.hasHeader("WWW-Authenticate"))
        self.assertEqual(self.provider.calls, [])

    def test_models(self) -> None:
        """The list, one of it with a slash in its name, and one that there is not."""
        _, listed = self.request("GET", "/v1/models")
        self.assertEqual([each["id"] for each in listed["data"]], ["m", "org/name", "mocked"])
        self.assertEqual({each["created"] for each in listed["data"]}, {NOW})
        _, one = self.request("GET", "/v1/models/org/name")
        self.assertEqual((one["id"], one["object"], one["owned_by"]), ("org/name", "model", "org"))
        response, answer = self.request("GET", "/v1/models/none")
        self.assertEqual((response.code, answer["error"]["code"]), (404, "model_not_found"))

    def test_wildcards(self) -> None:
        """What a pattern matches can be called and looked at; itself it is listed if asked for."""
        deployment = Deployment("w/*", "openai", "*")
        wildcard = Wildcard(
            "w/*", "*", lambda name, model: evolve(deployment, model_name=name, model=model)
        )
        catalogue = Catalogue([], wildcards=Wildcards([wildcard]))
        self.gateway.router.replace(catalogue, Policy(num_retries=0))
        _, listed = self.request("GET", "/v1/models")
        self.assertEqual(listed["data"], [])
        _, listed = self.request("GET", "/v1/models?return_wildcard_routes=true")
        self.assertEqual([each["id"] for each in listed["data"]], ["w/*"])
        _, one = self.request("GET", "/v1/models/w/any/thing")
        self.assertEqual(one["id"], "w/any/thing")
        self.post("/v1/chat/completions", {**_CHAT, "model": "w/x"})
        self.assertEqual(self.provider.calls[0][0].model, "x")

    def test_defaults(self) -> None:
        """A deployment's own parameters are those of calls without them."""
        deployment = Deployment("d", "openai", "d", defaults={"temperature": msgspec.Raw(b"0.5")})
        self.gateway.router.replace(Catalogue([deployment]), Policy(num_retries=0))
        for fields in ({}, {"temperature": 1}):
            self.post(
                "/v1/chat/completions", {"model": "d", "messages": _CHAT["messages"], **fields}
            )
        sent = [msgspec.json.decode(call.body_for("d")) for _, call in self.provider.calls]
        self.assertEqual([each["temperature"] for each in sent], [0.5, 1])

    def test_model_info(self) -> None:
        """LiteLLM's shape, all or one."""
        _, everything = self.request("GET", "/model/info")
        self.assertEqual(len(everything["data"]), 3)
        one = everything["data"][1]
        self.assertEqual(one["litellm_params"], {"model": "openai/o"})
        model_id = one["model_info"]["id"]
        _, found = self.request("GET", f"/v1/model/info?litellm_model_id={model_id}")
        self.assertEqual(found["data"], [one])
        self.assertEqual(self.request("GET", "/model/info?litellm_model_id=no")[0].code, 404)

    def test_health(self) -> None:
        """The open ones, and the one that tries every deployment."""
        for path in ("/health/liveliness", "/health/liveness"):
            self.assertEqual(self.request("GET", path, headers={})[1], "I'm alive!")
        self.assertEqual(
            self.request("GET", "/health/readiness", headers={})[1]["status"], "healthy"
        )
        self.provider.answer = GatewayError(502, "it is down")
        _, found = self.request("GET", "/health")
        self.assertEqual((found["healthy_count"], found["unhealthy_count"]), (1, 2))
        self.assertEqual(found["healthy_endpoints"][0]["model_name"], "mocked")
        self.assertEqual(found["unhealthy_endpoints"][0]["error"], "it is down")

    def test_health_by_mode(self) -> None:
        """Each mode is tried with a call of its own; images cost too much to be tried."""
        modes = {
            "embedding": Task.EMBEDDING,
            "moderation": Task.MODERATION,
            "rerank": Task.RERANK,
            "audio_speech": Task.SPEECH,
            "audio_transcription": Task.TRANSCRIPTION,
        }
        dear = ("image_generation", "image_edit")
        deployments = [Deployment(mode, "openai", mode, mode=mode) for mode in (*modes, *dear)]
        self.gateway.router.replace(Catalogue(deployments), Policy())
        _, found = self.request("GET", "/health")
        asked = {deployment.model: call.task for deployment, call in self.provider.calls}
        self.assertEqual(asked, modes)
        self.assertEqual((found["healthy_count"], found["unchecked_count"]), (5, 2))
        self.assertEqual([each["mode"] for each in found["unchecked_endpoints"]], list(dear))

    def test_errors_of_the_gateway(self) -> None:
        """A GatewayError is its status in OpenAI's shape, with Retry-After when it knows."""
        self.provider.answer = GatewayError(429, "slow down", param="p", code="c", retry_after=3)
        response, answer = self.post("/chat/completions", _CHAT)
        self.assertEqual(response.code, 429)
        self.assertEqual(response.headers.getRawHeaders("Retry-After"), ["3"])
        self.assertEqual(
            response.headers.getRawHeaders("x-litellm-call-id"),
            response.headers.getRawHeaders("X-Request-Id"),
        )
        self.assertEqual(
            answer["error"],
            {"message": "slow down", "type": "rate_limit_error", "param": "p", "code": "c"},
        )

    def test_unexpected_errors(self) -> None:
        """A fault of ours is a 500 with the request's id, and its text is logged, not sent."""
        self.provider.answer = ZeroDivisionError("secret detail")
        headers = {**AUTHORIZED, "X-Request-Id": "request-7"}
        response, answer = self.post("/chat/completions", _CHAT, headers=headers)
        self.assertEqual(response.code, 500)
        self.assertIn("request-7", answer["error"]["message"])
        self.assertNotIn("secret", answer["error"]["message"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_body_limit(self) -> None:
        """A body over the limit is a 413."""
        response, answer = self.post("/chat/completions", {**_CHAT, "x": "y" * MAX_BODY})
        self.assertEqual((response.code, answer["error"]["code"]), (413, "body_too_large"))

    def test_mock_response(self) -> None:
        """A deployment's mock answers, a request's own before it; LiteLLM's error names raise."""
        _, answer = self.post("/chat/completions", {**_CHAT, "model": "mocked"})
        self.assertEqual(answer["choices"][0]["message"]["content"], "I am no model")
        _, answer = self.post("/completions", {"model": "m", "prompt": "x", "mock_response": "y"})
        self.assertEqual(answer["choices"][0]["text"], "y")
        _, answer = self.post("/embeddings", {"model": "m", "input": "x", "mock_response": [1, 2]})
        self.assertEqual(answer["data"][0]["embedding"], [1.0, 2.0])
        response, _ = self.post(
            "/chat/completions", {**_CHAT, "mock_response": "litellm.RateLimitError"}
        )
        self.assertEqual(response.code, 429)
        self.assertEqual(self.provider.calls, [])

    def test_streamed_mock(self) -> None:
        """Events whose pieces are the answer."""
        response, body = self.post(
            "/chat/completions", {**_CHAT, "stream": True, "mock_response": "long enough a text"}
        )
        self.assertEqual(response.headers.getRawHeaders("content-type"), ["text/event-stream"])
        events = [line.removeprefix(b"data: ") for line in body.split(b"\n\n") if line]
        self.assertEqual(events[-1], b"[DONE]")
        chunks = [msgspec.json.decode(event) for event in events[:-1]]
        pieces = [chunk["choices"][0]["delta"].get("content", "") for chunk in chunks]
        self.assertEqual("".join(pieces), "long enough a text")
        self.assertEqual(chunks[0]["choices"][0]["delta"]["role"], "assistant")
        self.assertEqual({chunk["created"] for chunk in chunks}, {NOW})
        self.assertEqual(chunks[-1]["choices"][0]["finish_reason"], "stop")

    def test_checked_requests(self) -> None:
        """What is missing or wrong is refused by its name, before any provider is asked."""
        images, rerank = {"prompt": "x"}, {"query": "x", "documents": ["y"]}
        for path, body, param in (
            ("/images/generations", {}, "prompt"),
            ("/images/generations", {"prompt": ""}, "prompt"),
            ("/images/generations", {**images, "n": 0}, "n"),
            ("/images/generations", {**images, "output_compression": 101}, "output_compression"),
            ("/images/generations", {**images, "stream": "yes"}, "stream"),
            ("/moderations", {}, "input"),
            ("/moderations", {"input": [1]}, "input[0]"),
            ("/rerank", {"documents": ["y"]}, "query"),
            ("/rerank", {**rerank, "documents": []}, "documents"),
            ("/rerank", {**rerank, "documents": "y"}, "documents"),
            ("/rerank", {**rerank, "top_n": 0}, "top_n"),
        ):
            with self.subTest((path, body)):
                response, answer = self.post(path, {"model": "m", **body})
                self.assertEqual((response.code, answer["error"]["param"]), (400, param))
        response, answer = self.post("/rerank", rerank)
        self.assertEqual((response.code, answer["error"]["param"]), (400, "model"))
        self.assertEqual(self.provider.calls, [])

    def test_model_left_to_us(self) -> None:
        """Where OpenAI's API asks for no model, ours of that mode is called, by its name."""
        for path, body in (
            ("/moderations", {"input": "x"}),
            ("/images/generations", {"prompt": "x", "model": None}),
        ):
            response, answer = self.post(path, body)
            self.assertEqual((response.code, answer["error"]["param"]), (400, "model"))
        self.gateway.router.replace(
            Catalogue(
                [
                    Deployment("m", "openai", "upstream-m"),
                    Deployment("guard", "openai", "guard-1", mode="moderation"),
                    Deployment("guard-2", "openai", "guard-2", mode="moderation"),
                    Deployment("painter", "openai", "painter", mode="image_generation"),
                ]
            ),
            Policy(),
        )
        for path, body, model in (
            ("/moderations", {"input": "x"}, "guard-1"),
            ("/images/generations", {"prompt": "x", "model": None}, "painter"),
        ):
            self.assertEqual(self.post(path, body)[0].code, 200)
            deployment, call = self.provider.calls[-1]
            assert isinstance(call, Call)
            sent = msgspec.json.decode(call.body_for(deployment.model))
            self.assertEqual(sent, {**body, "model": model})

    def test_waiting_answer(self) -> None:
        """An answer that comes later arrives later."""
        answer: Deferred[Result] = Deferred()
        self.provider.answer = answer
        waiting = self.client.request(
            "POST", "http://test/chat/completions", data=msgspec.json.encode(_CHAT),
            headers=AUTHORIZED,
        )  # fmt: skip
        self.assertNoResult(waiting)
        answer.callback(Result(b"{}"))
        self.client.flush()  # type: ignore[attr-defined]
        self.assertEqual(self.successResultOf(waiting).code, 200)
