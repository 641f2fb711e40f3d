"""Every endpoint of MCP, by the official client and by hand."""

from __future__ import annotations

import base64
import json
import threading
import urllib.error
import urllib.request
from typing import Any

from tests.end_to_end.anthropic_steps import Hold
from tests.end_to_end.claudebox_server import TOKEN, ZAI_TOKEN, Pending
from tests.end_to_end.mcp_client import use_tools
from tests.end_to_end.mcp_server import ENDPOINTS, PRIVATE, STORAGE_MASTER, UPLOADS, McpTestCase
from tests.end_to_end.server import MASTER_KEY, Server
from tests.support.waiting import eventually

_PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(200))
_STORAGE_TOOLS = {
    "upload_object", "download_object", "delete_object", "list_objects", "list_buckets",
    "object_info", "presign_url",
}  # fmt: skip
_CLAUDE_TOOLS = {"claude_run", "read_file", "write_file", "list_files", "delete_file"}
_INITIALIZE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}


def _message(method: str, params: Any, id: Any = None) -> dict[str, Any]:
    message = {"jsonrpc": "2.0", "method": method, "params": params}
    return message if id is None else {**message, "id": id}


class AccessTests(McpTestCase):
    """Who is let in."""

    def test_without_the_right_token_nothing_is_listed_and_nothing_runs(self) -> None:
        """Another tree's token is a wrong one."""
        asked = {
            "initialize": _INITIALIZE,
            "tools/list": {},
            "tools/call": {"name": "claude_run", "arguments": {"prompt": "say it ran"}},
        }
        for path, right in ENDPOINTS.items():
            for token in (None, "wrong", *(set(ENDPOINTS.values()) - {right})):
                for method, params in asked.items():
                    with self.subTest(f"{path} {token} {method}"):
                        status, answer = self.post(path, method, params, token)
                        self.assertEqual(status, 401)
                        self.assertEqual(set(answer), {"jsonrpc", "id", "error"})
        self.assertEqual(self.server.status()["runs"], [])
        self.assertEqual([each for each in self.anthropic.requests if "it ran" in str(each)], [])

    def test_tokens_in_the_query(self) -> None:
        """As the seed's clients send them."""
        for path, name, token in (
            ("/claudebox/mcp/", "apiToken", TOKEN),
            ("/claudebox-zai/mcp/", "apiToken", ZAI_TOKEN),
            ("/storage/mcp/", "auth", UPLOADS),
        ):
            self.assertEqual(self.post(f"{path}?{name}={token}", "tools/list")[0], 200)
            self.assertEqual(self.post(f"{path}?{name}=wrong", "tools/list")[0], 401)

    def test_the_same_without_the_slash(self) -> None:
        """Both are the endpoint."""
        for path, token in ENDPOINTS.items():
            self.assertEqual(self.post(path.rstrip("/"), "tools/list", None, token)[0], 200)

    def test_a_session_is_its_owner_s(self) -> None:
        """Another key, however right, does not open it."""
        message = _message("initialize", _INITIALIZE, 1)
        begun = self.server.call("POST", "/mcp/", message, tree="/storage", token=UPLOADS)
        session = begun.fields["mcp-session-id"]
        for token, expected in ((UPLOADS, 200), (PRIVATE, 404)):
            status, _ = self.post(
                "/storage/mcp/", "tools/list", None, token, **{"Mcp-Session-Id": session}
            )
            self.assertEqual(status, expected)

    def test_pages_of_elsewhere_may_not_call(self) -> None:
        """Whatever token they have."""
        origin = {"Origin": "https://evil.example"}
        self.assertEqual(self.post("/mcp/", "tools/list", None, MASTER_KEY, **origin)[0], 403)


