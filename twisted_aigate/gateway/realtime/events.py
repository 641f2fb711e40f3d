"""
The few events of the Realtime API that the gateway reads or writes.

Source: https://platform.openai.com/docs/api-reference/realtime-server-events
"""

from __future__ import annotations

import msgspec

from twisted_aigate.gateway.accounting.reader import UsageReader
from twisted_aigate.gateway.errors import GatewayError, error_object
from twisted_aigate.kernel.websocket import Message

_TOLD = {
    "response.done": b'"response.done"',
    "conversation.item.input_audio_transcription.completed": b'transcription.completed"',
}
"""The events that tell usage, and what they are known by at a glance."""


class _Event(msgspec.Struct):
    type: str


_decoder = msgspec.json.Decoder(_Event)


def usage_in(message: Message) -> UsageReader | None:
    """What has read an event that tells usage; C{None}: it is another one."""
    # Most events are pieces of sound: they are not parsed.
    if not message.is_text or not any(each in message.data for each in _TOLD.values()):
        return None
    try:
        event = _decoder.decode(message.data)
    except msgspec.MsgspecError:
        return None
    if event.type not in _TOLD:
        return None
    reader = UsageReader()
    reader.document(message.data)
    return reader


def error_event(event_id: str, error: GatewayError) -> Message:
    """An C{error} event."""
    said = msgspec.json.decode(error_object(error.status, error.message, error.param, error.code))
    return Message(msgspec.json.encode({"type": "error", "event_id": f"event_{event_id}", **said}))
