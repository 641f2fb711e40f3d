"""Claude Code as an API, as its users know it: their curl commands, word for word."""

from __future__ import annotations

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.end_to_end.anthropic_server import USAGE
from tests.end_to_end.anthropic_steps import Say, UseTool
from tests.end_to_end.claudebox_server import TOKEN, ZAI_TOKEN, ClaudeboxTestCase
from tests.end_to_end.server import MASTER_KEY, environment

_GO = """curl -X POST http://localhost:4000/claudebox/run \\
-H "Authorization: Bearer $CLAUDEBOX_API_TOKEN" \\
-d '{"prompt": "write a Go HTTP server", "workspace": "go-project"}'
"""
_PYTHON = """curl -X POST http://localhost:4000/claudebox/run \\
-H "Authorization: Bearer $CLAUDEBOX_API_TOKEN" \\
-d '{"prompt": "write pytest tests", "workspace": "py-tests"}'
"""
_GATEWAY = """curl http://localhost:4000/chat/completions \\
-H "Authorization: Bearer $LITELLM_MASTER_KEY" \\
-H "Content-Type: application/json" \\
-d '{
"model": "claudebox-sonnet",
"messages": [{"role": "user", "content": "analyze data.csv and summarize it"}],
"extra_headers": {"X-Claude-Workspace": "myproject"}
}'"""
_CURL = "curl -sS -w '\\n%{http_code}' "
_AUTHORISED = '-H "Authorization: Bearer $CLAUDEBOX_API_TOKEN" '
_TREE = "http://localhost:4000/claudebox"


