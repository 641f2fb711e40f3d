"""What cloudflared says, where it comes to, how long it is left alone."""

from __future__ import annotations

from random import Random

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.logs import record_log, text_of
from twisted_aigate.tunnel.backoff import LONGEST_WAIT, wait_before
from twisted_aigate.tunnel.local import local_url
from twisted_aigate.tunnel.output import LineLog, Lines, quick_url, tells_connection

_AT = "2026-11-27T10:00:00Z"


class WordsTests(SynchronousTestCase):
    def test_the_url_of_a_quick_tunnel(self) -> None:
        line = f"{_AT} INF |  https://two-words-and-more.trycloudflare.com      |"
        self.assertEqual(quick_url(line), "https://two-words-and-more.trycloudflare.com")

    def test_other_addresses_are_not_it(self) -> None:
        for line in (
            f'{_AT} ERR failed: Post "https://api.trycloudflare.com/tunnel": no such host',
            f"{_AT} INF Requesting new quick Tunnel on trycloudflare.com...",
            f"{_AT} INF https://x.trycloudflare.com.evil.example",
            f"{_AT} INF http://x.trycloudflare.com",
        ):
            self.assertIsNone(quick_url(line), line)

    def test_a_connection(self) -> None:
        for line in ("Registered tunnel connection connIndex=0", "Connection 5-6 registered ip=1"):
            self.assertTrue(tells_connection(f"{_AT} INF {line}"))
        self.assertFalse(tells_connection(f"{_AT} INF Starting tunnel"))


class LinesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.taken: list[str] = []
        self.lines = Lines(self.taken.append)

    def test_lines_come_whole(self) -> None:
        for data in (b"one\ntw", b"o\n\n", b"thr\xc3", b"\xa4e\r\nfour"):
            self.lines.feed(data)
        self.assertEqual(self.taken, ["one", "two", "thräe"])

    def test_a_line_without_end_is_not_kept(self) -> None:
        for _ in range(100):
            self.lines.feed(b"a" * 1000)
        self.lines.feed(b"\nnext\n")
        self.assertEqual([len(line) for line in self.taken], [2048, 4])


class LogTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.log = LineLog(self.clock)
        self.events = record_log(self)

    def test_a_line_has_the_level_that_it_says(self) -> None:
        for level in ("DBG", "INF", "WRN", "ERR", "FTL"):
            self.log.write(f"{_AT} {level} words {{like}} these")
        self.log.write("not a line of its own")
        levels = [event["log_level"].name for event in self.events]
        self.assertEqual(levels, ["debug", "info", "warn", "error", "error", "info"])
        self.assertIn("cloudflared: words {like} these", text_of(self.events))

    def test_so_many_a_minute(self) -> None:
        for number in range(200):
            self.log.write(f"line {number}")
        self.assertEqual(len(self.events), 120)
        self.clock.advance(60)
        self.log.write("after that")
        text = text_of(self.events[120:])
        self.assertIn("cloudflared: 80 more lines", text)
        self.assertIn("after that", text)


class BackoffTests(SynchronousTestCase):
    def test_waits_double_up_to_a_limit(self) -> None:
        random = Random(1)
        for attempt in range(1, 40):
            whole = min(2.0 ** (attempt - 1), LONGEST_WAIT)
            self.assertTrue(0.75 * whole <= wait_before(attempt, random) <= whole)

    def test_two_do_not_wait_alike(self) -> None:
        random = Random(1)
        self.assertNotEqual(wait_before(5, random), wait_before(5, random))


class LocalUrlTests(SynchronousTestCase):
    def url(self, description: str, host: str, port: int = 4000) -> str | None:
        kind = IPv6Address if ":" in host else IPv4Address
        return local_url([(description, kind("TCP", host, port))])

    def test_everywhere_is_here(self) -> None:
        self.assertEqual(self.url("tcp:4000", "0.0.0.0"), "http://127.0.0.1:4000")
        self.assertEqual(self.url("tcp:4000:interface=\\:\\:", "::"), "http://[::1]:4000")

    def test_one_interface(self) -> None:
        self.assertEqual(self.url("tcp:0:interface=10.0.0.7", "10.0.0.7", 81), "http://10.0.0.7:81")
        self.assertEqual(
            self.url("systemd:domain=INET6:index=0", "fd00::1"), "http://[fd00::1]:4000"
        )

    def test_no_plain_port(self) -> None:
        self.assertIsNone(self.url("ssl:4000", "0.0.0.0"))
        self.assertIsNone(local_url([("unix:/run/a", UNIXAddress("/run/a"))]))
        self.assertIsNone(local_url([]))

    def test_the_first_plain_one(self) -> None:
        both = [
            ("ssl:443", IPv4Address("TCP", "0.0.0.0", 443)),
            ("unix:/run/a", UNIXAddress("/run/a")),
            ("tcp:80", IPv4Address("TCP", "0.0.0.0", 80)),
        ]
        self.assertEqual(local_url(both), "http://127.0.0.1:80")
