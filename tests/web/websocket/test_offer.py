"""Which heads offer a WebSocket."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.support.websockets import KEY
from twisted_aigate.web.websocket.offer import websocket_offer

FIELDS = {
    b"host": b"test",
    b"connection": b"keep-alive, Upgrade",
    b"upgrade": b"WebSocket",
    b"sec-websocket-version": b"13",
    b"sec-websocket-key": KEY.encode(),
}


def fields(**changes: str | None) -> list[tuple[bytes, bytes]]:
    changed = {**FIELDS, **{k.replace("_", "-").encode(): v for k, v in changes.items()}}
    return [
        (name, value if isinstance(value, bytes) else value.encode())
        for name, value in changed.items()
        if value is not None
    ]


class OfferTests(SynchronousTestCase):
    def test_a_valid_offer_has_its_key(self) -> None:
        offer = websocket_offer(b"GET", fields())
        assert offer is not None
        self.assertEqual((offer.key, offer.subprotocols), (KEY.encode(), ()))

    def test_subprotocols_come_in_their_order_from_all_fields(self) -> None:
        more = [
            *fields(sec_websocket_protocol="realtime, openai-insecure-api-key.sk-1"),
            (b"sec-websocket-protocol", b"third"),
        ]
        offer = websocket_offer(b"GET", more)
        assert offer is not None
        expected = ("realtime", "openai-insecure-api-key.sk-1", "third")
        self.assertEqual(offer.subprotocols, expected)

    def test_what_is_not_as_the_rfc_has_it_is_no_offer(self) -> None:
        for wrong in (
            {"upgrade": None},
            {"upgrade": "h2c"},
            {"connection": "keep-alive"},
            {"sec_websocket_version": "8"},
            {"sec_websocket_version": None},
            {"sec_websocket_key": None},
            {"sec_websocket_key": "c2hvcnQ="},
            {"sec_websocket_key": "not base64 at all!!!!!!="},
            {"sec_websocket_protocol": "a b"},
            {"sec_websocket_protocol": "a,,b"},
        ):
            with self.subTest(**wrong):
                self.assertIsNone(websocket_offer(b"GET", fields(**wrong)))

    def test_two_keys_are_none(self) -> None:
        twice = [*fields(), (b"sec-websocket-key", KEY.encode())]
        self.assertIsNone(websocket_offer(b"GET", twice))

    def test_only_a_get_offers(self) -> None:
        self.assertIsNone(websocket_offer(b"POST", fields()))
