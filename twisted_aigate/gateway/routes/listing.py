"""The models that a caller may use."""

from __future__ import annotations

from typing import Any

from twisted_aigate.gateway.callers import Caller
from twisted_aigate.gateway.errors import unknown_model
from twisted_aigate.gateway.health import describe
from twisted_aigate.gateway.listed import anthropic_model, openai_model, read_page
from twisted_aigate.gateway.routes.errors import lists_for_anthropic
from twisted_aigate.gateway.service import Gateway
from twisted_aigate.web.auth import Authorise
from twisted_aigate.web.reply import Reply, json_reply
from twisted_aigate.web.request import Request
from twisted_aigate.web.routing import Router

_PAGE = (b"limit", b"after_id", b"before_id")


class ListingRoutes:
    """
    Lists of models.

    @param gateway: Whose.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def add_to(self, router: Router, prefix: str, authorise: Authorise[Caller]) -> None:
        """
        Add the routes.

        @param prefix: Before each path.
        @param authorise: Says who calls.
        """
        router.add("GET", prefix + "/models", self._models, authorise)
        router.add("GET", prefix + "/models/<path:model>", self._model, authorise)
        router.add("GET", prefix + "/model/info", self._model_info, authorise)

    def _listed(self, request: Request, name: str) -> dict[str, Any]:
        form = anthropic_model if lists_for_anthropic(request) else openai_model
        return form(self._gateway.catalogue.find(name)[0], self._gateway.started_at)

    async def _models(self, request: Request, caller: Caller) -> Reply:
        catalogue = self._gateway.catalogue
        wanted = catalogue.names
        if _argument(request, b"return_wildcard_routes") == "true":
            wanted += catalogue.patterns
        names = [name for name in wanted if caller.may_use(name, catalogue)]
        if not lists_for_anthropic(request):
            listed = [self._listed(request, name) for name in names]
            return json_reply({"object": "list", "data": listed})
        page = read_page(*(_argument(request, name) for name in _PAGE))
        shown, more = page.of(names)
        return json_reply(
            {
                "data": [self._listed(request, name) for name in shown],
                "has_more": more,
                "first_id": shown[0] if shown else None,
                "last_id": shown[-1] if shown else None,
            }
        )

    async def _model(self, request: Request, caller: Caller, model: str) -> Reply:
        if not caller.may_use(model, self._gateway.catalogue):
            raise unknown_model(model)
        return json_reply(self._listed(request, model))

    async def _model_info(self, request: Request, caller: Caller) -> Reply:
        wanted = _argument(request, b"litellm_model_id")
        found = []
        catalogue = self._gateway.catalogue
        for deployment in catalogue:
            if wanted and deployment.id != wanted:
                continue
            if not caller.may_use(deployment.model_name, catalogue):
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


def _argument(request: Request, name: bytes) -> str | None:
    """What the query says, if it says anything."""
    return request.args.get(name, [b""])[0].decode("utf-8", "replace") or None
