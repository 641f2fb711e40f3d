"""
Which parameters a provider takes, and what becomes of those that it would refuse.

With C{drop_params} they are left out. Without it a provider that speaks OpenAI's API is sent them
as they came and says itself what it thinks of them; for a provider that speaks a language of its
own, where they have no name, the call is refused here.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from attrs import evolve, frozen

from twisted_aigate.gateway.calls import Call, FormCall, Task
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.providers.table import OPENAI_SHAPED

Fields = dict[str, msgspec.Raw]

_OPENAI = frozenset(
    (
        "audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs",
        "max_completion_tokens", "max_tokens", "metadata", "modalities", "moderation", "n",
        "parallel_tool_calls", "prediction", "presence_penalty", "prompt_cache_key",
        "prompt_cache_options", "prompt_cache_retention", "reasoning_effort", "response_format",
        "safety_identifier", "seed", "service_tier", "stop", "store", "stream", "stream_options",
        "temperature", "tool_choice", "tools", "top_logprobs", "top_p", "user", "verbosity",
        "web_search_options",
    )
)  # fmt: skip
"""The parameters of a chat in OpenAI's API."""

_WITHOUT_MEANING = frozenset(
    (
        "metadata", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention",
        "safety_identifier", "service_tier", "store", "stream_options", "user", "verbosity",
    )
)  # fmt: skip
"""What changes no answer: a provider that does not know it loses nothing by not being told."""

_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "frequency_penalty": (0,),
    "logit_bias": ({},),
    "logprobs": (False,),
    "modalities": (["text"],),
    "n": (1,),
    "parallel_tool_calls": (True,),
    "presence_penalty": (0,),
    "response_format": ({"type": "text"},),
    "top_logprobs": (0,),
}
"""Values that ask for what happens anyway, and are sent by many clients with every call."""

_REFUSED_BY_MODELS = (
    (
        ("openai", "azure"),
        re.compile(r"(o[134]|gpt-[5-9])(?!.*chat)"),
        frozenset(
            (
                "temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs",
                "top_logprobs", "logit_bias", "max_tokens",
            )
        ),
    ),
    (
        ("xai",),
        re.compile(r"grok-(3-mini|[4-9])"),
        frozenset(("presence_penalty", "frequency_penalty", "stop")),
    ),
    (
        ("openai", "azure"),
        re.compile(r"(gpt|chatgpt)-image"),
        frozenset(("response_format", "style")),
    ),
)  # fmt: skip
"""Providers, their models' names, and the fields that such models answer with an error."""


_SAME_LIMIT = (
    ("max_tokens", "max_completion_tokens"),
    ("max_completion_tokens", "max_tokens"),
)
"""One limit under two names, of which some take only the one."""


@frozen
class Taken:
    """
    What a provider with a language of its own takes.

    @ivar translated: OpenAI's parameters that have a counterpart.
    @ivar own: Fields of the provider's own, which are passed on as they came.
    """

    translated: frozenset[str]
    own: frozenset[str]


def form_without_refused(deployment: Deployment, call: FormCall) -> FormCall:
    """A form for a provider that speaks OpenAI's API, without what is to be dropped."""
    dropped = _dropped(deployment)
    fields = (each for each in call.fields if each[0].removesuffix("[]") not in dropped)
    return evolve(call, fields=tuple(fields))


def without_refused(deployment: Deployment, call: Call) -> Call:
    """A call to a provider that speaks OpenAI's API, without what is to be dropped."""
    dropped = _dropped(deployment) & call.fields.keys()
    if not dropped:
        return call
    fields = {name: value for name, value in call.fields.items() if name not in dropped}
    for name, other in _SAME_LIMIT:
        if name in dropped and other not in dropped and call.task is Task.CHAT:
            fields.setdefault(other, call.fields[name])
    return evolve(call, fields=fields, body=None)


def _dropped(deployment: Deployment) -> frozenset[str]:
    refused = _refused_fields(deployment) if deployment.drop_params else frozenset()
    return deployment.drop_parameters | refused


def _refused_fields(deployment: Deployment) -> frozenset[str]:
    shaped = OPENAI_SHAPED.get(deployment.provider)
    refused = shaped.refuses if shaped is not None else frozenset()
    for providers, models, fields in _REFUSED_BY_MODELS:
        if deployment.provider in providers and models.match(deployment.model):
            refused |= fields
    return refused


def own_fields(deployment: Deployment, call: Call, taken: Taken) -> Fields:
    """
    The fields of a chat that go to the provider as they came.

    @param taken: What it takes.
    @raise GatewayError: 400: one is of OpenAI's that it has no counterpart for.
    """
    own: Fields = {}
    for name, value in call.fields.items():
        if name in ("model", "messages", "stream") or name in taken.translated:
            continue
        if name in deployment.drop_parameters or bytes(value) == b"null":
            continue
        if name in taken.own:
            own[name] = value
        elif name in _OPENAI:
            if not (_says_nothing(name, value) or deployment.drop_params):
                raise unsupported(deployment, name)
        elif not deployment.drop_params:
            own[name] = value
    return own


def translated_fields(deployment: Deployment, call: Call, taken: Taken) -> Fields:
    """The fields of a chat that are to be translated."""
    return {
        name: value
        for name, value in call.fields.items()
        if name in taken.translated and name not in deployment.drop_parameters
    }


def _says_nothing(name: str, value: msgspec.Raw) -> bool:
    if name in _WITHOUT_MEANING:
        return True
    return name in _NEUTRAL and msgspec.json.decode(value) in _NEUTRAL[name]


def unsupported(deployment: Deployment, name: str) -> GatewayError:
    """A parameter has no counterpart at a provider."""
    return GatewayError(
        400,
        f"{deployment.provider} has no counterpart for {name!r}; "
        "drop_params leaves out what a provider does not take.",
        param=name,
        code="unsupported_parameter",
    )
