"""Deployments: which provider serves a model name, as what, with which key."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from attrs import Factory, evolve, frozen

from twisted_aigate.gateway.errors import unknown_model
from twisted_aigate.http_client import Origin
from twisted_aigate.kernel.secrets import Secret


@frozen
class Limits:
    """
    What a deployment may be given; C{None}: no limit.

    @ivar rpm: Calls a minute.
    @ivar tpm: Tokens a minute.
    @ivar max_parallel: Calls at once.
    """

    rpm: int | None = None
    tpm: int | None = None
    max_parallel: int | None = None


@frozen(slots=False)
class Deployment:
    """
    One way to serve a model name.

    @ivar model_name: What callers ask for.
    @ivar provider: The provider's name, such as C{openai} or C{local}.
    @ivar model: What the provider calls it.
    @ivar origin: The provider's server; C{None} for a provider in this process.
    @ivar path: The base path of its API.
    @ivar api_key: The key for it.
    @ivar headers: Header fields that every call to it has.
    @ivar timeout: Seconds without progress after which a call fails; 0: no end.
    @ivar stream_timeout: The same for a stream.
    @ivar limits: What it may be given.
    @ivar weight: Its share of the calls among deployments of the same name.
    @ivar mode: What it is for: C{chat}, C{embedding}, …, as in LiteLLM's C{model_info}.
    @ivar mock_response: What to answer in place of calling it.
    @ivar drop_params: Leave out the parameters that it would refuse.
    @ivar drop_parameters: Parameters that are left out in any case.
    @ivar api_version: The version of its API, for those that have it in the request.
    @ivar serves_responses: It serves the Responses API itself.
    @ivar info: What the configuration says of it beside, its prices too.
    """

    model_name: str
    provider: str
    model: str
    origin: Origin | None = None
    path: str = ""
    api_key: Secret | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()
    timeout: float = 600.0
    stream_timeout: float = 600.0
    limits: Limits = Limits()
    weight: float = 1.0
    mode: str = "chat"
    mock_response: str | None = None
    drop_params: bool = False
    drop_parameters: frozenset[str] = frozenset()
    api_version: str | None = None
    serves_responses: bool = False
    info: Mapping[str, object] = Factory(dict)

    @cached_property
    def id(self) -> str:
        """A stable id: the configuration's own, or one made of what the deployment is."""
        configured = self.info.get("id")
        if isinstance(configured, str):
            return configured
        what = f"{self.model_name}\0{self.provider}\0{self.model}\0{self.origin}\0{self.path}"
        return hashlib.sha256(what.encode("utf-8")).hexdigest()[:32]


def _with_id(deployment: Deployment, id: str) -> Deployment:
    return evolve(deployment, info={**deployment.info, "id": id})


class Catalogue:
    """
    The model names and their deployments.

    @param deployments: In the order in which they are listed.
    @param aliases: Further names: alias to model name.
    """

    def __init__(
        self, deployments: Iterable[Deployment], aliases: Mapping[str, str] | None = None
    ) -> None:
        self._by_name: dict[str, list[Deployment]] = {}
        ids: Counter[str] = Counter()
        for deployment in deployments:
            ids[deployment.id] += 1
            number = ids[deployment.id]
            if number > 1:
                # The same again, such as with another key, is another one.
                deployment = _with_id(deployment, f"{deployment.id}-{number}")
            self._by_name.setdefault(deployment.model_name, []).append(deployment)
        for alias, name in (aliases or {}).items():
            if name in self._by_name and alias not in self._by_name:
                # By another name it is the same: limits and failures count together.
                self._by_name[alias] = [
                    evolve(_with_id(deployment, deployment.id), model_name=alias)
                    for deployment in self._by_name[name]
                ]

    def __iter__(self) -> Iterator[Deployment]:
        """All deployments."""
        return (each for deployments in self._by_name.values() for each in deployments)

    def __contains__(self, name: str) -> bool:
        """Whether there is such a model name."""
        return name in self._by_name

    @property
    def names(self) -> list[str]:
        """The model names, in order."""
        return list(self._by_name)

    def providers(self, name: str) -> set[str]:
        """The providers behind a model name; of one that there is not, none."""
        return {deployment.provider for deployment in self._by_name.get(name, ())}

    def find(self, name: str) -> list[Deployment]:
        """
        The deployments of a model name.

        @raise GatewayError: 404: there is none.
        """
        try:
            return self._by_name[name]
        except KeyError:
            raise unknown_model(name) from None
