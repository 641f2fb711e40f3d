"""Conversations over the routes."""

from __future__ import annotations

import msgspec
from attrs import evolve

from tests.gateway.realtime.case import AUTHORIZED, DONE, RealtimeCase, talks
from tests.gateway.routes_case import KEY
from tests.support.edge import Wire, get
from tests.support.websockets import TEXT, Frame, close_frame, frame, frames
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.routing.policy import Policy


class AskingTests(RealtimeCase):
    def test_the_provider_is_asked_with_its_own_key_and_name_of_the_model(self) -> None:
        self.ask("model=talks&intent=transcription", AUTHORIZED, "OpenAI-Beta: realtime=v1")
        target, fields = self.asked()
        self.assertEqual(target, "/v1/realtime?model=gpt-realtime&intent=transcription")
        self.assertEqual(fields["Authorization"], "Bearer sk-upstream")
        self.assertEqual((fields["X-Mine"], fields["openai-beta"]), ("1", "realtime=v1"))
        self.assertNotIn(KEY, str(fields))

    def test_azure_is_asked_at_its_own_path_with_its_own_header(self) -> None:
        for model, target in (
            (
                "azure",
                "/openai/realtime?api-version=2025-02-01-preview&deployment=my+talks",
            ),
            ("azure-v1", "/openai/v1/realtime?model=my-talks"),
        ):
            with self.subTest(model):
                self.wire = Wire(self.site, self.clock)
                self.ask(f"model={model}&api-version=mine")
                asked, fields = self.asked()
                self.assertEqual(asked.removesuffix("&api-version=mine"), target)
                self.assertEqual(fields["api-key"], "sk-upstream")
                self.assertNotIn("Authorization", fields)

    def test_both_paths_are_the_same(self) -> None:
        self.ask(path="/realtime")
        self.agree()
        self.assertEqual(self.opened(), [])

    def test_the_caller_is_answered_when_the_provider_has_agreed(self) -> None:
        self.ask()
        self.assertEqual(bytes(self.wire.transport.sent), b"")
        self.agree(b"created")
        self.assertEqual(self.opened(), [Frame(TEXT, b"created")])
        self.wire.send(frame(TEXT, b"hello"))
        self.assertEqual(frames(bytes(self.upstream.sent)), [Frame(TEXT, b"hello")])

    def test_the_subprotocol_is_answered_where_it_was_offered(self) -> None:
        self.ask("model=talks", AUTHORIZED, "Sec-WebSocket-Protocol: other, realtime")
        self.agree()
        self.assertIn(b"\r\nSec-WebSocket-Protocol: realtime\r\n", self.wire.transport.sent)

    def test_a_subprotocol_that_is_not_known_is_not_answered(self) -> None:
        self.ask("model=talks", AUTHORIZED, "Sec-WebSocket-Protocol: other")
        self.agree()
        self.assertNotIn(b"Sec-WebSocket-Protocol", self.wire.transport.sent)

    def test_a_key_among_the_subprotocols_opens(self) -> None:
        offered = f"Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.{KEY}"
        self.ask("model=talks", offered)
        self.agree()
        self.assertEqual(self.opened(), [])

    def test_a_key_among_the_subprotocols_of_what_is_no_offer_does_not(self) -> None:
        offered = f"Sec-WebSocket-Protocol: openai-insecure-api-key.{KEY}"
        self.wire.send(get("/v1/models", offered))
        self.assertEqual(self.wire.answer().status, 401)