class ListTests(McpTestCase):
    """What is listed."""

    def test_every_endpoint_has_its_tools(self) -> None:
        """In the newest revision, and in a session."""
        both = {f"claudebox-{name}" for name in _CLAUDE_TOOLS}
        both |= {f"claudebox_zai-{name}" for name in _CLAUDE_TOOLS}
        expected = {
            "/storage/mcp/": _STORAGE_TOOLS,
            "/claudebox/mcp/": _CLAUDE_TOOLS,
            "/claudebox-zai/mcp/": _CLAUDE_TOOLS,
            "/mcp/": both | {f"hybrids3-{name}" for name in _STORAGE_TOOLS},
        }
        for mode, version in (("auto", "2026-07-28"), ("legacy", "2025-11-25")):
            done = use_tools(*(self.job(path, mode=mode) for path in expected))
            for (path, names), listed in zip(expected.items(), done, strict=True):
                with self.subTest(f"{path} {mode}"):
                    self.assertIsNone(listed.error)
                    self.assertEqual(listed.version, version)
                    self.assertLessEqual(names, set(listed.tools))

    def test_schemas_are_those_of_the_rest_bodies(self) -> None:
        """Every field is described."""
        _, answer = self.post("/claudebox/mcp/", "tools/list", None, TOKEN)
        run = next(tool for tool in answer["result"]["tools"] if tool["name"] == "claude_run")
        fields = run["inputSchema"]["properties"]
        self.assertEqual(run["inputSchema"]["required"], ["prompt"])
        self.assertEqual(fields["effort"]["anyOf"][0]["enum"], ["high", "low", "max", "medium"])
        self.assertFalse([name for name, schema in fields.items() if "description" not in schema])


class StorageToolTests(McpTestCase):
    """Storage's tools, by the official client, which checks results against their schemas."""

    def test_an_object_s_life(self) -> None:
        """Stored, listed, read, removed."""
        at = {"bucket": "private", "key": "a/ä b.txt"}
        calls = (
            ("upload_object", {**at, "content": "grüße"}),
            ("list_objects", {"bucket": "private", "prefix": "a/"}),
            ("object_info", at),
            ("download_object", at),
            ("delete_object", at),
            ("object_info", at),
        )
        modes = ("auto", "legacy")
        for done in use_tools(*(self.job("/storage/mcp/", *calls, mode=mode) for mode in modes)):
            self.assertIsNone(done.error)
            stored, listed, info, read, removed, gone = done.calls
            self.assertEqual(stored.structured["size"], 7)
            self.assertEqual(stored.structured["expires_at"], None)
            self.assertEqual(listed.structured["objects"], [stored.structured])
            self.assertEqual(info.structured, stored.structured)
            self.assertEqual((read.text, read.structured), ("grüße", stored.structured))
            self.assertEqual(removed.structured, {**at, "deleted": True})
            self.assertTrue(gone.result["isError"])
            self.assertIn("NoSuchKey", gone.text)

    def test_pictures_and_bytes(self) -> None:
        """A picture is one, other bytes are a resource."""
        image, blob = (
            {"bucket": "private", "key": name, "content": base64.b64encode(data).decode()}
            for name, data in (("p.png", _PNG), ("b.bin", bytes(range(256))))
        )
        _, _, seen, raw = self.use(
            "/storage/mcp/",
            ("upload_object", {**image, "encoding": "base64"}),
            ("upload_object", {**blob, "encoding": "base64", "content_type": "a/b"}),
            ("download_object", {"bucket": "private", "key": "p.png"}),
            ("download_object", {"bucket": "private", "key": "b.bin"}),
        )
        self.assertEqual(seen.result["content"][0]["type"], "image")
        self.assertEqual(seen.result["content"][0]["data"], image["content"])
        resource = raw.result["content"][0]["resource"]
        self.assertEqual((resource["blob"], resource["mimeType"]), (blob["content"], "a/b"))

    def test_keys_of_calls(self) -> None:
        """C{auth_key} lets a call in by itself, and goes before the connection's key."""
        upload = {"bucket": "private", "key": "k", "content": "x"}
        result = self.call("/storage/mcp/", "upload_object", {**upload, "auth_key": PRIVATE})
        self.assertFalse(result["isError"])
        refused = self.call("/storage/mcp/", "upload_object", upload, UPLOADS)
        self.assertTrue(refused["isError"])
        mine = self.call("/storage/mcp/", "upload_object", {**upload, "auth_key": PRIVATE}, UPLOADS)
        self.assertFalse(mine["isError"])
        wrong = {"name": "upload_object", "arguments": {**upload, "auth_key": "wrong"}}
        self.assertEqual(self.post("/storage/mcp/", "tools/call", wrong)[0], 401)
        buckets = self.call("/storage/mcp/", "list_buckets", {"auth_key": UPLOADS})
        self.assertEqual(buckets["structuredContent"], {"buckets": ["uploads"]})

    def test_urls(self) -> None:
        """They work without a key."""
        self.call("/storage/mcp/", "upload_object", {
            "bucket": "private", "key": "signed me.txt", "content": "hello", "auth_key": PRIVATE,
        })  # fmt: skip
        at = {"bucket": "private", "key": "signed me.txt"}
        for path, tool, token in (
            ("/storage/mcp/", "presign_url", PRIVATE),
            ("/mcp/", "hybrids3-presign_url", MASTER_KEY),
        ):
            made = self.call(path, tool, at, token)["structuredContent"]
            self.assertEqual((made["method"], made["expires"]), ("GET", 3600))
            with urllib.request.urlopen(made["url"], timeout=30) as response:
                self.assertEqual(response.read(), b"hello")

    def test_fifty_megabytes(self) -> None:
        """As much as a tool gives out, and no more."""
        url = f"{self.server.url}/storage/private/large"
        for size, fits in ((50 * 1024 * 1024, True), (50 * 1024 * 1024 + 1, False)):
            request = urllib.request.Request(
                url, bytes(size), {"Authorization": f"Bearer {PRIVATE}"}, method="PUT"
            )
            urllib.request.urlopen(request, timeout=60).close()
            result = self.call(
                "/storage/mcp/", "download_object", {"bucket": "private", "key": "large"}, PRIVATE
            )
            self.assertEqual(result["isError"], not fits)
        self.assertIn("presign_url", result["content"][0]["text"])

    def test_mcp_is_no_bucket(self) -> None:
        """The rest of storage is as it was."""
        request = urllib.request.Request(
            f"{self.server.url}/storage/mcp/key",
            b"x",
            {"Authorization": f"Bearer {STORAGE_MASTER}"},
            method="PUT",
        )
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=30)
        self.assertEqual(caught.exception.code, 404)
        caught.exception.close()


