"""Conversations through a real server, with the openai client and with a bare WebSocket."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable

import openai
from twisted.trial.unittest import SynchronousTestCase
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.end_to_end.provider import config
from tests.end_to_end.realtime import MB, Conversation, FakeRealtime
from tests.end_to_end.server import MASTER_KEY, Server

_MODELS = ("talk", "closes", "dies", "flood", "deaf", "status-401", "status-429")
_CHATS_ONLY = """
  - model_name: chats
    litellm_params: {model: groq/llama, api_key: x}
"""
_HEADERS = {"Authorization": f"Bearer {MASTER_KEY}"}


class RealtimeCase(SynchronousTestCase):
    provider: FakeRealtime
    server: Server

    @classmethod
    def setUpClass(cls) -> None:
        cls.provider = FakeRealtime()
        text = config(cls.provider.base, *_MODELS) + _CHATS_ONLY
        cls.server = Server(text, SHUTDOWN_GRACE="10").wait_until_up()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.stop()
        cls.provider.stop()

    def setUp(self) -> None:
        self.provider.conversations.clear()
        self.provider.go_on.clear()

    def url(self, model: str) -> str:
        return f"{self.server.url.replace('http', 'ws')}/v1/realtime?model={model}"

    def connect(self, model: str) -> ClientConnection:
        connection = connect(
            self.url(model), additional_headers=_HEADERS, max_size=17 * MB, max_queue=1, legacy=True
        )
        self.addCleanup(connection.close)
        return connection

    @property
    def conversation(self) -> Conversation:
        """The newest, as the provider has it."""
        return self.provider.conversations[-1]


def settled(count: Callable[[], int]) -> int:
    """A count, once it has stopped growing."""
    before = -1
    while before != count():
        before = count()
        time.sleep(0.5)
    return before


class OpenAIClientTests(RealtimeCase):
    def setUp(self) -> None:
        super().setUp()
        self.client = openai.OpenAI(
            base_url=f"{self.server.url}/v1", api_key=MASTER_KEY, max_retries=0
        )
        self.addCleanup(self.client.close)

    def test_a_conversation(self) -> None:
        with self.client.realtime.connect(model="talk") as connection:
            self.assertEqual(connection.recv().type, "session.created")
            connection.session.update(session={"type": "realtime", "instructions": "Be brief."})
            connection.response.create()
            said = []
            for event in connection:
                if event.type == "response.output_text.delta":
                    said.append(event.delta)
                elif event.type == "response.done":
                    self.assertEqual(event.response.usage.total_tokens, 40)
                    break
            self.assertEqual("".join(said), "Hello there.")
        asked = self.conversation
        self.assertEqual(asked.close[0], 1000)
        self.assertEqual((asked.path, asked.query), ("/v1/realtime", {"model": ["talk"]}))
        self.assertNotIn(MASTER_KEY, str(asked.fields))
        self.assertEqual(json.loads(asked.received[0])["type"], "session.update")

    def test_the_end_is_in_the_log_with_its_request_id(self) -> None:
        with self.client.realtime.connect(
            model="talk", extra_headers={"X-Request-Id": "my-conversation"}
        ) as connection:
            connection.recv()
        self.server.wait_for_log("/v1/realtime 101 .*my-conversation|my-conversation.* 101 ")

    def test_an_unknown_model_and_a_wrong_key_are_told_before_the_upgrade(self) -> None:
        for model, key, status in (
            ("no-such-model", MASTER_KEY, 404),
            ("talk", "sk-wrong", 401),
            ("chats", MASTER_KEY, 400),
        ):
            with self.subTest(model=model):
                client = openai.OpenAI(base_url=f"{self.server.url}/v1", api_key=key)
                self.addCleanup(client.close)
                with self.assertRaises(InvalidStatus) as caught:
                    client.realtime.connect(model=model).enter()
                response = caught.exception.response
                self.assertEqual(response.status_code, status)
                error = json.loads(response.body)["error"]
                self.assertTrue({"message", "type", "param", "code"} <= set(error))
        self.assertEqual(self.provider.conversations, [])


class WebSocketTests(RealtimeCase):
    def test_a_megabyte_of_sound_goes_both_ways_untouched(self) -> None:
        sound = base64.b64encode(bytes(range(256)) * 3072).decode()
        text = json.dumps({"type": "input_audio_buffer.append", "audio": sound})
        with self.connect("talk") as connection:
            connection.recv()
            for message in (text, b"\xff" * MB, b"\x00" * 16 * MB):
                connection.send(message)
                self.assertEqual(connection.recv(), message)
        self.assertEqual(self.conversation.received[0], text)

    def test_a_message_beyond_all_measure_closes_with_1009(self) -> None:
        with self.connect("talk") as connection:
            connection.recv()
            with self.assertRaises(ConnectionClosed):
                connection.send(b"x" * (16 * MB + 1))
                connection.recv()
            self.assertEqual(connection.close_code, 1009)
        self.assertEqual(self.conversation.close[0], 1009)

    def test_a_browser_puts_its_key_among_the_subprotocols(self) -> None:
        offered = ("realtime", f"openai-insecure-api-key.{MASTER_KEY}", "openai-beta.realtime-v1")
        with connect(self.url("talk"), subprotocols=list(map(Subprotocol, offered))) as connection:
            self.assertEqual(connection.subprotocol, "realtime")
            connection.recv()
        fields = self.conversation.fields
        self.assertEqual(fields["openai-beta"], "realtime=v1")
        self.assertNotIn(MASTER_KEY, str(fields))

    def test_a_wrong_key_among_the_subprotocols_is_401(self) -> None:
        offered = [Subprotocol("realtime"), Subprotocol("openai-insecure-api-key.sk-no")]
        with self.assertRaises(InvalidStatus) as caught:
            connect(self.url("talk"), subprotocols=offered)
        self.assertEqual(caught.exception.response.status_code, 401)

    def test_the_providers_refusal_is_an_ordinary_answer(self) -> None:
        for status in (401, 429):
            with self.subTest(status=status):
                with self.assertRaises(InvalidStatus) as caught:
                    self.connect(f"status-{status}")
                response = caught.exception.response
                self.assertEqual(response.status_code, status)
                error = json.loads(response.body)["error"]
                # Whose key it is that a provider refuses is not the caller's business.
                said = "refused the key" if status == 401 else "as asked"
                self.assertIn(said, error["message"])
                if status == 429:
                    self.assertEqual(response.headers["Retry-After"], "7")

    def test_the_providers_close_is_passed_on(self) -> None:
        with self.connect("closes") as connection:
            with self.assertRaises(ConnectionClosed):
                connection.recv()
            self.assertEqual(
                (connection.close_code, connection.close_reason), (4001, "session expired")
            )

    def test_the_callers_close_is_passed_on(self) -> None:
        with self.connect("talk") as connection:
            connection.recv()
            connection.close(4999, "enough")
        self.assertEqual(self.conversation.close, (4999, "enough"))

    def test_a_provider_that_dies_is_an_error_and_1011(self) -> None:
        with self.connect("dies") as connection:
            connection.send("{}")
            error = json.loads(connection.recv())
            self.assertEqual((error["type"], error["error"]["type"]), ("error", "api_error"))
            with self.assertRaises(ConnectionClosed):
                connection.recv()
            self.assertEqual(connection.close_code, 1011)

    def test_a_caller_that_dies_ends_the_conversation(self) -> None:
        connection = self.connect("talk")
        connection.recv()
        connection.socket.shutdown(2)
        self.assertEqual(self.conversation.close[0], 1001)

    def test_a_slow_caller_holds_the_provider_back(self) -> None:
        before = self.server.resident()
        connection = self.connect("flood")
        conversation = self.conversation
        sent = settled(lambda: conversation.sent)
        # What fits into the sockets' buffers on the way, and not what would fill the memory.
        self.assertLess(sent, 60)
        self.assertLess(self.server.resident() - before, 64 * MB)
        for _ in range(sent + 20):
            self.assertEqual(len(connection.recv()), MB)
        self.assertGreater(conversation.sent, sent)

    def test_a_provider_that_does_not_read_holds_the_caller_back(self) -> None:
        before = self.server.resident()
        connection = self.connect("deaf")
        sent = 0

        def send() -> None:
            nonlocal sent
            for _ in range(100):
                connection.send(b"x" * MB)
                sent += 1

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        settled(lambda: sent)
        self.assertLess(sent, 90)
        self.assertLess(self.server.resident() - before, 64 * MB)
        self.provider.go_on.set()
        sender.join(60)
        self.assertEqual(sent, 100)
        connection.close()
        self.assertEqual(self.conversation.close[0], 1000)
        self.assertEqual(len(self.conversation.received), 100)


class StoppingTests(RealtimeCase):
    def test_a_server_that_stops_is_going_away(self) -> None:
        server = Server(config(self.provider.base, "talk"), SHUTDOWN_GRACE="10").wait_until_up()
        self.addCleanup(server.stop)
        url = f"{server.url.replace('http', 'ws')}/realtime?model=talk"
        with connect(url, additional_headers=_HEADERS) as connection:
            connection.recv()
            self.assertEqual(server.terminate(), 0)
            with self.assertRaises(ConnectionClosed):
                connection.recv()
            self.assertEqual(connection.close_code, 1001)
        self.assertEqual(self.conversation.close[0], 1001)
