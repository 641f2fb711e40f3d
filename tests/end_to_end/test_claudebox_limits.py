"""Many runs at once, and workspaces that lead elsewhere."""

from __future__ import annotations

import contextlib
import json
import os
import select
import threading

from tests.end_to_end.anthropic_steps import Hold, Say, UseTool
from tests.end_to_end.claudebox_server import MOST_RUNS, ClaudeboxTestCase
from tests.support.waiting import eventually


class ManyTests(ClaudeboxTestCase):
    """More requests than there may be runs."""

    def test_one_workspace(self) -> None:
        """Of those that race for a workspace one has it, and the others 409 with its id."""
        go = threading.Event()
        hold = Hold(go, Say("The end."), say="")
        self.anthropic.script(self.name, hold)
        racing = [self.server.begin(self.name, self.name) for _ in range(2)]
        racing += [self.server.begin(self.name, f"./{self.name}//") for _ in range(2)]
        self.assertTrue(hold.reached.wait(20))
        run_id = self.run_id()
        while len(racing) > 1:
            for pending in select.select(racing, [], [], 30)[0]:
                racing.remove(pending)
                answer = pending.answer()
                self.assertEqual((answer.status, answer.value["runId"]), (409, run_id))
        go.set()
        answer = racing[0].answer()
        self.assertEqual((answer.status, answer.value["runId"]), (200, run_id))
        self.assertEqual(len(self.anthropic.received(self.name)), 1)

    def test_fifty_workspaces(self) -> None:
        """As many run as may, the others are 429 at once; when they are done others may."""
        go = threading.Event()
        holds = [Hold(go, Say("The end.")) for _ in range(MOST_RUNS)]
        self.anthropic.script(self.name, *holds)
        sent = [self.server.begin(self.name, f"{self.name}/{number}") for number in range(50)]
        for hold in holds:
            self.assertTrue(hold.reached.wait(30))
        runs = self.server.status()["runs"]
        running = {run["workspace"] for run in runs}
        self.assertEqual(len(running), MOST_RUNS)
        for number, pending in enumerate(sent):
            if f"{self.name}/{number}" not in running:
                answer = pending.answer()
                self.assertEqual(answer.status, 429, answer.body)
                self.assertEqual(answer.fields["retry-after"], "5")
        # While all places are taken, what needs none goes on.
        self.assertEqual(self.server.call("GET", "/files").status, 200)
        go.set()
        for number, pending in enumerate(sent):
            if f"{self.name}/{number}" in running:
                self.assertEqual(pending.answer().value["result"], "Once upon a time. The end.")
        self.assertEqual(self.server.run("hello", self.name).status, 200)