class ClaudeToolTests(McpTestCase):
    """Claude Code's tools."""

    def test_a_run_tells_what_it_does(self) -> None:
        """Progress while it works, and its result."""
        for path, mode in (("/claudebox/mcp/", "auto"), ("/claudebox-zai/mcp/", "legacy")):
            arguments = {"prompt": "say hello there", "workspace": "tools", "noContinue": True}
            (run,) = self.use(path, ("claude_run", arguments), mode=mode)
            self.assertEqual(run.structured["workspace"], "tools")
            self.assertEqual(run.structured["subtype"], "success")
            self.assertEqual(json.loads(run.text), run.structured)
            self.assertEqual(run.progress[0], (0.0, "Claude Code works in tools"))

    def test_files(self) -> None:
        """Written, listed, read, removed."""
        at = {"path": "files/a/b.txt"}
        written, listed, read, removed, gone, outside = self.use(
            "/claudebox/mcp/",
            ("write_file", {**at, "content": "hello"}),
            ("list_files", {"path": "files/a"}),
            ("read_file", at),
            ("delete_file", at),
            ("read_file", at),
            ("read_file", {"path": "../../etc/passwd"}),
        )
        self.assertEqual(written.structured, {**at, "size": 5})
        entry = {"name": "b.txt", "type": "file", "size": 5}
        self.assertEqual(listed.structured, {"path": "files/a", "entries": [entry]})
        self.assertEqual(read.text, "hello")
        self.assertEqual(removed.structured, at)
        self.assertTrue(gone.result["isError"])
        self.assertTrue(outside.result["isError"])

    def test_wrong_arguments_are_told(self) -> None:
        """With the field that is wrong, as REST does."""
        for arguments, said in (({}, "prompt"), ({"prompt": "x", "effort": "huge"}, "effort")):
            result = self.call("/claudebox/mcp/", "claude_run", arguments, TOKEN)
            self.assertTrue(result["isError"])
            self.assertIn(said, result["content"][0]["text"])

    def test_a_client_that_leaves_ends_the_run(self) -> None:
        """No process is left."""
        hold = Hold(threading.Event())
        self.anthropic.script("mcp-leaves", hold)
        arguments = {"prompt": "mcp-leaves", "workspace": "leaves"}
        message = {"name": "claude_run", "arguments": arguments}
        request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": message}
        pending = self.server.send("POST", "/mcp/", request)
        self.assertTrue(hold.reached.wait(30), self.server.log)
        pending.leave()
        eventually(self.server.is_idle, self.server.unrest)

    def test_a_run_is_cancelled_by_its_session(self) -> None:
        """While it tells that it works: the process ends, and the call with it."""
        hold = Hold(threading.Event())
        self.anthropic.script("mcp-cancelled", hold)
        begun = self.server.send("POST", "/mcp/", _message("initialize", _INITIALIZE, 1)).answer()
        session = {"Mcp_Session_Id": begun.fields["mcp-session-id"]}
        accept = "application/json, text/event-stream"
        params = {
            "name": "claude_run",
            "arguments": {"prompt": "mcp-cancelled", "workspace": "cancelled"},
            "_meta": {"progressToken": "p"},
        }
        call = _message("tools/call", params, "run")
        pending = self.server.send("POST", "/mcp/", call, Accept=accept, **session)
        events = pending.messages()
        told = next(events)
        self.assertEqual(told["method"], "notifications/progress")
        self.assertTrue(hold.reached.wait(30), self.server.log)
        cancelled = _message("notifications/cancelled", {"requestId": "run"})
        self.assertEqual(self.server.call("POST", "/mcp/", cancelled, **session).status, 202)
        *_, answer = events
        self.assertEqual(answer["error"]["message"], "Request cancelled")
        eventually(self.server.is_idle, self.server.unrest)


