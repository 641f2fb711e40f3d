"""The models that a caller may use."""

from __future__ import annotations

import time
from typing import Any

from twisted_aigate.gateway.callers import Caller
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.errors import unknown_model
from twisted_aigate.gateway.health import describe
from twisted_aigate.gateway.service import Gateway
from twisted_aigate.web.auth import Authorise
from twisted_aigate.web.reply import Reply, json_reply
from twisted_aigate.web.request import Request
from twisted_aigate.web.routing import Router


class ListingRoutes:
    """
    Lists of models.

    @param gateway: Whose.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._started_at = int(time.time())

    def add_to(self, router: Router, prefix: str, authorise: Authorise[Caller]) -> None:
        """
        Add the routes.

        @param prefix: Before each path.
        @param authorise: Says who calls.
        """
        router.add("GET", prefix + "/models", self._models, authorise)
        router.add("GET", prefix + "/models/<path:model>", self._model, authorise)
        router.add("GET", prefix + "/model/info", self._model_info, authorise)

    def _listed(self, deployment: Deployment) -> dict[str, Any]:
        return {
            "id": deployment.model_name,
            "object": "model",
            "created": self._started_at,
            "owned_by": deployment.info.get("owned_by", deployment.provider),
        }

    async def _models(self, request: Request, caller: Caller) -> Reply:
        catalogue = self._gateway.catalogue
        listed = [
            self._listed(catalogue.find(name)[0])
            for name in catalogue.names
            if caller.may_use(name)
        ]
        return json_reply({"object": "list", "data": listed})

    async def _model(self, request: Request, caller: Caller, model: str) -> Reply:
        if not caller.may_use(model):
            raise unknown_model(model)
        return json_reply(self._listed(self._gateway.catalogue.find(model)[0]))

    async def _model_info(self, request: Request, caller: Caller) -> Reply:
        wanted = request.args.get(b"litellm_model_id", [b""])[0].decode("utf-8", "replace")
        found = []
        for deployment in self._gateway.catalogue:
            if (wanted and deployment.id != wanted) or not caller.may_use(deployment.model_name):
                continue
            described = describe(deployment)
            params = {name: described[name] for name in ("model", "api_base") if name in described}
            info = {**deployment.info, "id": deployment.id, "mode": deployment.mode}
            found.append(
                {
                    "model_name": deployment.model_name,
                    "litellm_params": params,
                    "model_info": info,
                }
            )
        if wanted and not found:
            raise unknown_model(wanted)
        return json_reply({"data": found})