class PathTests(ClaudeboxTestCase):
    """Workspaces and files that lead out."""

    def refused(self, workspace: str) -> None:
        """No run, no answer of OpenAI's kind and no file is to be had there."""
        answer = self.server.run("hello", workspace)
        self.assertEqual(answer.status, 400, (workspace, answer.body))
        self.assertIn("detail", answer.value)

    def test_names(self) -> None:
        """Names that lead out by their text."""
        for name in ("..", "../x", "a/../../x", "/etc", "//etc", ".", "a/..", "a\0b", "a" * 300):
            self.refused(name)
        for path in ("../x", "%2e%2e/x", "a/%2e%2e/%2e%2e/x", "..%2fx", "/etc/passwd",
                     "%2fetc%2fpasswd", "a%00b"):  # fmt: skip
            for method, body in (("GET", None), ("PUT", b"x"), ("DELETE", None)):
                answer = self.server.call(method, f"/files/{path}", body)
                self.assertEqual(answer.status, 400, (method, path, answer.body))
        self.assertEqual(self.server.call("DELETE", "/files/a/..").status, 400)
        self.assertFalse((self.server.data / "x").exists())
        self.assertTrue(self.server.workspaces.is_dir())

    def test_links_of_a_run(self) -> None:
        """Symbolic links that a run has made are followed within the workspaces alone."""
        secret = self.server.folder / "secret"
        secret.mkdir()
        (secret / "key").write_text("hidden")
        links = f"ln -s {secret} out; ln -s ../../../.. up; mkdir in; ln -s in inner; echo ok"
        self.anthropic.script(
            self.name, UseTool("Bash", {"command": links, "description": "x"}), Say("Linked.")
        )
        self.assertEqual(self.run_it()["result"], "Linked.")
        for link in ("out", "up", "out/new", "up/new"):
            self.refused(f"{self.name}/{link}")
        for method, path, body in (
            ("GET", "out/key", None),
            ("GET", "out", None),
            ("GET", "up", None),
            ("PUT", "out/key", b"mine"),
            ("PUT", "out/new/deep", b"mine"),
            ("DELETE", "out/key", None),
        ):
            answer = self.server.call(method, f"/files/{self.name}/{path}", body)
            self.assertEqual(answer.status, 400, (method, path, answer.body))
            self.assertNotIn(b"hidden", answer.body)
        self.assertEqual([path.name for path in secret.iterdir()], ["key"])
        self.assertEqual((secret / "key").read_text(), "hidden")
        chat = {"model": "haiku", "messages": [{"role": "user", "content": "hello"}]}
        for workspace in (f"{self.name}/out", "../x"):
            fields = {"X_Claude_Workspace": workspace}
            answer = self.server.call("POST", "/openai/v1/chat/completions", chat, **fields)
            self.assertEqual(answer.status, 400, answer.body)
            self.assertEqual(answer.value["error"]["type"], "invalid_request_error")
        # Two names of one folder are one workspace.
        self.name += "/in"
        pending = self.hold(Hold(threading.Event()))
        other = self.server.run("hello", self.name.replace("/in", "/inner"))
        self.assertEqual((other.status, other.value["runId"]), (409, self.run_id()))
        self.server.cancel(workspace=self.name.replace("/in", "/inner"))
        self.assertEqual(pending.answer().status, 410)

    def test_removing_a_link(self) -> None:
        """Removing a link leaves what it names alone."""
        target = self.server.folder / "kept"
        target.write_text("kept")
        self.folder.mkdir()
        (self.folder / "link").symlink_to(target)
        self.assertEqual(self.server.call("DELETE", f"/files/{self.name}/link").status, 200)
        self.assertEqual(target.read_text(), "kept")
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_half_an_upload(self) -> None:
        """An upload that breaks off leaves the file that was there, and nothing else."""
        path = f"/files/{self.name}/data.bin"
        self.assertEqual(self.server.call("PUT", path, b"old").status, 200)
        half = self.server.send("PUT", path, b"n" * 300_000, Content_Length="1000000")
        eventually(self.incoming, "the upload does not begin")
        self.assertEqual(self.server.call("GET", path).body, b"old")
        half.leave()
        eventually(lambda: not self.incoming(), "the upload is left behind")
        self.assertEqual([path.name for path in self.folder.iterdir()], ["data.bin"])
        answer = self.server.call("GET", path)
        self.assertEqual(answer.body, b"old")
        etag = answer.fields["etag"]
        self.assertEqual(self.server.call("GET", path, If_None_Match=etag).status, 304)
        part = self.server.call("GET", path, Range="bytes=1-")
        self.assertEqual((part.status, part.body), (206, b"ld"))
        self.assertEqual(self.server.call("PUT", path, b"newer").value["size"], 5)
        self.assertEqual(self.server.call("GET", path, If_None_Match=etag).body, b"newer")

    def incoming(self) -> list[str]:
        """The files in this test's folder that the server writes: they have no name yet."""
        folder = f"/proc/{self.server.process.pid}/fd"
        opened = []
        for name in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):
                opened.append(os.readlink(f"{folder}/{name}"))
        return [path for path in opened if path.startswith(f"{self.folder}/")]

    def test_a_run_sees_files(self) -> None:
        """What is uploaded is there for a run, and what a run writes can be downloaded."""
        self.server.call("PUT", f"/files/{self.name}/in.txt", b"from outside")
        command = {"command": "tr a-z A-Z <in.txt >out.txt", "description": "x"}
        self.anthropic.script(self.name, UseTool("Bash", command), Say("Done."))
        self.run_it()
        listed = self.server.call("GET", f"/files/{self.name}").value["entries"]
        names = json.dumps([entry["name"] for entry in listed])
        self.assertEqual(names, '["in.txt", "out.txt"]')
        out = self.server.call("GET", f"/files/{self.name}/out.txt")
        self.assertEqual(out.body, b"FROM OUTSIDE")