class RefusedTests(RealtimeCase):
    def test_without_a_key_it_is_401(self) -> None:
        self.ask("model=talks", "X-Nothing: here")
        self.assertEqual(self.wire.answer().status, 401)
        self.assertEqual(self.sockets.connections, [])

    def test_without_a_model_it_is_400(self) -> None:
        self.ask("intent=transcription")
        self.assertEqual((self.wire.answer().status, self.error()["param"]), (400, "model"))

    def test_an_unknown_model_is_404(self) -> None:
        self.ask("model=nothing")
        self.assertEqual(
            (self.wire.answer().status, self.error()["code"]), (404, "model_not_found")
        )

    def test_a_model_whose_provider_does_not_speak_it_is_400(self) -> None:
        for model in ("chats", "claude", "mocked"):
            with self.subTest(model):
                self.wire = Wire(self.site, self.clock)
                self.ask(f"model={model}")
                self.assert_told(400, "realtime_not_supported")

    def test_the_providers_refusal_is_the_callers_answer(self) -> None:
        for status, told in ((400, 400), (401, 401), (429, 429), (503, 503), (302, 502)):
            with self.subTest(status):
                self.setUp()
                self.ask()
                self.refuse(status, b'{"error": {"message": "as it is"}}')
                self.assertEqual(self.wire.answer().status, told)
                said = "refused the key" if status == 401 else "as it is"
                self.assertIn(said, self.error()["message"])

    def test_a_provider_that_cannot_be_reached_is_502(self) -> None:
        self.sockets.error = OSError("no route")
        self.ask()
        self.assertEqual(
            (self.wire.answer().status, self.error()["code"]), (502, "connection_failed")
        )

    def test_a_provider_that_says_nothing_is_504(self) -> None:
        self.ask()
        self.clock.advance(10)
        self.assert_told(504, "timeout")

    def test_a_caller_that_leaves_ends_the_asking(self) -> None:
        self.ask()
        self.wire.transport.lose()
        self.assertTrue(self.upstream.aborted)


class RoutingTests(RealtimeCase):
    def test_another_deployment_is_asked_in_place_of_one_that_fails(self) -> None:
        self.gateway.router.policy = Policy(num_retries=1)
        self.ask("model=two")
        first, _ = self.asked()
        self.refuse(503)
        self.clock.advance(1)
        second, _ = self.asked()
        self.assertEqual({first[-5:], second[-5:]}, {"l=one", "other"})
        self.agree()
        self.assertEqual(self.opened(), [])

    def test_nobody_else_is_asked_once_it_is_open(self) -> None:
        self.gateway.router.policy = Policy(num_retries=1)
        self.ask("model=two")
        self.agree()
        self.upstream.reset()
        self.assertEqual(len(self.sockets.connections), 1)
        *_, close = self.opened()
        self.assertEqual(close.code, 1011)

    def test_a_conversation_is_in_flight_until_it_is_over(self) -> None:
        state = self.gateway.router.states.of(self.catalogue.find("talks")[0])
        self.ask()
        self.assertEqual(state.in_flight, 1)
        self.agree()
        self.assertEqual(state.in_flight, 1)
        self.wire.send(close_frame(1000))
        self.assertEqual(state.in_flight, 0)

    def test_what_responses_take_counts_as_they_come(self) -> None:
        deployment = self.catalogue.find("talks")[0]
        self.ask()
        self.agree(DONE)
        states = self.gateway.router.states
        self.assertEqual(states.of(deployment).tokens, 90)
        self.assertTrue(states.available([deployment]))
        self.upstream.receive(frame(TEXT, DONE, masked=False))
        self.assertFalse(states.available([deployment]))

    def test_a_refusal_leaves_nothing_in_flight(self) -> None:
        self.ask()
        self.refuse(400)
        self.assertEqual(
            self.gateway.router.states.of(self.catalogue.find("talks")[0]).in_flight, 0
        )


class HealthTests(RealtimeCase):
    more = (
        evolve(talks("talks", "gpt-realtime"), mode="realtime"),
        Deployment("chats", "groq", "llama", mode="realtime"),
    )

    def test_a_deployment_for_conversations_is_greeted_and_left(self) -> None:
        self.wire.send(get("/health", AUTHORIZED))
        self.agree()
        self.assertEqual([each.code for each in frames(bytes(self.upstream.sent))], [1000])
        said = msgspec.json.decode(self.wire.answer().body)
        found = {each["model_name"]: each.get("status") for each in said["unhealthy_endpoints"]}
        self.assertEqual(found, {"chats": 400})
        self.assertIn("talks", [each["model_name"] for each in said["healthy_endpoints"]])
