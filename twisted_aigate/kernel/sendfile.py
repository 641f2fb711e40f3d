"""Bytes of a file into a socket by C{sendfile}: they never come into this process."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

from twisted.internet.abstract import FileDescriptor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPullProducer, IPushProducer
from zope.interface import implementer

_T = TypeVar("_T")


@implementer(IPullProducer)
class FileSender:
    """
    Sends bytes of a file once all that was written before is sent.

    A transport asks its pull producer for more whenever its own buffer is empty and the socket
    takes something: that is the moment in which the kernel may copy from the file.

    @param transport: Has no producer; nobody writes to it before the end.
    @param descriptor: The file; what is wanted of it is in the kernel's memory, or sending it
        blocks. It stays open until the end.
    @param progressed: Called with a number of bytes when they are sent.
    """

    def __init__(
        self,
        transport: FileDescriptor,
        descriptor: int,
        offset: int,
        size: int,
        progressed: Callable[[int], None],
    ) -> None:
        self._transport = transport
        self._descriptor = descriptor
        self._offset = offset
        self._left = size
        self._progressed = progressed
        self._sent: Deferred[None] | None = None

    def start(self) -> Deferred[None]:
        """
        Begin.

        @return: Fires when the socket has taken all; fails with L{OSError} when the file is too
            short or the disk fails. Cancelling it ends the sending. When the connection is lost it
            does not fire.
        """
        sent: Deferred[None] = Deferred(lambda _: self._leave())
        # Registering asks for bytes at once, when what was written before may not be sent yet.
        self._transport.registerProducer(self, False)
        self._sent = sent
        self._transport.startWriting()
        return sent

    def resumeProducing(self) -> None:
        """The transport has sent all that it had."""
        if self._sent is None:
            return
        try:
            count = os.sendfile(
                self._transport.fileno(), self._descriptor, self._offset, self._left
            )
        except (BlockingIOError, ConnectionError):
            # A connection that is lost the transport finds out about in its next turn.
            self._transport.startWriting()
            return
        except OSError as error:
            self._end(error)
            return
        if not count:
            self._end(OSError("the file is shorter than it was"))
            return
        self._offset += count
        self._left -= count
        self._progressed(count)
        if self._left:
            self._transport.startWriting()
        else:
            self._end(None)

    def stopProducing(self) -> None:
        """The connection is lost."""
        self._sent = None

    def _leave(self) -> None:
        if self._sent is not None:
            self._sent = None
            self._transport.unregisterProducer()

    def _end(self, error: OSError | None) -> None:
        sent = self._sent
        self._leave()
        if sent is not None:
            if error is None:
                sent.callback(None)
            else:
                sent.errback(error)


def send_file(
    transport: FileDescriptor,
    producer: IPushProducer,
    descriptor: int,
    offset: int,
    size: int,
    progressed: Callable[[int], None],
) -> Deferred[None]:
    """
    Send bytes of a file with a L{FileSender}, while a transport's own producer stands aside.

    @param producer: The transport's, which is its producer again when it is done.
    @return: As L{FileSender.start}.
    """

    def again(result: _T) -> _T:
        transport.registerProducer(producer, True)
        return result

    transport.unregisterProducer()
    return FileSender(transport, descriptor, offset, size, progressed).start().addBoth(again)
