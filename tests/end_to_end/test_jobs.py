"""Jobs on a real server."""

from __future__ import annotations

import json
import signal

from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.job_client import JobClient, multipart
from tests.end_to_end.provider import FakeProvider, config
from tests.end_to_end.server import Server
from tests.support.waiting import eventually

_MODELS = ("fine", "slow", "endless", "breaks", "status-404")


class _JobsCase(SynchronousTestCase):
    variables: dict[str, str] = {}

    def setUp(self) -> None:
        self.provider = FakeProvider()
        self.addCleanup(self.provider.stop)
        text = config(self.provider.base, *_MODELS)
        self.server = Server(text, RATELIMIT_QUEUE="off", LOG_FORMAT="text", **self.variables)
        self.addCleanup(self.server.stop)
        self.server.wait_until_up()
        self.client = JobClient(self.server)

    @property
    def models(self) -> list[str]:
        """The models that the provider was asked for, in order."""
        return [parsed["model"] for _, _, parsed in self.provider.requests]


class JobTests(_JobsCase):
    """Jobs of all kinds."""

    def test_chat(self) -> None:
        """The answer is the call's own; its lines in the log have the id of the job's request."""
        job_id = self.client.chat("fine")
        request_id = self.client.fields["x-request-id"]
        job = self.client.wait(job_id)
        self.assertEqual(job["status"], "completed")
        self.assertEqual(job["path"], "/v1/chat/completions")
        self.assertLessEqual(job["created_at"], job["started_at"])
        self.assertLessEqual(job["started_at"], job["finished_at"])
        status, body = self.client.content(job_id)
        self.assertEqual(status, 200)
        self.assertEqual(self.client.fields["content-type"], "application/json")
        self.assertIn("x-litellm-model-id", self.client.fields)
        self.assertEqual(self.client.fields["content-length"], str(len(body)))
        message = json.loads(body)["choices"][0]["message"]
        self.assertEqual(message["content"], "From the fake provider.")
        self.server.wait_for_log(rf"{request_id} POST /v1/chat/completions 200 ")

    def test_stream(self) -> None:
        """A stream is kept as it came."""
        job_id = self.client.chat("slow", stream=True)
        self.assertEqual(self.client.wait(job_id)["status"], "completed")
        status, body = self.client.content(job_id)
        self.assertEqual(status, 200)
        self.assertTrue(self.client.fields["content-type"].startswith("text/event-stream"))
        self.assertEqual(body.count(b"data: "), 6)
        self.assertTrue(body.endswith(b"data: [DONE]\n\n"))

    def test_transcription(self) -> None:
        """A form is kept and sent on as it came."""
        body, content_type = multipart("fine", bytes(range(256)) * 10_000)
        job_id = self.client.take("/audio/transcriptions", body, Content_Type=content_type)
        self.assertEqual(self.client.wait(job_id)["status"], "completed")
        self.assertEqual(json.loads(self.client.content(job_id)[1]), {"text": "2560000 bytes"})

    def test_messages(self) -> None:
        """Anthropic's API too."""
        messages = [{"role": "user", "content": "x"}]
        body = json.dumps({"model": "fine", "max_tokens": 9, "messages": messages}).encode()
        job_id = self.client.take("/v1/messages", body)
        self.client.wait(job_id)
        self.assertEqual(json.loads(self.client.content(job_id)[1])["type"], "message")

    def test_failures(self) -> None:
        """What fails keeps its own status, be it the provider's or ours."""
        unknown = self.client.chat("none")
        refused = self.client.chat("status-404")
        invalid = self.client.take("/chat/completions", b"not JSON")
        for job_id, expected in ((unknown, 404), (refused, 404), (invalid, 400)):
            self.assertEqual(self.client.wait(job_id)["status"], "failed")
            status, body = self.client.content(job_id)
            self.assertEqual(status, expected)
            self.assertIn("message", json.loads(body)["error"])

    def test_cancel(self) -> None:
        """Deleting a job cancels the provider's work, and nothing of it is left."""
        job_id = self.client.chat("endless", stream=True)
        self.client.wait(job_id, "running")
        status, body = self.client.content(job_id)
        self.assertEqual((status, json.loads(body)["status"]), (202, "running"))
        eventually(lambda: self.provider.requests, "the provider is not asked")
        status, body = self.client.call("DELETE", f"/q/__jobs/{job_id}")
        self.assertEqual((status, json.loads(body)["status"]), (200, "cancelled"))
        self.assertTrue(self.provider.gone.wait(10))
        self.assertEqual(self.client.call("GET", f"/q/__jobs/{job_id}")[0], 404)
        self.assertEqual(self.client.folders, [])

    def test_refusals(self) -> None:
        """Who has no key, and what is no path, is refused at once; nothing is kept."""
        refused = self.client.call("POST", "/q/chat/completions", b"{}", Authorization="Bearer x")
        self.assertEqual(refused[0], 401)
        self.assertEqual(self.client.call("POST", "/q/nothing", b"{}")[0], 404)
        self.assertEqual(self.client.call("GET", "/q/chat/completions")[0], 405)
        self.assertEqual(self.client.folders, [])


