"""Several browsers: who has which, who waits, and what they share."""

from __future__ import annotations

import http.client
import json
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ClassVar

from tests.end_to_end.browser_case import BrowserCase
from tests.end_to_end.browser_server import TOKEN, ActionAnswer
from tests.support.waiting import eventually

REPLICAS = 5
CROWD = 40


class FleetTests(BrowserCase):
    variables: ClassVar[dict[str, str]] = {"STEALTHY_AUTO_BROWSE_NUM_REPLICAS": str(REPLICAS)}

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
        """Who comes first is served first, in a browser that nobody else has; none is lost."""
        names = [f"guest{number}" for number in range(REPLICAS + CROWD)]
        gates = self.pages.gates = {name: threading.Event() for name in names}
        self.pages.requests.clear()
        asked: list[Future[ActionAnswer]] = []
        with ThreadPoolExecutor(len(names)) as crowd:
            try:
                for count, name in enumerate(names, start=1):
                    asked.append(crowd.submit(self.go_through, name))
                    self.eventually(at_gates=min(count, REPLICAS), queued=max(count - REPLICAS, 0))
                for gone, name in enumerate(names, start=1):
                    gates[name].set()
                    answer = asked[gone - 1].result()
                    self.assertEqual(answer.data["steps"][1]["data"]["title"], name)
                    # Where one goes, the first in line comes in, and no other.
                    came = min(gone + REPLICAS, len(names))
                    self.eventually(at_gates=came - gone, queued=len(names) - came)
                    self.assertEqual(self.came(), names[:came])
            finally:
                for gate in gates.values():
                    gate.set()
        self.assertEqual(
            {each.result().replica for each in asked},
            {f"browser{number}" for number in range(1, REPLICAS + 1)},
        )

    def go_through(self, name: str) -> ActionAnswer:
        """Have a page wait at its gate, and tell its title."""
        goto = {"action": "goto", "url": f"{self.pages.url}/gate?of={name}", "timeout": 60}
        return self.server.ask("run_script", steps=[goto, {"action": "get_page_info"}])

    def came(self) -> list[str]:
        """Who has come to the gates, in order."""
        paths = self.pages.paths()
        return [path.removeprefix("/gate?of=") for path in paths if path.startswith("/gate")]

    def eventually(self, *, at_gates: int, queued: int) -> None:
        """Wait until so many are at their gates, each in a browser, and so many in line."""

        def numbers() -> tuple[int, int, int]:
            status = self.server.status()
            left = sum(gate.is_set() for gate in self.pages.gates.values())
            return len(self.came()) - left, status["busy"], status["queued"]

        eventually(lambda: numbers() == (at_gates, at_gates, queued), lambda: f"{numbers()}")

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
