"""Claude Code as tools."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IConsumer, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_aigate.claudebox.activity import activity
from twisted_aigate.claudebox.errors import ClaudeboxError
from twisted_aigate.claudebox.models import RunRequest
from twisted_aigate.claudebox.paths import normalised
from twisted_aigate.claudebox.run import Run
from twisted_aigate.claudebox.service import Claudebox
from twisted_aigate.interfaces import ToolContext, ToolError, ToolResult
from twisted_aigate.kernel.collector import Collector
from twisted_aigate.kernel.threads import Threads
from twisted_aigate.kernel.units import MB
from twisted_aigate.toolbox import Encoding, Toolbox, content, decoded, structured

MOST_READ = 50 * MB
"""Bytes of a file that a tool gives out: all of it is in memory, and in one message."""


class OfPath(Struct, forbid_unknown_fields=True, kw_only=True):
    """
    The arguments of tools for a file.

    @ivar path: The file, such as C{workspace/folder/name.txt}: the workspace comes first.
    """

    path: Annotated[str, Meta(min_length=1)]


class Write(OfPath, kw_only=True):
    """
    The arguments of C{write_file}.

    @ivar path: The file, such as C{workspace/folder/name.txt}: the workspace comes first.
    @ivar content: The file's content.
    @ivar encoding: How the content is written: utf-8 as it is, base64 for bytes.
    """

    content: str
    encoding: Encoding = "utf-8"


class Listed(Struct, forbid_unknown_fields=True):
    """
    The arguments of C{list_files}.

    @ivar path: The directory, such as C{workspace/folder}; empty for the list of workspaces.
    """

    path: str = ""


class FileInfo(Struct):
    """
    A file.

    @ivar size: Bytes.
    @ivar content_type: The media type that its name says.
    """

    path: str
    size: int
    content_type: str


class Written(Struct):
    """What C{write_file} answers."""

    path: str
    size: int


class Removed(Struct):
    """What C{delete_file} answers."""

    path: str


class ClaudeboxTools(Toolbox):
    """
    The tools of an instance.

    @param claudebox: The instance.
    @param threads: Where what is large is encoded.
    @param clock: What a run's progress is told by.
    """

    _log = Logger()

    def __init__(self, claudebox: Claudebox, threads: Threads, clock: IReactorTime) -> None:
        super().__init__()
        self._claudebox = claudebox
        self._files = claudebox.files
        self._threads = threads
        self._clock = clock
        self.add(
            "claude_run",
            "Have Claude Code do something in a workspace: it reads and writes files, runs programs"
            " and answers when it is done.",
            RunRequest,
            self._run,
            openWorldHint=True,
        )
        self.add(
            "read_file", f"Read a file of up to {MOST_READ // MB} MB.", OfPath, self._read,
            FileInfo, readOnlyHint=True,
        )  # fmt: skip
        self.add(
            "write_file", "Write a file, and the directories that it is in.", Write, self._write,
            Written, idempotentHint=True,
        )  # fmt: skip
        self.add("list_files", "List a directory.", Listed, self._list, readOnlyHint=True)
        self.add(
            "delete_file", "Remove a file, or a directory with all that is in it.", OfPath,
            self._delete, Removed, destructiveHint=True,
        )  # fmt: skip

    async def call(
        self, name: str, arguments: Mapping[str, Any], context: ToolContext
    ) -> ToolResult:
        """See L{twisted_aigate.interfaces.ToolSource}."""
        with _refusals():
            return await super().call(name, arguments, context)

    # Runs.

    async def _run(self, asked: RunRequest, context: ToolContext) -> ToolResult:
        claudebox = self._claudebox
        if asked.detach:
            run = await claudebox.start(asked)
            told = {"status": run.status, "runId": run.record.id, "workspace": run.workspace.name}
            return structured(told)
        run = await claudebox.begin(asked)
        telling = Deferred.fromCoroutine(self._tell(run, context))
        telling.addErrback(self._not_told)
        try:
            await claudebox.finish(run)
        finally:
            telling.cancel()
        body = await claudebox.results.body(run.record)
        if not isinstance(body, bytes):
            collected = Collector()
            await body.startProducing(collected)
            body = b"".join(collected.parts)
        return structured(msgspec.json.decode(body))

    async def _tell(self, run: Run, context: ToolContext) -> None:
        # What it does, as it does it; and, while it does one thing for long, that it still does.
        began = self._clock.seconds()
        context.progress(0, None, f"Claude Code works in {run.workspace.name}")
        follower = self._claudebox.followed(run.record.id)
        try:
            while (lines := await follower.lines()) is not None:
                told = [found for line in lines if (found := activity(line.text)) is not None]
                message = told[-1] if told else None
                context.progress(self._clock.seconds() - began, None, message)
        finally:
            follower.stop()

    def _not_told(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            self._log.failure("the progress of a run could not be told", failure)

    # Files.

    async def _read(self, asked: OfPath, context: ToolContext) -> ToolResult:
        file = await self._files.open(asked.path)
        if file.size > MOST_READ:
            file.close()
            raise ToolError(f"The file has {file.size} bytes; a tool gives out {MOST_READ}.")
        collected = Collector()
        await file.body(0, file.size).startProducing(collected)
        data = b"".join(collected.parts)
        path = normalised(asked.path)
        block = await self._threads.run(content, data, file.content_type, f"file:///{path}")
        info = FileInfo(path, file.size, file.content_type)
        return ToolResult([block], msgspec.to_builtins(info))

    async def _write(self, asked: Write, context: ToolContext) -> Written:
        data = decoded(asked.content, asked.encoding)

        def deliver(consumer: IConsumer) -> Deferred[None]:
            consumer.write(data)
            return succeed(None)

        size = await self._files.write(asked.path, deliver)
        return Written(normalised(asked.path), size)

    async def _list(self, asked: Listed, context: ToolContext) -> ToolResult:
        listing = await self._files.list(asked.path)
        return structured(msgspec.to_builtins(listing))

    async def _delete(self, asked: OfPath, context: ToolContext) -> Removed:
        await self._files.delete(asked.path)
        return Removed(normalised(asked.path))


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except ClaudeboxError as error:
        more = f" {msgspec.json.encode(error.extra).decode()}" if error.extra else ""
        raise ToolError(error.detail + more) from None
