"""Tools made of typed functions."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.interfaces import (
    ToolCaller,
    ToolContext,
    ToolError,
    ToolResult,
    UnknownTool,
)
from twisted_aigate.toolbox import Toolbox, schema, text


class Inner(Struct):
    deep: int = 1


class Asked(Struct, rename="camel", forbid_unknown_fields=True):
    """
    What is asked.

    @ivar how_many: How many; C{None} is none
        of them.
    @ivar inner: More.
    """

    how_many: Annotated[int, Meta(ge=1)]
    inner: Inner | None = None


class Given(Struct):
    """
    What is given.

    @ivar expires: When it ends.
    """

    total: int
    expires: float | None = None


class ToolboxTests(SynchronousTestCase):
    """Toolbox."""

    def setUp(self) -> None:
        self.box = Toolbox()
        self.box.add("count", "Counts.", Asked, self._count, Given, readOnlyHint=True)
        self.box.add("say", "Says.", Inner, self._say)

    async def _count(self, asked: Asked, context: ToolContext) -> Given:
        return Given(asked.how_many)

    async def _say(self, asked: Inner, context: ToolContext) -> ToolResult:
        return ToolResult([text(str(asked.deep))])

    def call(self, name: str, arguments: dict[str, Any]) -> ToolResult:
        context: Any = None
        calling = Deferred.fromCoroutine(self.box.call(name, arguments, context))
        return self.successResultOf(calling)

    def test_schemas_are_made_of_the_models(self) -> None:
        """Names as they are sent, limits, and what the docstrings say."""
        listed = self.successResultOf(Deferred.fromCoroutine(self.box.tools(ToolCaller("someone"))))
        count, say = listed
        self.assertEqual(count.description, "Counts.")
        self.assertEqual(
            count.input_schema["properties"]["howMany"],
            {"type": "integer", "minimum": 1, "description": "How many; None is none of them."},
        )
        self.assertEqual(count.input_schema["type"], "object")
        self.assertEqual(count.input_schema["required"], ["howMany"])
        self.assertEqual(count.input_schema["additionalProperties"], False)
        self.assertIn("Inner", count.input_schema["$defs"])
        assert count.output_schema is not None
        self.assertEqual(count.output_schema["required"], ["total"])
        self.assertEqual(count.more, {"annotations": {"readOnlyHint": True}})
        self.assertIsNone(say.output_schema)

    def test_a_schema_without_definitions(self) -> None:
        """It has nothing that it does not need."""
        made = schema(Inner)
        self.assertEqual(set(made), {"type", "properties", "required"})

    def test_a_result_is_text_and_object(self) -> None:
        """What is null stays so."""
        result = self.call("count", {"howMany": 3})
        self.assertEqual(result.structured, {"total": 3, "expires": None})
        self.assertEqual(msgspec.json.decode(result.content[0]["text"]), result.structured)

    def test_wrong_arguments_are_told_to_the_model(self) -> None:
        """With the field's name."""
        for arguments, said in (
            ({}, "howMany"),
            ({"howMany": 0}, "'howMany'"),
            ({"howMany": 1, "other": 2}, "other"),
            ({"howMany": 1, "inner": {"deep": "x"}}, "'inner.deep'"),
        ):
            with self.subTest(arguments):
                calling = Deferred.fromCoroutine(self.box.call("count", arguments, None))  # type: ignore[arg-type]
                error = self.failureResultOf(calling, ToolError).value
                self.assertIn(said, error.message)

    def test_there_is_no_other_tool(self) -> None:
        """UnknownTool."""
        calling = Deferred.fromCoroutine(self.box.call("other", {}, None))  # type: ignore[arg-type]
        self.failureResultOf(calling, UnknownTool)
