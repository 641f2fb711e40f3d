"""OpenAI's chat completions, each answered by a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from attrs import frozen
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer

from twisted_aigate.claudebox.errors import ClaudeboxError
from twisted_aigate.claudebox.follow import Follower
from twisted_aigate.claudebox.models import RunRequest
from twisted_aigate.claudebox.openai.answers import ChunkStream, completion
from twisted_aigate.claudebox.openai.conversation import conversation
from twisted_aigate.claudebox.openai.errors import error_type
from twisted_aigate.claudebox.openai.images import Fetch
from twisted_aigate.claudebox.openai.models import ChatRequest, model_name
from twisted_aigate.claudebox.openai.saving import ConversationFolder
from twisted_aigate.claudebox.run import CLIENT_LEFT, Run
from twisted_aigate.claudebox.service import Claudebox
from twisted_aigate.claudebox.workspaces import Workspaces
from twisted_aigate.kernel.identifiers import new_id
from twisted_aigate.kernel.producers import CoroutineProducer
from twisted_aigate.kernel.threads import Threads

_KEEP_ALIVE = b": keep-alive\n\n"
"""Claude Code may use tools for minutes before it says anything; proxies close what is silent."""

_YES = ("1", "true", "yes")


@frozen
class ChatOptions:
    """
    What a caller says beside the request.

    @ivar workspace: Where the run works; C{None}: the default workspace.
    @ivar resume: Go on with the workspace's last session.
    @ivar append_system_prompt: Follows the system prompt.
    """

    workspace: str | None = None
    resume: bool = False
    append_system_prompt: str | None = None


def chat_options(headers: Mapping[str, str]) -> ChatOptions:
    """
    What header fields say beside a request.

    @param headers: By their lower-case names.
    """
    return ChatOptions(
        headers.get("x-claude-workspace") or None,
        headers.get("x-claude-continue", "").lower() in _YES,
        headers.get("x-claude-append-system-prompt") or None,
    )


class Chat:
    """
    Answers chat requests.

    @param claudebox: What runs Claude Code.
    @param workspaces: Where it works.
    @param fetch: Fetches linked images.
    @param threads: Where files are written.
    @param now: The time, in seconds of Unix time.
    """

    def __init__(
        self,
        claudebox: Claudebox,
        workspaces: Workspaces,
        fetch: Fetch,
        threads: Threads,
        now: Callable[[], float],
    ) -> None:
        self._claudebox = claudebox
        self._workspaces = workspaces
        self._fetch = fetch
        self._threads = threads
        self._now = now

    async def answer(self, request: ChatRequest, options: ChatOptions) -> bytes | IBodyProducer:
        """
        Answer a request.

        @return: The completion as JSON, or a stream of events.
        @raise ClaudeboxError: There is no answer.
        """
        model = model_name(request.model)
        talk = await self._threads.run(conversation, request.messages)
        workspace = await self._workspaces.resolve(options.workspace)
        folder = ConversationFolder(workspace.path, self._threads)
        prompt = talk.prompt(await folder.save(talk, self._fetch))
        try:
            run = await self._claudebox.begin(
                RunRequest(
                    prompt=prompt,
                    workspace=workspace.name,
                    model=model,
                    system_prompt=talk.system,
                    append_system_prompt=options.append_system_prompt,
                    effort=request.effort,
                    no_continue=not options.resume,
                    include_partial_messages=bool(request.stream),
                )
            )
        except BaseException:
            folder.remove_soon()
            raise
        # The folder is Claude Code's for as long as it runs, whoever waits.
        run.over.wait().addCallback(lambda _: folder.remove_soon())
        if request.stream:
            return await self._stream(run, request)
        await self._claudebox.finish(run)
        result = await self._last_word(run)
        answer = completion(result, self._new_id(), int(self._now()), request.model)
        return msgspec.json.encode(answer)

    def _new_id(self) -> str:
        return f"chatcmpl-{new_id()}"

    async def _last_word(self, run: Run) -> dict[str, Any]:
        result = await self._claudebox.results.last_word(run.record)
        return {} if result is None else result.fields

    async def _stream(self, run: Run, request: ChatRequest) -> IBodyProducer:
        chunks = ChunkStream(
            self._new_id(), int(self._now()), request.model, include_usage=request.include_usage
        )
        follower = self._claudebox.followed(run.record.id)
        # Until there is something to send, a failure is an answer of its own.
        try:
            first = await self._next(follower, chunks)
            if first is None:
                await self._claudebox.finish(run)
        except BaseException:
            self._leave(run, follower)
            raise

        async def produce(producer: CoroutineProducer, write: Callable[[bytes], None]) -> None:
            try:
                events = first
                while events is not None:
                    for event in events:
                        write(event)
                    await producer.ready()
                    events = await self._next(follower, chunks)
                for event in await self._ended(run, chunks):
                    write(event)
            finally:
                self._leave(run, follower)

        return _Stream(produce, lambda: self._leave(run, follower))

    async def _next(self, follower: Follower, chunks: ChunkStream) -> list[bytes] | None:
        while (lines := await follower.lines()) is not None:
            if not lines:
                return [_KEEP_ALIVE]
            events = [event for line in lines for event in chunks.line(_decoded(line.text))]
            if events:
                return events
        return None

    async def _ended(self, run: Run, chunks: ChunkStream) -> list[bytes]:
        try:
            await self._claudebox.finish(run)
        except ClaudeboxError as error:
            return [chunks.error(error.detail, error_type(error.status))]
        return chunks.finish(await self._last_word(run))

    def _leave(self, run: Run, follower: Follower) -> None:
        follower.stop()
        run.events.end(CLIENT_LEFT)


class _Stream(CoroutineProducer):
    """A stream that leaves its run also when it is stopped before it has begun."""

    def __init__(self, produce: Any, leave: Callable[[], None]) -> None:
        super().__init__(UNKNOWN_LENGTH, produce)
        self._leave = leave

    def stopProducing(self) -> None:
        super().stopProducing()
        self._leave()


def _decoded(text: bytes) -> dict[str, Any]:
    try:
        line = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return line if isinstance(line, dict) else {}
