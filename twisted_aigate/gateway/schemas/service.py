"""
C{enable_json_schema_validation}: a chat's answer is to fit the schema of its C{response_format}.

Source: https://docs.litellm.ai/docs/completion/json_mode. As there, streams are not checked: what
is wrong with one is known when it is gone.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import msgspec
from attrs import evolve
from twisted.internet.defer import CancelledError

from twisted_aigate.gateway.calls import Call, Result, Task
from twisted_aigate.gateway.errors import MISFIT, GatewayError
from twisted_aigate.gateway.routing.held import whole_body
from twisted_aigate.gateway.schemas.uncheckable import UncheckableError
from twisted_aigate.kernel.threads import Threads
from twisted_aigate.kernel.units import KB

if TYPE_CHECKING:
    from twisted_aigate.gateway.schemas.checker import Checker

_MOST_SCHEMA = 256 * KB
_MOST_KEPT = 32

_T = TypeVar("_T")


class _JSONSchema(msgspec.Struct):
    schema: msgspec.Raw = msgspec.Raw()


class _Format(msgspec.Struct):
    type: str | None = None
    json_schema: _JSONSchema | None = None


class _Message(msgspec.Struct):
    content: object = None


class _Choice(msgspec.Struct):
    message: _Message | None = None


class _Answer(msgspec.Struct):
    choices: list[_Choice] = []


_formats = msgspec.json.Decoder(_Format)
_answers = msgspec.json.Decoder(_Answer)


class Schemas:
    """
    Checks answers.

    @param threads: Where that is done; they are for nothing else, since a schema may keep one busy.
    """

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._checkers: OrderedDict[bytes, Checker] = OrderedDict()

    async def checker(self, call: Call) -> Checker | None:
        """
        What the answer of a call is to be checked with.

        @return: C{None}: it has no schema, or is one whose answers are not checked.
        @raise GatewayError: 400: nothing could be checked with its schema.
        """
        schema = _schema_of(call)
        if schema is None:
            return None
        checker = self._checkers.get(schema)
        if checker is None:
            if len(schema) > _MOST_SCHEMA:
                raise _uncheckable(f"it is larger than {_MOST_SCHEMA} bytes")
            checker = await self._run(_checker_of, schema)
            self._checkers[schema] = checker
            if len(self._checkers) > _MOST_KEPT:
                self._checkers.popitem(last=False)
        self._checkers.move_to_end(schema)
        return checker

    async def checked(self, result: Result, checker: Checker) -> Result:
        """
        An answer that fits.

        @param result: The answer; its body is waited for.
        @raise GatewayError: 502: it does not fit. 400: nothing can be checked with the schema. What
            the body fails with.
        """
        body = result.body
        if not isinstance(body, bytes):
            try:
                body = await whole_body(body)
            except CancelledError:
                raise
            except Exception as error:
                raise result.described(error) from None
        try:
            answer = _answers.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise _misfit("it is no chat completion") from None
        for choice in answer.choices:
            content = choice.message.content if choice.message is not None else None
            if isinstance(content, str):
                fault = await self._run(checker.fault, content)
                if fault is not None:
                    raise _misfit(fault)
        return evolve(result, body=body)

    async def _run(self, work: Callable[..., _T], *arguments: object) -> _T:
        try:
            return await self._threads.run(work, *arguments)
        except UncheckableError as error:
            raise _uncheckable(str(error)) from None


def _checker_of(schema: bytes) -> Checker:
    # Only a process that checks answers pays for the library.
    from twisted_aigate.gateway.schemas.checker import Checker

    return Checker(schema)


def _schema_of(call: Call) -> bytes | None:
    written = call.fields.get("response_format")
    if written is None or call.stream or call.task is not Task.CHAT:
        return None
    try:
        found = _formats.decode(written)
    except msgspec.MsgspecError:
        # It is the provider's to refuse.
        return None
    if found.type != "json_schema" or found.json_schema is None:
        return None
    return bytes(found.json_schema.schema) or None


def _misfit(fault: str) -> GatewayError:
    return GatewayError(
        502, f"The model's answer does not fit the JSON schema: {fault}", code=MISFIT
    )


def _uncheckable(reason: str) -> GatewayError:
    return GatewayError(
        400,
        f"The JSON schema of response_format cannot be checked: {reason}",
        param="response_format",
        code="invalid_json_schema",
    )