class SeedTestCase(ClaudeboxTestCase):
    """What a shell prints."""

    def shell(self, command: str) -> str:
        """What a command prints; of it only the port is changed."""
        variables = {
            "CLAUDEBOX_API_TOKEN": TOKEN,
            "CLAUDEBOX_ZAI_API_TOKEN": ZAI_TOKEN,
            "LITELLM_MASTER_KEY": MASTER_KEY,
        }
        done = subprocess.run(
            ["/bin/sh", "-c", command.replace(":4000", f":{self.server.port}")],
            env=environment(**variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self.server.folder,
            timeout=60,
            check=True,
        )
        return done.stdout.decode()

    def curl(self, arguments: str, *, authorised: bool = True) -> tuple[int, str]:
        """The status and the body that curl gets."""
        field = _AUTHORISED if authorised else ""
        body, _, status = self.shell(_CURL + field + arguments).rpartition("\n")
        return int(status), body


class CommandTests(SeedTestCase):
    """The commands that the documentation has."""

    def test_two_at_once(self) -> None:
        """Two runs in two workspaces go on at once, though curl calls their JSON a form."""
        with ThreadPoolExecutor(2) as pool:
            printed = list(pool.map(self.shell, (_GO, _PYTHON)))
        results = [json.loads(text) for text in printed]
        said = [(result["result"], result["workspace"]) for result in results]
        self.assertEqual(
            said,
            [
                ("You said: write a Go HTTP server", "go-project"),
                ("You said: write pytest tests", "py-tests"),
            ],
        )

    def test_through_the_gateway(self) -> None:
        """The gateway's model, with the workspace in C{extra_headers}."""
        folder = self.server.workspaces / "myproject"
        folder.mkdir()
        (folder / "data.csv").write_text("id,value\n1,42\n")
        steps = UseTool("Bash", {"command": "cat data.csv", "description": "x"}), Say("It is 42.")
        self.anthropic.script("analyze data.csv", *steps)
        answer = json.loads(self.shell(_GATEWAY))
        self.assertEqual(answer["object"], "chat.completion")
        self.assertEqual(answer["model"], "sonnet")
        (choice,) = answer["choices"]
        self.assertEqual(choice["message"]["content"], "It is 42.")
        self.assertEqual(choice["finish_reason"], "stop")
        first, second = self.anthropic.received("analyze data.csv")
        self.assertIn("sonnet", first.body["model"])
        self.assertIn("id,value", json.dumps(second.body["messages"][-1]))


class EndpointTests(SeedTestCase):
    """Every row of the table of endpoints."""

    def test_health(self) -> None:
        """Health needs no token."""
        answer = self.curl(f"{_TREE}/health", authorised=False)
        self.assertEqual(answer, (200, '{"status":"ok"}'))

    def test_token(self) -> None:
        """All else needs it: 401."""
        for arguments in (
            f"{_TREE}/status",
            f'-X POST {_TREE}/run -d \'{{"prompt": "hello"}}\'',
            f"-X POST {_TREE}/run/cancel?workspace=x",
            f"-X PUT {_TREE}/files/x/y -d z",
            f"{_TREE}/files/x/y",
            f"{_TREE}/files/x",
            f"{_TREE}/files",
            f"-X DELETE {_TREE}/files/x/y",
            f"{_TREE}/openai/v1/models",
            f"-X POST {_TREE}/openai/v1/chat/completions -d '{{}}'",
        ):
            for wrong in ("", "-H 'Authorization: Bearer wrong' "):
                status, body = self.curl(wrong + arguments, authorised=False)
                self.assertEqual(status, 401, arguments)
                self.assertIn("error" if "/openai/" in arguments else "detail", json.loads(body))
        self.assertFalse((self.server.workspaces / "x").exists())

    def test_files(self) -> None:
        """A file is uploaded, listed, downloaded and deleted."""
        (self.server.folder / "report.txt").write_bytes(b"one\ntwo\n")
        path = f"{self.name}/deep/report.txt"
        put = self.curl(f"-T report.txt {_TREE}/files/{path}")
        self.assertEqual(put[0], 200)
        self.assertEqual(json.loads(put[1]), {"status": "ok", "path": path, "size": 8})
        self.assertEqual(self.curl(f"{_TREE}/files/{path}"), (200, "one\ntwo\n"))
        status, body = self.curl(f"{_TREE}/files/{self.name}/deep")
        entries = [{"name": "report.txt", "type": "file", "size": 8}]
        self.assertEqual(status, 200)
        self.assertEqual(json.loads(body), {"path": f"{self.name}/deep", "entries": entries})
        status, body = self.curl(f"{_TREE}/files/{self.name}")
        self.assertEqual(json.loads(body)["entries"], [{"name": "deep", "type": "dir", "size": 0}])
        status, body = self.curl(f"{_TREE}/files")
        root = json.loads(body)
        self.assertEqual((status, root["path"]), (200, ""))
        self.assertIn({"name": self.name, "type": "dir", "size": 0}, root["entries"])
        status, body = self.curl(f"-X DELETE {_TREE}/files/{path}")
        self.assertEqual(status, 200)
        self.assertEqual(json.loads(body), {"status": "ok", "path": path})
        self.assertEqual(self.curl(f"{_TREE}/files/{path}")[0], 404)

    def test_busy_and_cancelled(self) -> None:
        """A workspace that runs is in the status, takes no other run, and can be cancelled."""
        pending = self.hang()
        run_id = self.run_id()
        status, body = self.curl(f"{_TREE}/status")
        self.assertEqual(status, 200)
        run = {"runId": run_id, "workspace": self.name, "status": "running"}
        self.assertEqual(json.loads(body), {"busyWorkspaces": [self.name], "runs": [run]})
        given = json.dumps({"prompt": "hello", "workspace": self.name})
        status, body = self.curl(f"-X POST {_TREE}/run -d '{given}'")
        self.assertEqual(status, 409)
        self.assertEqual(json.loads(body)["runId"], run_id)
        self.assertIn("already has a running Claude process", json.loads(body)["detail"])
        status, body = self.curl(f"-X POST {_TREE}/run/cancel?workspace={self.name}")
        self.assertEqual(status, 200)
        cancelled = {"status": "cancelled", "runId": run_id, "workspace": self.name}
        self.assertEqual(json.loads(body), cancelled)
        # Who hears that it is cancelled hears it when nothing of it is left.
        self.assertEqual(self.server.run_processes(), [])
        self.assertEqual(pending.answer().status, 410)
        status, _ = self.curl(f"-X POST {_TREE}/run/cancel?workspace={self.name}")
        self.assertEqual(status, 404)

    def test_models(self) -> None:
        """The models of the OpenAI protocol."""
        status, body = self.curl(f"{_TREE}/openai/v1/models")
        self.assertEqual(status, 200)
        listed = json.loads(body)
        self.assertEqual(listed["object"], "list")
        names = [model["id"] for model in listed["data"]]
        self.assertEqual(names, ["haiku", "sonnet", "opus", "opusplan"])

    def test_completion(self) -> None:
        """OpenAI's chat completions; fields that mean nothing here are ignored."""
        message = {"role": "user", "content": "hello"}
        asked = {"model": "haiku", "messages": [message], "temperature": 0.1, "max_tokens": 5}
        body = json.dumps({**asked, "tools": [], "seed": 1})
        path = f"{_TREE}/openai/v1/chat/completions"
        status, text = self.curl(f"-H 'X-Claude-Workspace: {self.name}' {path} -d '{body}'")
        answer = json.loads(text)
        self.assertEqual(status, 200, text)
        self.assertEqual(answer["choices"][0]["message"]["content"], "You said: hello")
        self.assertTrue(self.folder.is_dir())


class ResultTests(ClaudeboxTestCase):
    """The two shapes of a result."""

    def use_a_tool(self, output_format: str) -> Any:
        (self.server.workspaces / self.name).mkdir()
        (self.folder / "data.csv").write_text("id,some_name\n1,foo\n")
        command = {"command": "head data.csv", "description": "Look_at_it"}
        self.anthropic.script(
            self.name, UseTool("Bash", command, say="I look."), Say("Done. I looked.")
        )
        return self.run_it(outputFormat=output_format)

    def test_json(self) -> None:
        """C{json}: the result, its keys in camel case."""
        result = self.use_a_tool("json")
        expected = {
            "type": "result",
            "subtype": "success",
            "isError": False,
            "result": "Done. I looked.",
            "numTurns": 2,
            "workspace": self.name,
        }
        self.assertEqual({**result, **expected}, result)
        self.assertIs(type(result["durationMs"]), int)
        self.assertGreater(result["totalCostUsd"], 0)
        self.assertRegex(result["sessionId"], r"\A[0-9a-f-]{36}\Z")
        self.assertRegex(result["runId"], r"\A[0-9a-f]{32}\Z")
        usage = result["usage"]
        self.assertEqual(usage["inputTokens"], 2 * USAGE["input_tokens"])
        self.assertEqual(usage["outputTokens"], 2 * USAGE["output_tokens"])
        self.assertEqual(usage["cacheReadInputTokens"], 2 * USAGE["cache_read_input_tokens"])
        self.assertNotIn("turns", result)
        self.assertEqual([name for name in _names(result) if "_" in name], [])

    def test_json_verbose(self) -> None:
        """C{json-verbose}: the turns too; what tools are given and give stays as it is."""
        result = self.use_a_tool("json-verbose")
        first, second, third = result["turns"]
        text, use = first["content"]
        self.assertEqual(first["role"], "assistant")
        self.assertEqual((text["type"], text["text"]), ("text", "I look."))
        self.assertEqual((use["type"], use["name"]), ("tool_use", "Bash"))
        self.assertEqual(use["input"], {"command": "head data.csv", "description": "Look_at_it"})
        given = {
            "type": "toolResult",
            "toolUseId": use["id"],
            "isError": False,
            "content": "id,some_name\n1,foo",
        }
        self.assertEqual(second, {"role": "tool_result", "content": [given]})
        self.assertEqual(third["role"], "assistant")
        self.assertEqual(third["content"][0]["text"], "Done. I looked.")
        self.assertEqual((result["result"], result["numTurns"]), ("Done. I looked.", 2))

    def test_failed_tool(self) -> None:
        """A tool that fails says so in its turn, and the run goes on."""
        command = {"command": "echo no >&2; exit 3", "description": "x"}
        self.anthropic.script(self.name, UseTool("Bash", command), Say("It failed."))
        result = self.run_it(outputFormat="json-verbose")
        (given,) = result["turns"][1]["content"]
        self.assertIs(given["isError"], True)
        self.assertIn("Exit code 3", given["content"])
        self.assertEqual(result["result"], "It failed.")


class ZaiTests(SeedTestCase):
    """The second instance."""

    def zai(self, method: str, path: str, body: Any = None, token: str = ZAI_TOKEN) -> Any:
        return self.server.call(method, path, body, tree="/claudebox-zai", token=token)

    def test_tokens(self) -> None:
        """Each instance refuses the other's token, and the gateway's key."""
        for token in (TOKEN, MASTER_KEY):
            self.assertEqual(self.zai("GET", "/status", token=token).status, 401)
        for token in (ZAI_TOKEN, MASTER_KEY):
            self.assertEqual(self.server.call("GET", "/status", token=token).status, 401)
        self.assertEqual(self.zai("GET", "/status").status, 200)

    def test_models(self) -> None:
        """Its runs ask for z.ai's models, with its account as a bearer."""
        for model, expected in (
            ("opus", "glm-5.1"),
            ("sonnet", "glm-4.7"),
            ("haiku", "glm-4.5-air"),
        ):
            marker = f"{self.name} {model}"
            self.anthropic.script(marker, Say("From z.ai."))
            answer = self.zai("POST", "/run", {"prompt": marker, "model": model, "workspace": "z"})
            self.assertEqual((answer.status, answer.value["result"]), (200, "From z.ai."))
            (request,) = self.anthropic.received(marker)
            self.assertEqual(request.body["model"], expected)
            self.assertIn("authorization", request.fields)
            self.assertNotIn("x-api-key", request.fields)

    def test_own_folder(self) -> None:
        """Its workspaces are not those of the other."""
        self.assertEqual(self.zai("PUT", f"/files/{self.name}/f", b"mine").status, 200)
        self.assertEqual(self.server.call("GET", f"/files/{self.name}/f").status, 404)

    def test_through_the_gateway(self) -> None:
        """The gateway's aliases of both instances."""
        listed = self.server.call("GET", "/models", tree="", token=MASTER_KEY).value["data"]
        names = {model["id"] for model in listed}
        glm = {"claudebox-glm-4.5-air", "claudebox-glm-4.7", "claudebox-glm-5.1"}
        self.assertLess(glm | {"claudebox-haiku", "claudebox-sonnet", "claudebox-opus"}, names)
        for alias, expected in (("claudebox-opus", "opus"), ("claudebox-glm-4.7", "glm-4.7")):
            marker = f"{self.name} {alias}"
            self.anthropic.script(marker, Say("As asked."))
            asked = {"model": alias, "messages": [{"role": "user", "content": marker}]}
            answer = self.server.call("POST", "/chat/completions", asked, tree="", token=MASTER_KEY)
            self.assertEqual(answer.status, 200, answer.body)
            (request,) = self.anthropic.received(marker)
            self.assertIn(expected, request.body["model"])


def _names(value: Any) -> list[str]:
    """The names of all fields; those of C{modelUsage} are models."""
    if not isinstance(value, dict):
        return []
    names = list(value)
    for name, inner in value.items():
        if name != "modelUsage":
            names += _names(inner)
    return names
