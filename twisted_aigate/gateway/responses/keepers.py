"""Which deployment is asked for a response that a deployment keeps."""

from __future__ import annotations

from twisted_aigate.gateway.deployments import Catalogue, Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.responses.kept import unknown_response
from twisted_aigate.gateway.responses.records import Kept


def keeper_of(catalogue: Catalogue, kept: Kept) -> Deployment:
    """
    The deployment that keeps a response.

    @raise GatewayError: 404: it is not configured any more.
    """
    for deployment in catalogue:
        if deployment.id == kept.deployment and deployment.serves_responses:
            return deployment
    raise unknown_response(kept.id)


def going_on(catalogue: Catalogue, model: str, kept: Kept) -> Deployment:
    """
    The deployment that can go on from a response that a deployment keeps.

    @param model: The model that is to go on.
    @return: The keeper; for another model one that asks the same server with the same key.
    @raise GatewayError: 404: it is not configured any more; 400: the model is not of its server.
    """
    keeper = keeper_of(catalogue, kept)
    if model == kept.model:
        # Whichever it fell back to then.
        return keeper
    for deployment in catalogue.find(model):
        if deployment.id == keeper.id or _account(deployment) == _account(keeper):
            return deployment
    raise GatewayError(
        400,
        f"{kept.id!r} is kept by the provider of {kept.model!r}: {model!r} cannot go on from it.",
        param="previous_response_id",
    )


def _account(deployment: Deployment) -> tuple[object, ...]:
    key = deployment.api_key
    return (
        deployment.serves_responses,
        deployment.provider,
        deployment.origin,
        deployment.path,
        key.reveal() if key is not None else None,
    )
