"""
Model names with C{*}: one entry of the configuration for all that match.

The longer pattern wins, and what stands for each C{*} takes the place of those in the provider's
name of the model. Source: https://docs.litellm.ai/docs/wildcard_routing
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Generic, TypeVar

from attrs import frozen

_Deployment = TypeVar("_Deployment")

_LONGEST = 256
"""Characters of a name; the sums of what calls cost have it in their key."""

_MOST_KEPT = 1024
"""Names whose deployments are kept: anyone may ask for any."""


@frozen(slots=False)
class Wildcard(Generic[_Deployment]):
    """
    An entry of the configuration.

    @ivar pattern: Its model name.
    @ivar model: Its C{litellm_params.model}.
    @ivar make: The deployment of a model name, by that and by the model that it is of; C{None}:
        there can be none.
    @ivar known: Names that match and are known to exist.
    """

    pattern: str
    model: str
    make: Callable[[str, str], _Deployment | None]
    known: tuple[str, ...] = ()

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        return re.compile(re.escape(self.pattern).replace(r"\*", "(.*)"), re.DOTALL)

    def deployment_of(self, name: str) -> _Deployment | None:
        """The deployment of a model name; C{None}: it does not match, or cannot be served."""
        match = self._regex.fullmatch(name)
        if match is None:
            return None
        parts = match.groups()
        if "*" not in self.model:
            model = self.model
        elif len(parts) > self.model.count("*"):
            model = name
        else:
            model = self.model
            for part in parts:
                model = model.replace("*", part, 1)
        return self.make(name, model)


class Wildcards(Generic[_Deployment]):
    """
    All of them.

    @param wildcards: In any order.
    """

    def __init__(self, wildcards: Iterable[Wildcard[_Deployment]]) -> None:
        by_pattern: dict[str, list[Wildcard[_Deployment]]] = {}
        for wildcard in wildcards:
            by_pattern.setdefault(wildcard.pattern, []).append(wildcard)
        # As in LiteLLM, whose order this is: "openai/gpt-*" before "openai/*" before "*".
        ordered = sorted(by_pattern, key=lambda each: (len(each), each.count("*")), reverse=True)
        self._groups = [by_pattern[pattern] for pattern in ordered]
        self._found: dict[str, list[_Deployment]] = {}

    @property
    def patterns(self) -> list[str]:
        """Their model names."""
        return [group[0].pattern for group in self._groups]

    @property
    def known(self) -> list[str]:
        """Names that match and are known to exist."""
        return [name for group in self._groups for each in group for name in each.known]

    def find(self, name: str) -> list[_Deployment]:
        """The deployments of a model name; none, when no pattern matches or it can be no name."""
        if len(name) > _LONGEST or not name.isprintable():
            return []
        found = self._found.get(name)
        if found is None:
            found = self._match(name)
            if len(self._found) >= _MOST_KEPT:
                self._found.clear()
            self._found[name] = found
        return found

    def _match(self, name: str) -> list[_Deployment]:
        for group in self._groups:
            made = [each.deployment_of(name) for each in group]
            found = [each for each in made if each is not None]
            if found:
                return found
        return []
