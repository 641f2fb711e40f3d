"""The model of a call that names none."""

from __future__ import annotations

from twisted_aigate.gateway.callers import Caller
from twisted_aigate.gateway.calls import Task
from twisted_aigate.gateway.deployments import Catalogue
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.requests import no_model

_MODES = {
    Task.MODERATION: ("moderation",),
    Task.IMAGE: ("image_generation",),
    Task.IMAGE_EDIT: ("image_edit", "image_generation"),
    Task.IMAGE_VARIATION: ("image_generation",),
}
"""The calls for which OpenAI's API asks for no model, and the modes of models that answer them."""


def default_model(task: Task, catalogue: Catalogue, caller: Caller) -> str:
    """
    The first model that there is for a task, of those that the caller may use.

    @raise GatewayError: 400: there is none, or the task's calls must name theirs.
    """
    modes = _MODES.get(task)
    if modes is None:
        return no_model()
    for mode in modes:
        for deployment in catalogue:
            if deployment.mode == mode and caller.may_use(deployment.model_name, catalogue):
                return deployment.model_name
    raise GatewayError(
        400,
        f"No model is named, and there is none of the mode {modes[-1]} here.",
        param="model",
    )