class OneAtOnceTests(_JobsCase):
    """PROXQ_CONCURRENCY=1, and a server that ends."""

    variables = {"PROXQ_CONCURRENCY": "1"}

    def test_turns(self) -> None:
        """The second runs when the first is over."""
        first, second = self.client.chat("slow", stream=True), self.client.chat("fine")
        self.client.wait(first, "running")
        self.assertEqual(self.client.job(second)["status"], "queued")
        done = self.client.wait(second)
        self.assertGreaterEqual(done["started_at"], self.client.job(first)["finished_at"])
        listed = json.loads(self.client.call("GET", "/q/__jobs")[1])
        self.assertEqual([job["job_id"] for job in listed["data"]], [second, first])

    def test_killed(self) -> None:
        """After SIGKILL what ran runs again, what waited runs, what was over does not."""
        over = self.client.chat("fine")
        self.client.wait(over)
        before = self.client.content(over)[1]
        running = self.client.chat("slow", stream=True)
        waiting = [self.client.chat("fine"), self.client.chat("status-404")]
        self.wait_for_call(2)
        self.server.kill()
        self.assertEqual(self.models, ["fine", "slow"])
        self.server.start()
        self.server.wait_until_up()
        self.assertEqual(self.client.wait(waiting[1])["status"], "failed")
        for job_id in (over, running, waiting[0]):
            self.assertEqual(self.client.job(job_id)["status"], "completed")
        self.assertEqual(self.models, ["fine", "slow", "slow", "fine", "status-404"])
        self.assertEqual(self.client.content(over)[1], before)
        self.assertTrue(self.client.content(running)[1].endswith(b"data: [DONE]\n\n"))

    def test_terminated(self) -> None:
        """At SIGTERM the one that runs is finished, and no other begins before the restart."""
        running, waiting = self.client.chat("slow", stream=True), self.client.chat("fine")
        self.wait_for_call(1)
        self.assertEqual(self.server.terminate(), 0)
        self.assertEqual(self.models, ["slow"])
        self.server.start()
        self.server.wait_until_up()
        self.assertEqual(self.client.wait(waiting)["status"], "completed")
        self.assertEqual(self.client.job(running)["status"], "completed")
        self.assertEqual(self.models, ["slow", "fine"])

    def wait_for_call(self, count: int) -> None:
        """Wait until the provider was asked so many times."""
        eventually(lambda: len(self.provider.requests) >= count, lambda: self.server.log)


class ShortTests(_JobsCase):
    """Short times."""

    variables = {"SHUTDOWN_GRACE": "1s", "PROXQ_TASK_RETENTION": "1s"}

    def test_grace_runs_out(self) -> None:
        """What is not over then is cut, and runs again after the restart."""
        job_id = self.client.chat("endless", stream=True)
        self.client.wait(job_id, "running")
        self.server.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.server.process.wait(10), 0)
        self.assertTrue(self.provider.gone.wait(10))
        self.server.start()
        self.server.wait_until_up()
        self.client.wait(job_id, "running")
        self.client.call("DELETE", f"/q/__jobs/{job_id}")

    def test_retention(self) -> None:
        """What is over is forgotten after a while."""
        job_id = self.client.chat("fine")
        eventually(
            lambda: self.client.call("GET", f"/q/__jobs/{job_id}")[0] == 404, "it is remembered"
        )
        self.assertEqual(self.client.folders, [])
        self.assertEqual(self.models, ["fine"])
