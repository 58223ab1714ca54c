"""The format text/event-stream (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from __future__ import annotations

import codecs
import re
from typing import List, NamedTuple, Optional


class StreamedEvent(NamedTuple):
    """An event of a text/event-stream."""

    id: str
    event: str
    data: str


class EventParser:
    """Takes pieces of a text/event-stream and returns the events that each piece completes. It leaves out comments."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        # A long line is one text only when its end is there: the last event has a whole job.
        self._pending: List[str] = []
        self._id, self._event, self._data = "", "message", ""

    def take(self, piece: bytes) -> List[StreamedEvent]:
        text = self._decoder.decode(piece)
        self._pending.append(text)
        if not re.search(r"[\r\n]", text):
            return []
        # A line may end with CR LF, and the LF may be in the next piece.
        *lines, last = re.split(r"\r\n|\n|\r(?!\Z)", "".join(self._pending))
        self._pending = [last]
        events = [self._take_line(line) for line in lines]
        return [event for event in events if event is not None]

    def _take_line(self, line: str) -> Optional[StreamedEvent]:
        if line == "":
            complete = StreamedEvent(self._id, self._event, self._data)
            self._event, self._data = "message", ""
            return complete if complete.data else None
        field, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if field == "id":
            self._id = value
        elif field == "event":
            self._event = value
        elif field == "data":
            self._data = f"{self._data}\n{value}" if self._data else value
        return None
