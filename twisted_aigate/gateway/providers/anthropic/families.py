"""
What Claude models take, by the version in their names.

Source: https://platform.claude.com/docs/en/about-claude/models/overview, and the pages on thinking,
effort and structured outputs.
"""

from __future__ import annotations

import re

from attrs import frozen

from twisted_aigate.gateway.deployments import Deployment

_VERSION = re.compile(r"claude-(?:[a-z]+-)?(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)")
_NEWEST = (99, 0)
"""A name without a version is a preview's, or that of a model to come."""

_ADAPTIVE = (4, 6)
_THINKING = (3, 7)
_NO_BUDGETS = (4, 7)
_NO_SAMPLING = (4, 7)
_SCHEMAS = (4, 5)
_EFFORTS = {"max": (4, 6), "xhigh": (4, 7)}

_OUTPUT = (((4, 6), 128_000), ((4, 5), 64_000), ((4, 0), 32_000), ((3, 7), 64_000), ((3, 5), 8192))
_LEAST_OUTPUT = 4096


@frozen
class Family:
    """
    What a model takes.

    @ivar adaptive: It decides itself how much to think; the effort guides it.
    @ivar thinks: It thinks when it is asked to.
    @ivar budgets: It takes a budget of tokens for that.
    @ivar samples: It takes C{temperature} and the like.
    @ivar schemas: It keeps to a JSON schema.
    @ivar most_output: Tokens of its longest answer.
    """

    adaptive: bool
    thinks: bool
    budgets: bool
    samples: bool
    schemas: bool
    most_output: int
    _version: tuple[int, int]

    def effort(self, wanted: str) -> str:
        """The nearest effort that it knows."""
        least = _EFFORTS.get(wanted)
        return "high" if least is not None and self._version < least else wanted


def family_of(deployment: Deployment) -> Family:
    """What a deployment's model takes; C{model_info}'s C{max_output_tokens} goes before ours."""
    found = _VERSION.match(deployment.model)
    version = (int(found[1]), int(found[2] or 0)) if found else _NEWEST
    said = deployment.info.get("max_output_tokens")
    if not isinstance(said, int):
        said = next((most for least, most in _OUTPUT if version >= least), _LEAST_OUTPUT)
    return Family(
        adaptive=version >= _ADAPTIVE,
        thinks=version >= _THINKING,
        budgets=_THINKING <= version < _NO_BUDGETS,
        samples=version < _NO_SAMPLING,
        schemas=version >= _SCHEMAS,
        most_output=said,
        version=version,
    )
