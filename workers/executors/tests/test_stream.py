"""Reading the log of a job that runs elsewhere."""

from __future__ import annotations

import re

from workers.executors.stream import last_told, lines_of

NOISE = re.compile(rb"^noise")
LOG = b'noise 1\nS{"state": "RUNNING"}\nL1.5\t"one"\nTraceback: no python\nL2.0\t"caf\\u00e9"\nS{"state": "EXITED"}\nL3'


def test_lines_are_read_from_any_offset_and_end_where_the_next_begins():
    whole = lines_of(LOG, 0, 0, NOISE)

    assert [line.text for line in whole] == ["one", "Traceback: no python", "café"]
    assert [line.at for line in whole] == [1.5, 1.5, 2.0]
    for number, line in enumerate(whole):
        rest = [(one.offset_end, one.text) for one in whole[number + 1 :]]
        for window, begins in ((LOG, 0), (LOG[line.offset_end :], line.offset_end)):
            again = lines_of(window, begins, line.offset_end, NOISE)
            assert [(one.offset_end, one.text) for one in again] == rest


def test_a_line_that_is_not_written_to_its_end_waits():
    assert lines_of(b'L1.0\t"on', 0, 0, NOISE) == []
    assert lines_of(b'L1.0\t"one"\n', 0, 0, NOISE)[0].text == "one"


def test_the_newest_whole_word_counts():
    assert last_told(LOG) == {"state": "EXITED"}
    assert last_told(LOG + b'\nS{"state": "HALF') == {"state": "EXITED"}
    assert last_told(b'S{"a": 1}\n') == {"a": 1}
    assert last_told(b'S{"a": 1') is None
    assert last_told(b"S{no json}\n") is None
    assert last_told(b"") is None


def test_a_line_that_only_looks_like_a_word_of_the_watch_is_the_jobs_own():
    (line,) = lines_of(b'L1.0\t"S{\\"state\\": \\"EXITED\\"}"\n', 0, 0, NOISE)

    assert line.text == 'S{"state": "EXITED"}'
    assert last_told(b'L1.0\t"S{\\"state\\": 1}"\n') is None
