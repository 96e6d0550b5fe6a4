"""A model's event stream on its way: its usage is read, and taken out if only we asked for it."""

import json

from playground.gateway.metering import Used

# Longer events than this are passed on unread; it bounds the memory of a stream.
EVENT_BYTES_MAX = 1024 * 1024
END = b"\n\n"


class EventStream:
    """Passes server-sent events through, whole ones at a time, byte for byte."""

    def __init__(self, *, keeps_usage: bool) -> None:
        self.used = Used()
        self._keeps_usage = keeps_usage
        self._rest = b""
        self._is_told = False
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
        # A quote within the model's text is escaped, so that these bytes are a field's name.
        return self._read(whole) if b'"usage"' in whole else whole

    def end(self) -> bytes:
        """What is left when the stream has ended. Without a told usage the pieces are counted.

        Each event but the first, which names the role, carries a token at least; so a stream
        that broke off is counted too low, by its prompt at least, and never too high.
        """
        if not self._is_told:
            self.used.completion_tokens = max(0, self._events - 1)
        rest, self._rest = self._rest, b""
        return rest

    def _read(self, whole: bytes) -> bytes:
        events = whole.split(END)[:-1]
        return b"".join(
            [event + END for event in events if not self._is_usage_only(event) or self._keeps_usage]
        )

    def _is_usage_only(self, event: bytes) -> bool:
        """Read an event's usage; whether it is the extra last one that `include_usage` brings."""
        if not event.startswith(b"data:") or b'"usage"' not in event:
            return False
        try:
            told = json.loads(event[len(b"data:") :])
        except ValueError:
            return False
        if not isinstance(told, dict) or not self.used.read(told.get("usage")):
            return False
        self._is_told = True
        return told.get("choices") == []
