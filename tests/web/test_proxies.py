"""Whose address a request is counted under."""

from __future__ import annotations

import ipaddress

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.web.proxies import LOOPBACK, ClientAddresses

PROXY = IPv4Address("TCP", "10.1.2.3", 5)
STRANGER = IPv4Address("TCP", "198.51.100.7", 5)
TRUSTED = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8"))


class ClientAddressTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.find = ClientAddresses(TRUSTED).find

    def test_without_forwarding_the_peer_is_the_client(self) -> None:
        self.assertEqual(self.find(STRANGER, None, None), "198.51.100.7")
        self.assertEqual(self.find(PROXY, None, None), "10.1.2.3")

    def test_what_a_stranger_says_does_not_count(self) -> None:
        self.assertEqual(self.find(STRANGER, b"203.0.113.1", b"203.0.113.2"), "198.51.100.7")

    def test_nothing_counts_when_no_proxy_is_trusted(self) -> None:
        find = ClientAddresses(()).find
        self.assertEqual(find(PROXY, b"203.0.113.1", b"203.0.113.2"), "10.1.2.3")
        self.assertEqual(find(UNIXAddress(None), b"203.0.113.1", None), "unix")

    def test_the_right_most_address_that_is_no_proxy_is_the_client(self) -> None:
        for forwarded, client in (
            (b"203.0.113.1", "203.0.113.1"),
            (b"6.6.6.6, 203.0.113.1", "203.0.113.1"),
            (b"6.6.6.6, 203.0.113.1, 10.9.9.9", "203.0.113.1"),
            (b"6.6.6.6,203.0.113.1 ,\t10.9.9.9,10.8.8.8", "203.0.113.1"),
            (b"10.9.9.9, 10.8.8.8", "10.9.9.9"),
        ):
            self.assertEqual(self.find(PROXY, forwarded, None), client)

    def test_junk_ends_the_search(self) -> None:
        for forwarded, client in (
            (b"", "10.1.2.3"),
            (b"junk", "10.1.2.3"),
            (b"6.6.6.6, junk", "10.1.2.3"),
            (b"6.6.6.6, unknown, 10.9.9.9", "10.9.9.9"),
            (b"6.6.6.6,", "10.1.2.3"),
            (b"\xff\xfe", "10.1.2.3"),
            (b"1.2.3.4.5", "10.1.2.3"),
        ):
            self.assertEqual(self.find(PROXY, forwarded, None), client)

    def test_cloudflares_header_counts_where_no_other_does(self) -> None:
        self.assertEqual(self.find(PROXY, None, b"203.0.113.2"), "203.0.113.2")
        self.assertEqual(self.find(PROXY, None, b"junk"), "10.1.2.3")

    def test_a_client_cannot_send_cloudflares_header_through_another_proxy(self) -> None:
        self.assertEqual(self.find(PROXY, b"203.0.113.1", b"203.0.113.2"), "203.0.113.1")

    def test_ipv6_is_understood(self) -> None:
        proxy = IPv6Address("TCP", "fd00::1", 5)
        self.assertEqual(self.find(proxy, b"2001:db8::1", None), "2001:db8::1")
        self.assertEqual(self.find(proxy, b"[2001:DB8:0::1]", None), "2001:db8::1")
        stranger = IPv6Address("TCP", "2001:db8::9", 5)
        self.assertEqual(self.find(stranger, b"2001:db8::1", None), "2001:db8::9")

    def test_ipv4_in_ipv6_is_ipv4(self) -> None:
        proxy = IPv6Address("TCP", "::ffff:10.1.2.3", 5)
        self.assertEqual(self.find(proxy, b"::ffff:203.0.113.1", None), "203.0.113.1")

    def test_a_proxy_on_a_unix_socket_is_trusted_when_any_is(self) -> None:
        self.assertEqual(self.find(UNIXAddress(None), b"203.0.113.1", None), "203.0.113.1")
        self.assertEqual(self.find(UNIXAddress(None), None, None), "unix")

    def test_loopback_is_all_of_it(self) -> None:
        find = ClientAddresses(LOOPBACK).find
        for host in ("127.0.0.1", "127.8.8.8"):
            self.assertEqual(find(IPv4Address("TCP", host, 5), b"203.0.113.1", None), "203.0.113.1")
        self.assertEqual(find(IPv6Address("TCP", "::1", 5), b"203.0.113.1", None), "203.0.113.1")

    @given(st.binary(max_size=60), st.none() | st.binary(max_size=40))
    def test_whatever_is_sent_gives_an_address(self, forwarded: bytes, named: bytes | None) -> None:
        ipaddress.ip_address(self.find(PROXY, forwarded, named))


class SecureTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.is_secure = ClientAddresses(TRUSTED).is_secure

    def test_without_forwarding_it_is_what_the_connection_is(self) -> None:
        for peer in (PROXY, STRANGER):
            for secure in (False, True):
                self.assertEqual(self.is_secure(peer, secure, None), secure)

    def test_what_a_proxy_says_counts(self) -> None:
        for forwarded, secure in (
            (b"https", True), (b"HTTPS", True), (b"http", False), (b"http, https", True),
            (b"https,http", False), (b" https ", True),
        ):  # fmt: skip
            for direct in (False, True):
                self.assertEqual(self.is_secure(PROXY, direct, forwarded), secure, forwarded)

    def test_junk_does_not(self) -> None:
        for forwarded in (b"", b"wss", b"https://", b"https, ", b"\xff"):
            for direct in (False, True):
                self.assertEqual(self.is_secure(PROXY, direct, forwarded), direct, forwarded)

    def test_what_a_stranger_says_does_not(self) -> None:
        self.assertFalse(self.is_secure(STRANGER, False, b"https"))
        self.assertFalse(ClientAddresses(()).is_secure(PROXY, False, b"https"))
        self.assertFalse(ClientAddresses(()).is_secure(UNIXAddress(None), False, b"https"))

    def test_a_proxy_on_a_unix_socket_is_trusted_when_any_is(self) -> None:
        self.assertTrue(self.is_secure(UNIXAddress(None), False, b"https"))
