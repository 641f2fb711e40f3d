"""C{GET /health}: each deployment tried with a call as small as its mode allows."""

from __future__ import annotations

import io
import tempfile
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.defer import Deferred, gatherResults

from twisted_aigate.gateway.calls import Call, FormCall, Result, Task, Upload
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.realtime.service import Realtime
from twisted_aigate.gateway.service import Gateway
from twisted_aigate.kernel.admission import Admission
from twisted_aigate.kernel.threads import Threads

_AT_ONCE = 8

_CALLS: dict[str, tuple[Task, dict[str, Any]]] = {
    "chat": (
        Task.CHAT,
        {"messages": [{"role": "user", "content": "Say OK."}], "max_tokens": 5},
    ),
    "completion": (Task.COMPLETION, {"prompt": "OK", "max_tokens": 5}),
    "responses": (Task.RESPONSES, {"input": "Say OK.", "max_output_tokens": 16, "store": False}),
    "embedding": (Task.EMBEDDING, {"input": "OK"}),
    "audio_speech": (Task.SPEECH, {"input": "OK", "voice": "alloy"}),
    "moderation": (Task.MODERATION, {"input": "OK"}),
    "rerank": (Task.RERANK, {"query": "OK", "documents": ["OK"]}),
}

_TOO_DEAR = frozenset(("image_generation", "image_edit"))
"""The modes whose smallest call costs as much as any other: such deployments are not tried."""


def _silence() -> bytes:
    sound = io.BytesIO()
    with wave.open(sound, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16000)
        out.writeframes(bytes(16000))
    return sound.getvalue()


def _json_call(deployment: Deployment, task: Task, request: dict[str, Any]) -> Call:
    fields = {"model": deployment.model_name, **request}
    raw = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in fields.items()}
    return Call(task, deployment.model_name, raw)


class HealthChecks:
    """
    Tries deployments.

    @param gateway: Whose.
    @param realtime: Has conversations with those of the mode C{realtime}.
    @param threads: Where files are written.
    @param folder: The disk for them.
    """

    def __init__(
        self, gateway: Gateway, realtime: Realtime, threads: Threads, folder: Path
    ) -> None:
        self._gateway = gateway
        self._realtime = realtime
        self._threads = threads
        self._folder = folder

    async def check(self) -> dict[str, Any]:
        """
        Try all of them.

        @return: LiteLLM's shape: the healthy, the unhealthy with their errors, and how many; and
            those that are not tried.
        """
        admission = Admission(_AT_ONCE, 1_000_000)
        healthy: list[dict[str, Any]] = []
        unhealthy: list[dict[str, Any]] = []

        async def one(deployment: Deployment) -> None:
            await admission.enter()
            described = describe(deployment)
            try:
                await self._try(deployment)
            except GatewayError as error:
                unhealthy.append({**described, "error": error.message, "status": error.status})
            else:
                healthy.append(described)
            finally:
                admission.leave()

        deployments = list(self._gateway.catalogue)
        unchecked = [describe(each) for each in deployments if each.mode in _TOO_DEAR]
        checks = [
            Deferred.fromCoroutine(one(each)) for each in deployments if each.mode not in _TOO_DEAR
        ]
        await gatherResults(checks, consumeErrors=True)
        return {
            "healthy_endpoints": healthy,
            "unhealthy_endpoints": unhealthy,
            "unchecked_endpoints": unchecked,
            "healthy_count": len(healthy),
            "unhealthy_count": len(unhealthy),
            "unchecked_count": len(unchecked),
        }

    async def _try(self, deployment: Deployment) -> None:
        if deployment.mode == "realtime":
            await self._realtime.greet(deployment)
            return
        if deployment.mode == "audio_transcription":
            result = await self._transcribe(deployment)
        else:
            task, request = _CALLS.get(deployment.mode, _CALLS["chat"])
            call = _json_call(deployment, task, request)
            result = await self._gateway.call_deployment(deployment, call)
        result.drop()

    async def _transcribe(self, deployment: Deployment) -> Result:
        sound = _silence()
        make: Callable[..., Any] = tempfile.TemporaryFile
        file = await self._threads.run(make, dir=self._folder)
        try:
            await self._threads.run(file.write, sound)
            await self._threads.run(file.flush)
            upload = Upload("file", file, "silence.wav", "audio/wav", len(sound))
            call = FormCall(Task.TRANSCRIPTION, deployment.model_name, (), (upload,))
            return await self._gateway.call_form_deployment(deployment, call)
        finally:
            file.close()


def describe(deployment: Deployment) -> dict[str, Any]:
    """A deployment as operators see it: no secret is in it."""
    described = {
        "model": f"{deployment.provider}/{deployment.model}",
        "model_name": deployment.model_name,
        "model_id": deployment.id,
        "mode": deployment.mode,
    }
    if deployment.origin is not None:
        authority = deployment.origin.authority.decode("ascii")
        described["api_base"] = f"{deployment.origin.scheme}://{authority}{deployment.path}"
    return described
