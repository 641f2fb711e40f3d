"""Several browsers: who has which, who waits, and what they share."""

from __future__ import annotations

import http.client
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

from tests.end_to_end.browser_case import BrowserCase
from tests.end_to_end.browser_server import TOKEN, ActionAnswer
from tests.support.waiting import eventually

REPLICAS = 3
CROWD = 40


class FleetTests(BrowserCase):
    variables: ClassVar[dict[str, str]] = {
        "STEALTHY_AUTO_BROWSE_NUM_REPLICAS": str(REPLICAS),
        "STEALTHY_AUTO_BROWSE_QUEUE_TIMEOUT": "8",
    }

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        for number in range(1, REPLICAS + 1):
            cls.server.act("ping", pin=f"browser{number}")

    def idle(self) -> bool:
        status = self.server.status()
        return status["busy"] == status["queued"] == 0

    def sleep_on_all(self, duration: float) -> list[threading.Thread]:
        """Have all browsers busy."""
        threads = [
            threading.Thread(
                target=self.server.ask,
                args=("sleep",),
                kwargs={"duration": duration, "pin": f"browser{number}"},
            )
            for number in range(1, REPLICAS + 1)
        ]
        for thread in threads:
            thread.start()
        eventually(lambda: self.server.status()["busy"] == REPLICAS, "they are not busy")
        return threads

    def test_a_crowd(self) -> None:
        """Each is served, by one browser at a time, in the order in which they came."""

        def ask(number: int) -> tuple[int, ActionAnswer]:
            url = f"data:text/html,<title>{number}</title>"
            steps = [{"action": "goto", "url": url}, {"action": "get_page_info"}]
            return number, self.server.ask("run_script", steps=steps)

        with ThreadPoolExecutor(CROWD) as crowd:
            answers = list(crowd.map(ask, range(CROWD)))
        for number, answer in answers:
            # Two on one browser would read each other's page.
            self.assertEqual(answer.data["steps"][1]["data"]["title"], str(number))
        self.assertEqual(
            {answer.replica for _, answer in answers},
            {f"browser{number}" for number in range(1, REPLICAS + 1)},
        )
        self.assertTrue(self.idle())

    def test_first_come_first_served(self) -> None:
        threads = self.sleep_on_all(1.5)
        served: list[int] = []

        def ask(number: int) -> None:
            self.server.act("sleep", duration=0.2)
            served.append(number)

        for number in range(6):
            threads.append(threading.Thread(target=ask, args=(number,)))
            threads[-1].start()
            eventually(lambda n=number: self.server.status()["queued"] == n + 1, "it waits not")
        for thread in threads:
            thread.join(60)
        self.assertEqual([sorted(served[:3]), sorted(served[3:])], [[0, 1, 2], [3, 4, 5]])

    def test_a_client_that_leaves_the_line_frees_it(self) -> None:
        threads = self.sleep_on_all(2)
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port)
        body = json.dumps({"action": "ping"})
        fields = {"Authorization": f"Bearer {TOKEN}"}
        connection.request("POST", "/stealthy-auto-browse/", body, fields)
        eventually(lambda: self.server.status()["queued"] == 1, "it does not wait")
        connection.close()
        eventually(lambda: self.server.status()["queued"] == 0, "it is waited for")
        for thread in threads:
            thread.join(60)
        self.assertTrue(self.idle())

    def test_who_waits_too_long_gets_503(self) -> None:
        threads = self.sleep_on_all(11)
        began = time.monotonic()
        answer = self.server.ask("ping")
        self.assertEqual((answer.status, answer.value["success"]), (503, False))
        self.assertGreater(time.monotonic() - began, 7)
        for thread in threads:
            thread.join(60)

    def test_a_client_comes_back_to_its_browser(self) -> None:
        first = self.server.ask("goto", url=f"{self.pages.url}/", pin="browser2")
        self.server.ask("goto", url=f"{self.pages.url}/second", pin="browser3")
        self.assertEqual(first.replica, "browser2")
        self.assertEqual(self.server.act("get_page_info", pin="browser2")["title"], "home")
        self.assertEqual(self.server.act("get_page_info", pin="browser3")["title"], "second")
        state = self.server.request("GET", "/state", pin="browser3")
        self.assertEqual(state.data["title"], "second")

    def test_a_login_on_one_is_there_on_the_others(self) -> None:
        def who(replica: str) -> str:
            self.server.act("goto", url=f"{self.pages.url}/whoami", pin=replica)
            text: str = self.server.act("get_text", pin=replica)["text"]
            return text

        for replica in ("browser1", "browser2", "browser3"):
            self.assertNotIn("session", who(replica))
        self.server.act("goto", url=f"{self.pages.url}/login?as=ada", pin="browser1")
        self.assertIn("session=ada", who("browser2"))
        self.server.act("goto", url=f"{self.pages.url}/login?as=bob", pin="browser2")
        self.assertIn("session=bob", who("browser3"))
        self.assertIn("session=bob", who("browser1"))
        self.server.act("goto", url=f"{self.pages.url}/logout", pin="browser3")
        for replica in ("browser1", "browser2", "browser3"):
            self.assertNotIn("session", who(replica))
