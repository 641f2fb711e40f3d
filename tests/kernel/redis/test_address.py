"""URLs of a Redis."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.kernel.redis import RedisAddress, parse_redis_url
from twisted_aigate.kernel.secrets import Secret


class AddressTests(SynchronousTestCase):
    def test_defaults(self) -> None:
        self.assertEqual(parse_redis_url("redis://"), RedisAddress("localhost", 6379))
        self.assertEqual(parse_redis_url("redis://cache/"), RedisAddress("cache"))

    def test_everything(self) -> None:
        self.assertEqual(
            parse_redis_url("rediss://me:p%40ss@[::1]:7000/3"),
            RedisAddress("::1", 7000, None, True, "me", Secret("p@ss"), 3),
        )

    def test_a_password_alone(self) -> None:
        address = parse_redis_url("redis://:secret@cache")
        self.assertEqual((address.username, address.password), (None, Secret("secret")))

    def test_a_socket(self) -> None:
        self.assertEqual(
            parse_redis_url("unix:///run/redis.sock?db=2"),
            RedisAddress(path="/run/redis.sock", database=2),
        )

    def test_wrong(self) -> None:
        for text in (
            "",
            "cache:6379",
            "http://cache",
            "redis://cache/one",
            "redis://cache:port",
            "redis://cache?timeout=5",
            "unix://host/path",
            "unix://",
        ):
            with self.subTest(text):
                self.assertRaises(ValueError, parse_redis_url, text)

    def test_as_a_text_it_tells_no_password(self) -> None:
        shown = {
            "redis://me:secret@[::1]:7000/3": "redis://me:****@[::1]:7000/3",
            "rediss://:secret@cache": "rediss://:****@cache:6379/0",
            "unix:///run/redis.sock": "unix:///run/redis.sock?db=0",
        }
        for url, expected in shown.items():
            address = parse_redis_url(url)
            self.assertEqual(str(address), expected)
            self.assertNotIn("secret", repr(address))
