"""A client of C{/q/} on a real server."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any

from tests.end_to_end.server import MASTER_KEY, Server
from tests.support.waiting import eventually


class JobClient:
    """
    The client.

    @param server: The server.
    @ivar fields: The header fields of the last answer, in lower case.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self.fields: dict[str, str] = {}

    def call(
        self, method: str, path: str, body: bytes | None = None, **fields: str
    ) -> tuple[int, bytes]:
        """An answer's status and body."""
        headers = {"Authorization": f"Bearer {MASTER_KEY}", "Content-Type": "application/json"}
        headers.update({name.replace("_", "-"): value for name, value in fields.items()})
        connection = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=20)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            self.fields = {name.lower(): value for name, value in response.getheaders()}
            return response.status, response.read()
        finally:
            connection.close()

    def take(self, path: str, body: bytes, **fields: str) -> str:
        """Send a job; its id."""
        status, answer = self.call("POST", f"/q{path}", body, **fields)
        assert status == 202, answer
        taken = json.loads(answer)
        assert self.fields["location"] == f"/q/__jobs/{taken['job_id']}"
        job_id: str = taken["job_id"]
        return job_id

    def chat(self, model: str, **more: Any) -> str:
        """Send a chat; its id."""
        messages = [{"role": "user", "content": "x"}]
        body = {"model": model, "messages": messages, **more}
        return self.take("/v1/chat/completions", json.dumps(body).encode())

    def job(self, job_id: str) -> dict[str, Any]:
        """A job's status object."""
        status, body = self.call("GET", f"/q/__jobs/{job_id}")
        assert status == 200, body
        found: dict[str, Any] = json.loads(body)
        return found

    def wait(self, job_id: str, *wanted: str) -> dict[str, Any]:
        """Wait until a job has one of these statuses; without any: until it is over."""
        wanted = wanted or ("completed", "failed")

        def found() -> dict[str, Any] | None:
            job = self.job(job_id)
            return job if job["status"] in wanted else None

        job: dict[str, Any] = eventually(found, lambda: f"{self.job(job_id)}\n{self._server.log}")
        return job

    def content(self, job_id: str) -> tuple[int, bytes]:
        """What a job was answered."""
        return self.call("GET", f"/q/__jobs/{job_id}/content")

    @property
    def folders(self) -> list[str]:
        """The jobs that have something on disk."""
        path = Path(self._server.variables["DATA_DIR"]) / "jobs"
        return sorted(each.name for each in path.iterdir())


def multipart(model: str, sound: bytes) -> tuple[bytes, str]:
    """A transcription's body and its content type."""
    body = (
        b'--edge\r\nContent-Disposition: form-data; name="model"\r\n\r\n%b\r\n'
        b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n'
        b"Content-Type: audio/wav\r\n\r\n%b\r\n--edge--\r\n"
    ) % (model.encode(), sound)
    return body, "multipart/form-data; boundary=edge"
