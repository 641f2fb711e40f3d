"""Every action, alone and in a script, in real Chromium."""

from __future__ import annotations

import base64
import struct
from typing import Any, ClassVar

from tests.end_to_end.browser_case import BrowserCase
from twisted_aigate.browser.actions.table import ACTIONS


def png_size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG"), png[:20]
    width, height = struct.unpack(">II", png[16:24])
    return width, height


class ActionTests(BrowserCase):
    def test_goto(self) -> None:
        self.assertEqual(self.goto("/"), {"url": f"{self.pages.url}/", "title": "home"})

    def test_goto_waits_as_it_is_told(self) -> None:
        for until in ("domcontentloaded", "commit"):
            # Its picture never comes.
            self.assertEqual(self.goto("/gallery", wait_until=until)["title"], "gallery")
        self.goto("/fetching", wait_until="networkidle")
        self.assertEqual(self.act("get_page_info")["title"], "fetched")

    def test_goto_tells_where_it_came_from(self) -> None:
        self.goto("/headers", referer="http://example.com/from")
        fields = next(fields for _, path, fields in self.pages.requests if path == "/headers")
        self.assertEqual(fields.get("referer"), "http://example.com/from")

    def test_goto_gives_up_in_time(self) -> None:
        self.assertIn("timeout", self.fail_to("goto", url=f"{self.pages.url}/hang", timeout=1))
        self.assertIn("timeout", self.fail_to("goto", url=f"{self.pages.url}/gallery", timeout=1))
        self.assertEqual(self.goto("/")["title"], "home")

    def test_goto_tells_why_a_page_is_not_to_be_had(self) -> None:
        for url, why in (
            ("http://nosuch.invalid/", "not known"),
            ("http://127.0.0.1:1/", "could not be loaded"),
            ("http://127.0.0.1:9099/", "refused"),
            ("https://nosuch.invalid/", "not known"),
        ):
            self.assertIn(why, self.fail_to("goto", url=url), url)
        # The browser is as well as before.
        self.assertTrue(self.act("ping")["url"].startswith("chrome-error:"))
        self.assertTrue(
            self.server.request("GET", "/state").data["url"].startswith("chrome-error:")
        )

    def test_goto_gives_up_on_a_page_that_is_an_errors_however_it_waits(self) -> None:
        for until in ("load", "domcontentloaded", "networkidle", "commit"):
            error = self.fail_to("goto", url="http://127.0.0.1:1/", wait_until=until)
            self.assertIn("could not be loaded", error)

    def test_refresh_and_history(self) -> None:
        self.goto("/")
        self.goto("/second")
        self.assertEqual(self.act("browser_action", command="back")["title"], "home")
        self.assertEqual(self.act("browser_action", command="forward")["title"], "second")
        before = len(self.pages.requests)
        self.assertEqual(self.act("refresh")["title"], "second")
        self.assertEqual(self.act("browser_action", command="refresh")["title"], "second")
        self.assertEqual(self.pages.paths()[before:], ["/second", "/second"])

    def test_reading(self) -> None:
        self.goto("/")
        self.assertEqual(self.act("get_text")["text"], "Hello\n\nsome words")
        self.assertEqual(self.act("get_text", selector="p")["text"], "some words")
        self.assertIn("<h1>Hello</h1>", self.act("get_html")["html"])
        self.assertEqual(self.act("get_html", selector="xpath=//p")["html"], "<p>some words</p>")
        info = self.act("get_page_info")
        self.assertEqual((info["title"], info["ready_state"]), ("home", "complete"))

    def test_text_is_cut(self) -> None:
        self.goto("/")
        self.js("document.body.innerText = 'a'.repeat(20000)")
        found = self.act("get_text")
        self.assertEqual((len(found["text"]), found["length"]), (10_000, 20_000))
        self.assertTrue(found["truncated"])

    def test_javascript(self) -> None:
        self.goto("/")
        for expression, value in (
            ("1 + 1", 2),
            ("document.title;", "home"),
            ("({a: [1, null, 'x']})", {"a": [1, None, "x"]}),
            ("await Promise.resolve(7)", 7),
            ("const a = 5; return a * 2;", 10),
            ("undefined", None),
        ):
            self.assertEqual(self.js(expression), value, expression)
        self.assertEqual(self.act("eval", expression="6 * 7")["result"], 42)
        self.assertIn("foo is not defined", self.fail_to("eval_js", expression="foo.bar"))
        self.assertIn("javascript error", self.fail_to("eval_js", expression="1 +"))

    def test_interactive_elements(self) -> None:
        self.goto("/form")
        found = {e["selector"]: e for e in self.act("get_interactive_elements")["elements"]}
        send = found["#send"]
        self.assertEqual((send["tag"], send["text"], send["visible"]), ("button", "Send", True))
        at = f"document.elementFromPoint({send['x']}, {send['y']}).id"
        self.assertEqual(self.js(at), "send")
        self.js("document.getElementById('send').style.display = 'none'")
        found = {e["selector"]: e for e in self.act("get_interactive_elements")["elements"]}
        self.assertNotIn("#send", found)
        every = self.act("get_interactive_elements", visible_only=False)["elements"]
        self.assertIn("#send", [e["selector"] for e in every])

    def test_elements(self) -> None:
        self.goto("/form")
        found = self.act("get_element", selector="#name")
        self.assertEqual((found["tag"], found["attributes"]["name"]), ("input", "name"))
        found = self.act("get_elements", selector="option")
        self.assertEqual((found["count"], [e["value"] for e in found["elements"]]), (2, ["a", "b"]))
        self.assertEqual(self.act("get_elements", selector="video"), {"elements": [], "count": 0})
        self.assertIn("no such element", self.fail_to("get_element", selector="#none"))
        self.assertIn("selector", self.fail_to("get_element", selector="!!"))

    def test_clicking_and_filling_in(self) -> None:
        self.goto("/form")
        self.act("fill", selector="#name", value="Zoë 😀")
        self.act("fill", selector="#choice", value="b")
        self.act("fill", selector="#editable", value="new")
        self.act("type", selector="#words", text="ab")
        self.act("type", selector="#words", text="c世😀", delay=0.01)
        self.assertEqual(
            self.js("[...document.querySelectorAll('#name, #words, #choice')].map(e => e.value)"),
            ["Zoë 😀", "abc世😀", "b"],
        )
        self.assertEqual(self.js("document.getElementById('editable').textContent"), "new")
        self.act("click", selector="xpath=//button[text()='Send']")
        self.assertEqual(self.act("get_page_info")["title"], "sent Zoë 😀")
        self.assertIn("disabled", self.fail_to("fill", selector="#locked", value="y"))
        self.assertIn("no such option", self.fail_to("fill", selector="#choice", value="z"))
        self.assertIn("takes no text", self.fail_to("fill", selector="h1", value="z"))
        self.assertIn("not interactable", self.fail_to("click", selector="#gone"))

    def test_a_click_on_a_link_is_waited_for(self) -> None:
        self.goto("/form")
        self.act("click", selector="#link")
        self.assertIn("The second page", self.act("get_text")["text"])

    def test_screenshots(self) -> None:
        self.goto("/")
        for kind in ("browser", "desktop"):
            found = self.act("screenshot", type=kind, width=320)
            self.assertEqual(found["media_type"], "image/png")
            self.assertEqual(png_size(base64.b64decode(found["image"]))[0], 320)
            answer = self.server.request("GET", f"/screenshot/{kind}?whLargest=500")
            self.assertEqual(answer.fields["content-type"], "image/png")
            self.assertEqual(png_size(answer.body)[0], 500)
        answer = self.server.request("GET", "/screenshot/desktop")
        self.assertEqual(png_size(answer.body), (1920, 1080))
        answer = self.server.request("GET", "/screenshot/desktop?width=100&height=70")
        self.assertEqual(png_size(answer.body), (100, 70))
        self.assertEqual(self.server.request("GET", "/screenshot/desktop?width=0").status, 400)

    def test_waiting(self) -> None:
        self.goto("/late")
        self.act("wait_for_text", text="it came")
        self.act("wait_for_element", selector="#came")
        self.act("wait_for_element", selector="xpath=//p[@id='came']", state="attached")
        self.assertIn("#there", self.act("wait_for_url", url="#there")["url"])
        self.act("wait_for_url", url="*/late#*")
        self.act("wait_for_element", selector="#none", state="detached")
        self.act("wait_for_element", selector="#none", state="hidden")
        for action, parameters in (
            ("wait_for_text", {"text": "never"}),
            ("wait_for_element", {"selector": "#none"}),
            ("wait_for_url", {"url": "nowhere"}),
        ):
            self.assertIn("timeout", self.fail_to(action, timeout=0.2, **parameters), action)

    def test_waiting_for_a_quiet_network(self) -> None:
        self.goto("/fetching")
        self.act("wait_for_network_idle")
        self.assertEqual(self.act("get_page_info")["title"], "fetched")
        self.goto("/gallery", wait_until="commit")
        self.assertIn("timeout", self.fail_to("wait_for_network_idle", timeout=1))

    def test_tabs(self) -> None:
        self.goto("/")
        found = self.act("new_tab", url=f"{self.pages.url}/second")
        self.assertEqual([tab["title"] for tab in found["tabs"] if tab["active"]], ["second"])
        self.assertEqual(found["count"], 2)
        other = next(tab["index"] for tab in found["tabs"] if not tab["active"])
        self.assertEqual(self.act("switch_tab", index=other)["title"], "home")
        self.assertIn("Hello", self.act("get_text")["text"])
        self.assertIn("no tab 7", self.fail_to("switch_tab", index=7))
        found = self.act("close_tab")
        self.assertEqual([tab["title"] for tab in found["tabs"]], ["second"])
        found = self.act("close_tab")
        self.assertEqual([tab["url"] for tab in found["tabs"]], ["about:blank"])
        self.assertEqual(self.act("list_tabs")["count"], 1)

    def test_a_tab_that_a_page_opens(self) -> None:
        self.goto("/form")
        self.act("click", selector="#popup")
        found = self.act("list_tabs")
        self.assertEqual(found["count"], 2)
        opened = next(tab["index"] for tab in found["tabs"] if not tab["active"])
        self.act("switch_tab", index=opened)
        self.act("wait_for_text", text="The second page")
        self.act("close_tab")

    def test_a_tab_that_its_page_closes(self) -> None:
        self.goto("/opening")
        self.act("click", selector="#go")
        tabs = self.act("list_tabs")["tabs"]
        opened = next(tab["index"] for tab in tabs if not tab["active"])
        self.act("switch_tab", index=opened)
        self.act("click", selector="#go")
        self.act("wait_for_url", url="/opening")
        self.assertEqual(self.act("get_page_info")["title"], "opening")
        self.assertEqual(self.act("list_tabs")["count"], 1)

    def test_cookies(self) -> None:
        self.goto("/")
        self.act("delete_cookies")
        self.act("set_cookie", name="a", value="1")
        self.act("set_cookie", name="b", value="2", domain="example.com", secure=True)
        self.act("set_cookie", name="c", value="3", url=self.pages.url, http_only=True)
        found = {cookie["name"]: cookie for cookie in self.act("get_cookies")["cookies"]}
        self.assertEqual(set(found), {"a", "b", "c"})
        self.assertTrue(found["c"]["httpOnly"])
        of_pages = self.act("get_cookies", urls=[self.pages.url])["cookies"]
        self.assertEqual({cookie["name"] for cookie in of_pages}, {"a", "c"})
        self.goto("/whoami")
        self.assertIn("a=1", self.act("get_text")["text"])
        self.assertEqual(self.act("delete_cookies", name="a")["deleted"], 1)
        self.assertEqual(self.act("delete_cookies")["deleted"], 2)
        self.goto("/whoami")
        self.assertIn("nobody", self.act("get_text")["text"])

    def test_storage(self) -> None:
        self.goto("/")
        for area in ("local", "session"):
            self.act("set_storage", type=area, key="k", value=area)
            self.act("set_storage", type=area, key="other", value="x")
            self.assertEqual(
                self.act("get_storage", type=area)["storage"], {"k": area, "other": "x"}
            )
            self.act("set_storage", type=area, key="other")
            self.assertEqual(self.act("get_storage", type=area)["storage"], {"k": area})
            self.assertEqual(
                self.act("get_storage", type=area, key="none")["storage"], {"none": None}
            )

    def test_dialogs(self) -> None:
        self.goto("/alert")
        self.assertEqual(self.act("get_last_dialog")["dialog"]["message"], "look out")
        self.goto("/dialogs")
        self.act("click", selector="#ask")
        self.assertEqual(self.act("get_page_info")["title"], "said true")
        self.act("click", selector="#ask")
        found = self.act("handle_dialog", accept=False)
        self.assertTrue(found["handled"])
        self.assertEqual(self.act("get_page_info")["title"], "said false")
        self.act("handle_dialog", text="me")
        self.act("click", selector="#prompt")
        self.assertEqual(self.act("get_page_info")["title"], "said me")
        self.assertEqual(
            self.act("get_last_dialog")["dialog"],
            {"message": "who?", "accepted": True, "text": "me"},
        )

    def test_files(self) -> None:
        self.goto("/form")
        content = base64.b64encode(b"five!").decode()
        self.act("upload_file", selector="#file", name="a b.txt", content=content)
        self.assertEqual(self.act("get_page_info")["title"], "file a b.txt 5")
        self.assertIn(
            "base64", self.fail_to("upload_file", selector="#file", name="a", content="!")
        )
        answer = self.server.ask("upload_file", selector="#file", name="../a", content=content)
        self.assertEqual(answer.status, 400)
        self.goto("/download")
        self.act("click", selector="#small")
        self.act("sleep", duration=0.5)
        listed = self.act("get_downloads")["downloads"]
        self.assertIn({"name": "file.txt", "size": 12, "complete": True}, listed)
        found = self.act("get_downloads", name="file.txt")
        self.assertEqual(base64.b64decode(found["content"]), b"twelve bytes")
        self.assertIn("no download", self.fail_to("get_downloads", name="none"))

    def test_the_console(self) -> None:
        self.act("console_logs")
        self.goto("/console")
        logs = self.act("console_logs")["logs"]
        self.assertTrue(any("a warning" in log["text"] for log in logs), logs)
        self.assertEqual(self.act("console_logs")["logs"], [])

    def test_ping_and_sleep(self) -> None:
        self.goto("/")
        self.assertEqual(self.act("ping")["message"], "pong")
        self.assertEqual(self.act("sleep", duration=0.01), {"duration": 0.01})

    def test_the_state(self) -> None:
        self.goto("/")
        answer = self.server.request("GET", "/state")
        self.assertEqual(answer.data["title"], "home")
        self.assertEqual(answer.data["window_offset"], {"x": 0, "y": 0})


