"""
The few events of the Realtime API that the gateway reads or writes.

Source: https://platform.openai.com/docs/api-reference/realtime-server-events
"""

from __future__ import annotations

import msgspec

from twisted_aigate.gateway.accounting.reader import UsageReader
from twisted_aigate.gateway.errors import GatewayError, error_object
from twisted_aigate.kernel.websocket import Message

_CREATED, _DONE = "response.created", "response.done"

_TOLD = {
    _DONE: b'"response.done"',
    "conversation.item.input_audio_transcription.completed": b'transcription.completed"',
}
"""The events that tell usage, and what they are known by at a glance."""

CANCEL = Message(b'{"type":"response.cancel"}')
"""Have the provider end a response: it tells what that took."""


class _Event(msgspec.Struct):
    type: str


_decoder = msgspec.json.Decoder(_Event)


def usage_in(message: Message) -> UsageReader | None:
    """What has read an event that tells usage; C{None}: it is another one."""
    # Most events are pieces of sound: they are not parsed.
    if not message.is_text or not any(each in message.data for each in _TOLD.values()):
        return None
    if _type_of(message) not in _TOLD:
        return None
    reader = UsageReader()
    reader.document(message.data)
    return reader


def is_responding(message: Message) -> bool | None:
    """Whether the provider makes a response from an event on; C{None}: it does not say."""
    if not message.is_text or b'"response.' not in message.data:
        return None
    if b'"response.created"' not in message.data and _TOLD[_DONE] not in message.data:
        return None
    return {_CREATED: True, _DONE: False}.get(_type_of(message))


def _type_of(message: Message) -> str:
    try:
        return _decoder.decode(message.data).type
    except msgspec.MsgspecError:
        return ""


def error_event(event_id: str, error: GatewayError) -> Message:
    """An C{error} event."""
    said = msgspec.json.decode(error_object(error.status, error.message, error.param, error.code))
    return Message(msgspec.json.encode({"type": "error", "event_id": f"event_{event_id}", **said}))
