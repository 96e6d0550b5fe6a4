"""A model's event stream on its way: its usage is read, and taken out where only we asked for it."""

import json
import re

from playground.gateway.metering import Used

# Longer events than this are passed on unread; it bounds the memory of a stream.
EVENT_BYTES_MAX = 1024 * 1024
END = b"\n\n"
# A quote within the model's text is escaped, so that these bytes are a field's name.
USAGE = re.compile(rb',\s*"usage"\s*:\s*(\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\})')
NO_CHOICES = re.compile(rb'"choices"\s*:\s*\[\s*\]')


class EventStream:
    """Passes server-sent events through, whole ones at a time, byte for byte.

    We ask for the usage so far with each event, to know it when a stream is broken off.
    `keeps_usage` leaves the last event's to a client that asked for that, `keeps_each_usage` all.
    """

    def __init__(self, *, keeps_usage: bool, keeps_each_usage: bool = False) -> None:
        self.used = Used()
        self._keeps_usage = keeps_usage
        self._keeps_each_usage = keeps_each_usage
        self._rest = b""
        self._usage_so_far = b""
        self._events = 0

    def feed(self, piece: bytes) -> bytes:
        """The bytes to send on for `piece`: every event that is complete by now."""
        data = self._rest + piece if self._rest else piece
        cut = data.rfind(END) + len(END)
        if cut < len(END):
            if len(data) <= EVENT_BYTES_MAX:
                self._rest = data
                return b""
            cut = len(data)
        self._rest, whole = data[cut:], data[:cut]
        self._events += whole.count(END)
        return self._read(whole) if b'"usage"' in whole else whole

    def end(self) -> bytes:
        """What is left when the stream has ended. Without a told usage the pieces are counted.

        Each event but the first, which names the role, carries a token at least; so a stream
        that broke off is counted too low then, by its prompt at least, and never too high.
        """
        if not self.used.is_told and not (self._usage_so_far and self._take(self._usage_so_far)):
            self.used.completion_tokens = max(0, self._events - 1)
        rest, self._rest = self._rest, b""
        return rest

    def _read(self, whole: bytes) -> bytes:
        if NO_CHOICES.search(whole):
            return b"".join([self._read_event(event + END) for event in whole.split(END)[:-1]])
        found = USAGE.findall(whole)
        if not found:
            return whole
        self._usage_so_far = found[-1]
        return whole if self._keeps_each_usage else USAGE.sub(b"", whole)

    def _read_event(self, event: bytes) -> bytes:
        """The event as it is passed on: nothing, if it is the extra last one that we asked for."""
        found = USAGE.findall(event)
        if not found:
            return event
        if not NO_CHOICES.search(event):
            self._usage_so_far = found[-1]
            return event if self._keeps_each_usage else USAGE.sub(b"", event)
        self.used.is_told = self._take(found[-1])
        return event if self._keeps_usage else b""

    def _take(self, usage: bytes) -> bool:
        """Read a usage object; whether it was one."""
        try:
            return self.used.read(json.loads(usage))
        except ValueError:
            return False