class ScriptTests(BrowserCase):
    def script(self, *steps: dict[str, Any], **more: Any) -> Any:
        return self.server.script(*steps, **more)

    def test_every_action_works_in_a_script(self) -> None:
        at = {"x": 10, "y": 10}
        steps: list[dict[str, Any]] = [
            {"action": "goto", "url": f"{self.pages.url}/form"},
            {"action": "refresh"},
            {"action": "get_text"},
            {"action": "get_html"},
            {"action": "get_page_info"},
            {"action": "get_interactive_elements"},
            {"action": "get_element", "selector": "#name"},
            {"action": "get_elements", "selector": "option"},
            {"action": "eval_js", "expression": "1"},
            {"action": "eval", "expression": "1"},
            {"action": "screenshot", "width": 10},
            {"action": "console_logs"},
            {"action": "click", "selector": "#name"},
            {"action": "fill", "selector": "#name", "value": "x"},
            {"action": "type", "selector": "#name", "text": "y"},
            {"action": "system_click", **at, "duration": 0},
            {"action": "mouse_move", **at, "duration": 0},
            {"action": "mouse_click", **at},
            {"action": "scroll", "amount": -1},
            {"action": "system_type", "text": "z", "interval": 0},
            {"action": "send_key", "key": "escape"},
            {"action": "wait_for_element", "selector": "#name"},
            {"action": "wait_for_text", "text": "A form"},
            {"action": "wait_for_url", "url": "/form"},
            {"action": "wait_for_network_idle", "idle": 0.1},
            {"action": "set_cookie", "name": "a", "value": "b"},
            {"action": "get_cookies"},
            {"action": "delete_cookies"},
            {"action": "set_storage", "key": "a", "value": "b"},
            {"action": "get_storage"},
            {"action": "handle_dialog"},
            {"action": "get_last_dialog"},
            {"action": "upload_file", "selector": "#file", "name": "f", "content": "eA=="},
            {"action": "get_downloads"},
            {"action": "new_tab"},
            {"action": "list_tabs"},
            {"action": "switch_tab", "index": 0},
            {"action": "close_tab"},
            {"action": "goto", "url": f"{self.pages.url}/"},
            {"action": "goto", "url": f"{self.pages.url}/second"},
            {"action": "browser_action", "command": "back"},
            {"action": "ping"},
            {"action": "sleep", "duration": 0},
        ]
        self.assertEqual({step["action"] for step in steps}, set(ACTIONS))
        found = self.script(*steps)
        self.assertEqual([step["success"] for step in found["steps"]], [True] * len(steps))

    def test_the_seeds_script(self) -> None:
        found = self.script(
            {"action": "goto", "url": f"{self.pages.url}/"},
            {"action": "wait_for_element", "selector": "h1", "timeout": 5},
            {"action": "get_text"},
        )
        self.assertEqual(found["steps"][2]["data"]["text"], "Hello\n\nsome words")

    def test_results_have_names(self) -> None:
        found = self.script(
            {"action": "goto", "url": f"{self.pages.url}/"},
            {"action": "get_text", "output_id": "words"},
        )
        self.assertEqual(found["outputs"]["words"]["length"], 17)
        self.assertEqual(found["steps"][1]["output_id"], "words")

    def test_it_stops_at_an_error(self) -> None:
        answer = self.server.ask(
            "run_script",
            steps=[
                {"action": "goto", "url": f"{self.pages.url}/"},
                {"action": "click", "selector": "#none"},
                {"action": "get_text"},
            ],
        )
        self.assertEqual((answer.status, answer.value["success"]), (200, False))
        self.assertIn("step 1 (click): no such element", answer.value["error"])
        self.assertEqual(len(answer.value["data"]["steps"]), 2)

    def test_or_goes_on(self) -> None:
        wrong = {"action": "click", "selector": "#none"}
        found = self.script({**wrong, "on_error": "continue"}, {"action": "ping"})
        self.assertEqual([step["success"] for step in found["steps"]], [False, True])
        found = self.script(wrong, {"action": "ping"}, on_error="continue")
        self.assertEqual([step["success"] for step in found["steps"]], [False, True])

    def test_steps_have_conditions(self) -> None:
        def ping(**condition: Any) -> dict[str, Any]:
            return {"action": "ping", "if": condition}

        found = self.script(
            {"action": "goto", "url": f"{self.pages.url}/", "output_id": "there"},
            ping(selector="h1"),
            ping(selector="h2"),
            ping(text="some words", url="127.0.0.1"),
            ping(text="some words", url="example"),
            ping(expression="document.title === 'home'"),
            ping(expression="false"),
            ping(output="there"),
            ping(output="elsewhere"),
            ping(output="elsewhere", **{"not": True}),
        )
        self.assertEqual(
            [not step.get("skipped", False) for step in found["steps"]],
            [True, True, False, True, False, True, False, True, False, True],
        )


