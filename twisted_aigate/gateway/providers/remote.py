"""What is known of a provider that is asked over HTTP."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen


@frozen
class Remote:
    """
    A provider that is asked over HTTP.

    @ivar base_url: Where its API is; C{None}: the deployment must say C{api_base}.
    @ivar key_variable: The environment variable that holds its key.
    @ivar base_variable: The environment variable that overrides the base URL, if there is one.
    @ivar more_key_variables: Where LiteLLM looks for the key too, in order.
    @ivar more_base_variables: Where it looks for the base URL too.
    """

    base_url: str | None
    key_variable: str
    base_variable: str | None = None
    more_key_variables: tuple[str, ...] = ()
    more_base_variables: tuple[str, ...] = ()

    @property
    def key_variables(self) -> tuple[str, ...]:
        """All environment variables that may hold the key; the first that is set does."""
        return (self.key_variable, *self.more_key_variables)

    @property
    def base_variables(self) -> tuple[str, ...]:
        """All that may hold the base URL."""
        first = () if self.base_variable is None else (self.base_variable,)
        return (*first, *self.more_base_variables)

    def key(self, environment: Mapping[str, str]) -> str | None:
        """The key that an environment holds."""
        return _first(environment, self.key_variables)

    def base(self, environment: Mapping[str, str]) -> str | None:
        """Where its API is, unless a deployment says so."""
        return _first(environment, self.base_variables) or self.base_url


@frozen
class OpenAIShaped(Remote):
    """
    One that speaks OpenAI's API.

    @ivar responses: It serves the Responses API too. Only at its own address: at another there may
        be anything that speaks of chats, and C{model_info} says what it has.
    @ivar refuses: Fields of OpenAI's API that it answers with an error. They are left out of what
        is made here, and of a caller's own with C{drop_params}.
    @ivar realtime: It speaks the Realtime API too.
    @ivar path: What its base URLs end in, also where it is left away, as LiteLLM's are.
    """

    refuses: frozenset[str] = frozenset()
    path: str = ""
    responses: bool = False
    realtime: bool = False


def _first(environment: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((environment[name] for name in names if environment.get(name)), None)
