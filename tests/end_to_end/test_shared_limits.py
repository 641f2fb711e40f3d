"""Two processes on one Redis, and the limit that an address has at both together."""

from __future__ import annotations

import urllib.error
import urllib.request

from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.server import MASTER_KEY, Server
from tests.support.redis import RedisServer


def status_of(server: Server) -> int:
    headers = {"Authorization": f"Bearer {MASTER_KEY}"}
    request = urllib.request.Request(f"{server.url}/models", headers=headers)
    try:
        with urllib.request.urlopen(request) as response:
            status: int = response.status
            return status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


class SharedLimitTests(SynchronousTestCase):
    def test_an_address_has_one_limit_at_all(self) -> None:
        """And at each its own while Redis is down."""
        redis = RedisServer()
        self.addCleanup(redis.close)
        limits = {"RATELIMIT_API": "1r/h", "RATELIMIT_API_BURST": "3", "REDIS_URL": redis.url}
        servers = []
        for _ in range(2):
            server = Server(**limits)
            self.addCleanup(server.stop)
            servers.append(server.wait_until_up())
        asked = [status_of(servers[number % 2]) for number in range(6)]
        self.assertEqual(asked, [200, 200, 200, 200, 429, 429])
        redis.kill()
        for server in servers:
            server.wait_for_log(" is down: ")
            self.assertEqual([status_of(server) for _ in range(5)], [200] * 4 + [429])
