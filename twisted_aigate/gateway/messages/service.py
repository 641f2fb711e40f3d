"""The Messages API over any deployment that answers chats."""

from __future__ import annotations

import msgspec
from attrs import frozen
from twisted.web.iweb import IBodyProducer

from twisted_aigate.gateway.calls import Call, Result
from twisted_aigate.gateway.chat.calls import chat_call, too_deep, whole
from twisted_aigate.gateway.chat.stream import AnswerStream
from twisted_aigate.gateway.chat.tokens import tokens_of_prompt
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.events import EVENT_STREAM
from twisted_aigate.gateway.messages.events import Translation
from twisted_aigate.gateway.messages.message import message
from twisted_aigate.gateway.messages.models import MessagesRequest, PromptRequest
from twisted_aigate.gateway.messages.outcome import Asked
from twisted_aigate.gateway.messages.request import chat_request, prompt
from twisted_aigate.gateway.messages.tools import original_names

_decoder = msgspec.json.Decoder(MessagesRequest)


@frozen
class ChatInstead:
    """
    A chat in place of a call of the Messages API.

    @ivar call: The chat.
    @ivar asked: What its answer's translation has to know.
    """

    call: Call
    asked: Asked


def as_chat(deployment: Deployment, call: Call) -> ChatInstead:
    """
    The chat that a call of the Messages API is for a deployment.

    @param call: The call, its request checked.
    @raise GatewayError: 400: the deployment cannot take it.
    """
    try:
        request = _decoder.decode(call.body_for(call.model))
        chat = chat_request(request, deployment)
        instead = chat_call(call, chat)
    except RecursionError:
        raise too_deep() from None
    asked = Asked(
        call.model,
        original_names(request.tools),
        request.stop_sequences or (),
        lambda: tokens_of_prompt(chat),
    )
    return ChatInstead(instead, asked)


async def as_message(result: Result, asked: Asked, *, stream: bool) -> Result:
    """
    A chat's answer as one of the Messages API.

    @param stream: The caller wants events.
    @raise GatewayError: It is none.
    """
    if not stream:
        return Result(message(await whole(result.body), asked), headers=result.headers)
    translation = Translation(asked)
    body: bytes | IBodyProducer
    if not result.is_events:
        body = translation.take(await whole(result.body)) + translation.finish()
    elif isinstance(result.body, bytes):
        body = translation.feed(result.body) + translation.finish()
    else:
        body = AnswerStream(result.body, translation)
    return Result(body, EVENT_STREAM, result.headers)


def count_tokens(request: PromptRequest, deployment: Deployment) -> int:
    """
    About how many tokens a prompt has; see L{twisted_aigate.gateway.chat.tokens}.

    @raise GatewayError: 400: the deployment cannot read it.
    """
    try:
        return tokens_of_prompt(prompt(request, deployment))
    except RecursionError:
        raise too_deep() from None