class RefusalTests(BrowserCase):
    """Requests that no browser is started for, to a server that was told nothing of browsers."""

    variables: ClassVar[dict[str, str]] = {
        "STEALTHY_AUTO_BROWSE_AUTH_TOKEN": "",
        "STEALTHY_AUTO_BROWSE_NUM_REPLICAS": "",
        "TRUSTED_PROXIES": "127.0.0.1/32",
    }
    token = "lulz-4-security"

    def refuse(self, **fields: Any) -> str:
        answer = self.server.request("POST", "/", fields, token=self.token)
        self.assertEqual((answer.status, answer.value["success"]), (400, False), answer)
        error: str = answer.value["error"]
        return error

    def test_an_unknown_action_is_named_and_so_are_those_there_are(self) -> None:
        error = self.refuse(action="fly")
        self.assertIn("'fly'", error)
        for name in (*ACTIONS, "run_script"):
            self.assertIn(name, error)

    def test_parameters_are_named(self) -> None:
        self.assertIn("Missing parameter: 'url'", self.refuse(action="goto"))
        self.assertIn("'timeout'", self.refuse(action="goto", url="x", timeout="soon"))
        error = self.refuse(action="goto", url="x", speed=1)
        self.assertIn("Unknown parameter: 'speed'", error)
        self.assertIn("wait_until", error)
        self.assertIn("Missing parameter: 'action'", self.refuse(url="x"))

    def test_in_scripts_too(self) -> None:
        for steps, named in (
            ([{"action": "ping"}, {"action": "goto"}], "'steps[1].url'"),
            ([{"action": "fly"}], "'steps[0].action'"),
            ([{"action": "run_script", "steps": []}], "'steps[0].action'"),
            ([{"action": "ping", "on_error": "maybe"}], "'steps[0].on_error'"),
            ([{"action": "ping", "if": {"moon": "full"}}], "'steps[0].if.moon'"),
        ):
            self.assertIn(named, self.refuse(action="run_script", steps=steps))
        self.assertIn("'steps'", self.refuse(action="run_script"))

    def test_what_is_no_object(self) -> None:
        for body in (b"[]", b"{", b"", b"\xff"):
            answer = self.server.request("POST", "/", body, token=self.token)
            self.assertEqual(answer.status, 400, body)

    def test_the_token_is_needed(self) -> None:
        for token in (None, "wrong", "", "sk-end-to-end-0123456789"):
            for method, path in (("POST", "/"), ("GET", "/state"), ("GET", "/screenshot/browser")):
                answer = self.server.request(method, path, b"{}", token=token)
                self.assertEqual(answer.status, 401, path)
                self.assertIn("www-authenticate", answer.fields)
                self.assertFalse(answer.value["success"])

    def test_health_and_status_are_open(self) -> None:
        health = self.server.request("GET", "/__queue/health", token=None)
        self.assertEqual((health.status, health.value), (200, {"status": "ok"}))
        status = self.server.status()
        self.assertEqual((status["num_replicas"], status["busy"], status["queued"]), (5, 0, 0))
        names = [f"browser{number}" for number in range(1, 6)]
        self.assertEqual([replica["name"] for replica in status["replicas"]], names)

    def test_the_status_is_told_to_private_addresses_alone(self) -> None:
        for address, status in (("10.1.2.3", 200), ("::1", 200), ("8.8.8.8", 403)):
            answer = self.server.request(
                "GET", "/__queue/status", token=None, fields={"X-Forwarded-For": address}
            )
            self.assertEqual(answer.status, status, address)
        self.assertEqual(
            answer.value,
            {"success": False, "error": "The status is told to private addresses alone."},
        )

    def test_no_browser_was_started_for_any_of_that(self) -> None:
        self.assertNotIn("its browser runs", self.server.log)
