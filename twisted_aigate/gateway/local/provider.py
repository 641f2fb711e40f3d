"""The C{local/} provider: calls answered by embedded models."""

from __future__ import annotations

import os
from collections.abc import Mapping

import msgspec
from zope.interface import implementer

from twisted_aigate.gateway.calls import Call, FormCall, Result, Task
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.events import DONE, EVENT_STREAM, event
from twisted_aigate.gateway.local import protocol
from twisted_aigate.gateway.local.model import LocalModel
from twisted_aigate.gateway.providers.interface import IProvider

_TASKS: dict[Task, protocol.Task] = {
    Task.CHAT: "chat",
    Task.COMPLETION: "completion",
    Task.EMBEDDING: "embedding",
    Task.SPEECH: "speech",
    Task.TRANSCRIPTION: "transcription",
    Task.TRANSLATION: "transcription",
}


@implementer(IProvider)
class LocalProvider:
    """
    All embedded models.

    @param models: By the name that a deployment has for them.
    """

    def __init__(self, models: Mapping[str, LocalModel]) -> None:
        self._models = models

    async def call(self, deployment: Deployment, call: Call) -> Result:
        """See L{IProvider}."""
        model = self._model(deployment, call.task)
        body = call.body_for(call.model)
        if call.stream and call.task in (Task.CHAT, Task.COMPLETION):
            job, _ = await model.submit(_TASKS[call.task], body, event, DONE)
            return Result(job, EVENT_STREAM)
        job, content_type = await model.submit(_TASKS[call.task], body)
        if call.task is Task.SPEECH:
            return Result(job, content_type.encode("ascii"))
        return Result(await job.whole(), content_type.encode("ascii"))

    async def call_form(self, deployment: Deployment, call: FormCall) -> Result:
        """See L{IProvider}."""
        model = self._model(deployment, call.task)
        upload = next(each for each in call.uploads if each.name == "file")
        # The file has no name on the disk; the worker, of the same user, opens it through ours.
        path = f"/proc/{os.getpid()}/fd/{upload.file.fileno()}"
        body: dict[str, object] = {"path": path, "filename": upload.filename}
        granularities = []
        for name, value in call.fields:
            if name in ("timestamp_granularities", "timestamp_granularities[]"):
                granularities.append(value)
            elif name == "temperature":
                body[name] = _number(name, value)
            else:
                body[name] = value
        body["translate"] = call.task is Task.TRANSLATION
        if granularities:
            body["timestamp_granularities"] = granularities
        job, content_type = await model.submit(_TASKS[call.task], msgspec.json.encode(body))
        return Result(await job.whole(), content_type.encode("ascii"))

    def _model(self, deployment: Deployment, task: Task) -> LocalModel:
        model = self._models[deployment.model]
        if task not in model.entry.tasks:
            raise GatewayError(
                400,
                f"{deployment.model_name} is of the mode {model.entry.mode}: "
                f"it does not answer {task.value}.",
                param="model",
            )
        return model


def _number(name: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise GatewayError(400, f"{name} must be a number.", param=name) from None