class AggregateTests(McpTestCase):
    """All tools in one."""

    def test_tools_of_all_servers(self) -> None:
        """The operator needs no key of storage's."""
        at = {"bucket": "private", "key": "by-operator"}
        stored, buckets, written, unknown = self.use(
            "/mcp/",
            ("hybrids3-upload_object", {**at, "content": "x"}),
            ("hybrids3-list_buckets", {}),
            ("claudebox_zai-write_file", {"path": "w/f", "content": "x"}),
            ("claudebox-list_files", {"path": "no-such-directory"}),
        )
        self.assertEqual(stored.structured["size"], 1)
        self.assertEqual(buckets.structured, {"buckets": ["private", "uploads"]})
        self.assertEqual(written.structured["size"], 1)
        self.assertTrue(unknown.result["isError"])

    def test_some_servers_alone(self) -> None:
        """Those that a client names; a virtual key gets no more than it has."""
        only = {"x-mcp-servers": "hybrids3, mcp_tools, unknown"}
        _, answer = self.post("/mcp/", "tools/list", None, MASTER_KEY, **only)
        names = {tool["name"].partition("-")[0] for tool in answer["result"]["tools"]}
        self.assertEqual(names, {"hybrids3", "mcp_tools"})

    def test_there_are_no_other_servers(self) -> None:
        """Nor tools without a server."""
        for name in ("list_buckets", "other-list_buckets", "hybrids3-", "-list_buckets"):
            status, answer = self.post("/mcp/", "tools/call", {"name": name}, MASTER_KEY)
            self.assertEqual((status, answer["error"]["code"]), (200, -32602))


