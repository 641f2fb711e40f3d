"""Deployments: which provider serves a model name, as what, with which key."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property

from attrs import Factory, evolve, frozen
from msgspec import Raw

from twisted_aigate.gateway.errors import GatewayError, unknown_model
from twisted_aigate.gateway.wildcards import Wildcards
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
    @ivar order: Its rank among deployments of the same name: those of a lower one go first.
    @ivar num_retries: How often a call is tried again that has failed at it; C{None}: as often as
        at others.
    @ivar defaults: Fields of requests for it that do not have them, as JSON.
    @ivar wildcard: The model name of the configuration, with a C{*}, that it is one of.
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
    order: float = math.inf
    num_retries: int | None = None
    defaults: Mapping[str, Raw] = Factory(dict)
    wildcard: str | None = None

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


def with_distinct_ids(deployments: Iterable[Deployment]) -> Iterator[Deployment]:
    """Deployments with an id each: the same again, such as with another key, is another one."""
    ids: Counter[str] = Counter()
    for deployment in deployments:
        ids[deployment.id] += 1
        number = ids[deployment.id]
        yield deployment if number == 1 else _with_id(deployment, f"{deployment.id}-{number}")


class Catalogue:
    """
    The model names and their deployments.

    @param deployments: In the order in which they are listed.
    @param aliases: Further names: alias to model name.
    @param hidden: Names that are not listed.
    @param wildcards: Those of names that are not among these.
    @param left_out: Names that could be configured and not be served: name to why.
    @ivar left_out: The same.
    """

    def __init__(
        self,
        deployments: Iterable[Deployment],
        aliases: Mapping[str, str] | None = None,
        *,
        hidden: Collection[str] = (),
        wildcards: Wildcards[Deployment] | None = None,
        left_out: Mapping[str, str] | None = None,
    ) -> None:
        self.left_out = left_out or {}
        self._by_name: dict[str, list[Deployment]] = {}
        self._hidden = hidden
        self._wildcards = wildcards or Wildcards[Deployment](())
        for deployment in with_distinct_ids(deployments):
            self._by_name.setdefault(deployment.model_name, []).append(deployment)
        for alias, name in (aliases or {}).items():
            found = self._found(name)
            if found and alias not in self._by_name:
                # By another name it is the same: limits and failures count together.
                self._by_name[alias] = [
                    evolve(_with_id(deployment, deployment.id), model_name=alias)
                    for deployment in found
                ]

    def __iter__(self) -> Iterator[Deployment]:
        """All deployments, without those that are only matched."""
        return (each for deployments in self._by_name.values() for each in deployments)

    def __contains__(self, name: str) -> bool:
        """Whether there is such a model name."""
        return bool(self._found(name))

    @property
    def names(self) -> list[str]:
        """The model names that are listed, in order."""
        named = dict.fromkeys((*self._by_name, *self._wildcards.known))
        return [name for name in named if name not in self._hidden]

    @property
    def patterns(self) -> list[str]:
        """The model names of the configuration that stand for others."""
        return self._wildcards.patterns

    def providers(self, name: str) -> set[str]:
        """The providers behind a model name; of one that there is not, none."""
        return {deployment.provider for deployment in self._found(name)}

    def find(self, name: str) -> list[Deployment]:
        """
        The deployments of a model name.

        @raise GatewayError: 404: there is none.
        """
        found = self._found(name)
        if found:
            return found
        reason = self.left_out.get(name)
        if reason is None:
            raise unknown_model(name)
        message = f"The model {name!r} is configured, and left out: {reason}."
        raise GatewayError(404, message, param="model", code="model_not_found")

    def _found(self, name: str) -> list[Deployment]:
        found = self._by_name.get(name)
        return self._wildcards.find(name) if found is None else found
