"""Event streams are read alike, wherever the network cuts them."""

from __future__ import annotations

import unittest

from tureen.server_sent_events import EventParser, StreamedEvent

STREAM = (
    ": a comment\n\n"
    'id: 1\nevent: progress\ndata: {"done": 1}\n\n'
    "id: 2\r\nevent: log\r\ndata: größer\r\ndata:second line\r\n\r\n"
    "retry: 5\n\n"
    "id\rdata:  two spaces\r\r"
    "event: done\ndata: x\n\n"
    "data: never complete"
).encode()

EVENTS = [
    StreamedEvent("1", "progress", '{"done": 1}'),
    StreamedEvent("2", "log", "größer\nsecond line"),
    StreamedEvent("", "message", " two spaces"),
    StreamedEvent("", "done", "x"),
]


class Events(unittest.TestCase):
    def test_are_the_same_in_pieces_of_any_length(self) -> None:
        for length in range(1, len(STREAM) + 1):
            parser = EventParser()
            pieces = [STREAM[start : start + length] for start in range(0, len(STREAM), length)]
            events = [event for piece in pieces for event in parser.take(piece)]
            self.assertEqual(events, EVENTS, f"pieces of {length} bytes")