class SessionTests(McpTestCase):
    """Sessions on real connections."""

    def test_two_hundred_at_once(self) -> None:
        """Each has its own stream and its own answers; ending them closes all."""
        before = self.server.descriptors()
        begin = _message("initialize", _INITIALIZE, 1)
        sessions, streams = [], []
        for _ in range(200):
            begun = self.server.call("POST", "/mcp/", begin)
            session = {"Mcp_Session_Id": begun.fields["mcp-session-id"]}
            sessions.append(session)
            streams.append(self.server.send("GET", "/mcp/", Accept="text/event-stream", **session))
        for stream in streams:
            self.assertEqual(stream.response.status, 200)
        for number, session in enumerate(sessions):
            path = {"path": f"none-of-{number}"}
            call = _message("tools/call", {"name": "read_file", "arguments": path}, number)
            answer = self.server.call("POST", "/mcp/", call, **session).value
            self.assertEqual(answer["id"], number)
            self.assertIn(f"none-of-{number}", answer["result"]["content"][0]["text"])
        for session in sessions:
            ended = self.server.call("DELETE", "/mcp/", **session)
            self.assertEqual(ended.status, 204)
        for stream in streams:
            self.assertEqual(list(stream.messages()), [])
        eventually(lambda: self.server.descriptors() <= before + 5, "connections are left")

    def test_a_stopping_server_does_not_wait_for_streams(self) -> None:
        """They end, and calls in flight are answered."""
        server = Server(HYBRIDS3_UPLOADS_KEY=UPLOADS)
        try:
            server.wait_until_up()
            fields = {"Authorization": f"Bearer {UPLOADS}", "Accept": "text/event-stream"}
            body = json.dumps(_message("initialize", _INITIALIZE, 1)).encode()
            path = "/storage/mcp/"
            begun = Pending(server.port, "POST", path, body, fields).answer()
            fields["Mcp-Session-Id"] = begun.fields["mcp-session-id"]
            stream = Pending(server.port, "GET", path, None, fields)
            self.assertEqual(stream.response.status, 200)
            self.assertEqual(server.terminate(10), 0)
            self.assertEqual(list(stream.messages()), [])
        finally:
            server.stop()


class KeyTests(McpTestCase):
    """Virtual keys."""

    def key(self, **fields: Any) -> str:
        """A new one."""
        request = urllib.request.Request(
            f"{self.server.url}/key/generate",
            json.dumps(fields).encode(),
            {"Authorization": f"Bearer {MASTER_KEY}"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            made = json.load(response)
        self.assertEqual(made["allowed_mcp_servers"], fields.get("allowed_mcp_servers", []))
        return str(made["key"])

    def test_a_key_has_the_servers_that_it_was_given(self) -> None:
        """Those of the others are as if they were not there."""
        key = self.key(allowed_mcp_servers=["hybrids3"])
        _, answer = self.post("/mcp/", "tools/list", None, key)
        names = {tool["name"] for tool in answer["result"]["tools"]}
        self.assertEqual(names, {f"hybrids3-{name}" for name in _STORAGE_TOOLS})
        more = {"x-mcp-servers": "hybrids3,claudebox"}
        _, answer = self.post("/mcp/", "tools/list", None, key, **more)
        self.assertEqual({tool["name"] for tool in answer["result"]["tools"]}, names)
        call = {"name": "claudebox-list_files", "arguments": {}}
        _, refused = self.post("/mcp/", "tools/call", call, key)
        self.assertEqual(refused["error"]["code"], -32602)

    def test_a_key_is_none_of_storage_s(self) -> None:
        """It needs one of those in each call, and reads what is public without."""
        key = self.key(allowed_mcp_servers=["hybrids3"])
        upload = {"bucket": "uploads", "key": "by-virtual-key", "content": "x"}
        self.assertTrue(self.call("/mcp/", "hybrids3-upload_object", upload, key)["isError"])
        with_key = {**upload, "auth_key": UPLOADS}
        self.assertFalse(self.call("/mcp/", "hybrids3-upload_object", with_key, key)["isError"])
        at = {"bucket": "uploads", "key": "by-virtual-key"}
        read = self.call("/mcp/", "hybrids3-download_object", at, key)
        self.assertEqual(read["content"][0]["text"], "x")

    def test_a_key_that_was_given_none(self) -> None:
        """Has no tool."""
        _, answer = self.post("/mcp/", "tools/list", None, self.key())
        self.assertEqual(answer["result"]["tools"], [])
