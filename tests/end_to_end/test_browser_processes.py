"""Browsers of several servers that share a Redis."""

from __future__ import annotations

from typing import ClassVar
from unittest import TestCase

from tests.end_to_end.browser_pages import Pages
from tests.end_to_end.browser_server import BrowserServer, need_browsers
from tests.support.redis import RedisServer
from tests.support.waiting import eventually


class SharedTests(TestCase):
    pages: ClassVar[Pages]
    servers: ClassVar[list[BrowserServer]]

    @classmethod
    def setUpClass(cls) -> None:
        need_browsers()
        redis = RedisServer()
        cls.addClassCleanup(redis.close)
        cls.pages = Pages()
        cls.addClassCleanup(cls.pages.stop)
        cls.servers = []
        for _ in range(2):
            server = BrowserServer(REDIS_URL=redis.url)
            cls.addClassCleanup(server.stop)
            cls.servers.append(server)
        for server in cls.servers:
            server.wait_until_up()

    def test_a_login_on_one_is_there_on_the_other(self) -> None:
        one, other = self.servers
        other.act("goto", url=f"{self.pages.url}/whoami")
        self.assertNotIn("session", other.act("get_text")["text"])
        one.act("goto", url=f"{self.pages.url}/login?as=ada")

        def is_known() -> bool:
            other.act("goto", url=f"{self.pages.url}/whoami")
            return "session=ada" in other.act("get_text")["text"]

        eventually(is_known, "the other does not hear of it")
