"""Which addresses are public."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.kernel.addresses import is_public

PUBLIC = (
    "1.1.1.1", "8.8.8.8", "93.184.216.34", "172.15.255.255", "172.32.0.0", "100.63.255.255",
    "100.128.0.0", "169.253.255.255", "223.255.255.255", "2606:4700:4700::1111", "2a00:1450::1",
    "::ffff:8.8.8.8", "::FFFF:808:808", "64:ff9b::8.8.8.8", "2002:808:808::1",
)  # fmt: skip

NOT_PUBLIC = {
    "unspecified": ("0.0.0.0", "0.1.2.3", "::"),
    "loopback": ("127.0.0.1", "127.255.255.254", "::1"),
    "private": ("10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1",
                "fd00:ec2::254"),
    "link-local": ("169.254.169.254", "169.254.0.1", "fe80::1", "febf::1"),
    "site-local": ("fec0::1",),
    "carrier-grade NAT": ("100.64.0.1", "100.100.100.200", "100.127.255.255"),
    "multicast": ("224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"),
    "reserved": ("240.0.0.1", "255.255.255.255", "4000::1", "5f00::1", "100::1", "192.88.99.1"),
    "protocol assignments": ("192.0.0.8", "2001::1", "2001:1::5", "2001:0:808:808::1"),
    "documentation": ("192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"),
    "benchmarks": ("198.18.0.1", "198.19.255.255"),
    "a cloud's own": ("168.63.129.16",),
    "mapped": ("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "::ffff:224.0.0.1"),
    "compatible": ("::127.0.0.1", "::8.8.8.8", "::7f00:1"),
    "translated": ("::ffff:0:127.0.0.1", "::ffff:0:8.8.8.8"),
    "NAT64": ("64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::8.8.8.8"),
    "6to4": ("2002:7f00:1::1", "2002:a9fe:a9fe::", "2002:c0a8:101::1"),
    "with a zone": ("fe80::1%eth0", "2606:4700:4700::1111%1"),
    "no address": ("", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "8.8.8.8 ",
                   "08.8.8.8", "8.8.8.8/32", "[::1]", "8.8.8.8\n", "\uff18.8.8.8"),
}  # fmt: skip


class AddressTests(SynchronousTestCase):
    def test_public(self) -> None:
        for address in PUBLIC:
            with self.subTest(address):
                self.assertTrue(is_public(address))

    def test_not_public(self) -> None:
        for kind, addresses in NOT_PUBLIC.items():
            for address in addresses:
                with self.subTest(kind, address=address):
                    self.assertFalse(is_public(address))

    @given(st.integers(0, 2**32 - 1))
    def test_an_embedded_address_is_as_public_as_itself(self, number: int) -> None:
        public = is_public(str(IPv4Address(number)))
        for form in (0xFFFF << 32 | number, 0x64_FF9B << 96 | number, 0x2002 << 112 | number << 80):
            self.assertEqual(is_public(str(IPv6Address(form))), public, IPv6Address(form))
