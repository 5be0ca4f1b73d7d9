"""Bars in what a program prints: read where they are, believed in nothing that no bar says."""

import io
import re
from pathlib import Path

import pytest
from tqdm import tqdm

from workers.runner.bars import LONGEST, BarReader, OpenLine, bar_of
from workers.runner.output import OutputWriter, lines_read


@pytest.mark.parametrize(
    ("line", "label", "step", "total", "left"),
    [
        (" 12%|███▎      | 12/100 [00:03<00:22,  4.10it/s]", "", 12, 100, 22.0),
        ("Epoch 2:  50%|#####     | 5/10 [1:02:03<2:00:01,  9.1s/it, loss=0.3]", "Epoch 2", 5, 10, 7201.0),
        ("load:  12%|█▏    | 1.20k/10.0k [00:01<00:07, 1.2kB/s]", "load", 1200, 10000, 7.0),
        ("  0%|          | 0/7 [00:00<?, ?it/s]", "", 0, 7, None),
        ("12/100 [==>...................] - ETA: 22s - loss: 0.51", "", 12, 100, 22.0),
        (
            "\x1b[1m12/100\x1b[0m \x1b[32m━━━\x1b[0m━━ \x1b[1m3s\x1b[0m 20ms/step - loss: 1",
            "",
            12,
            100,
            3.0,
        ),
        ("Working ━━━━━━━━╸━━━━━━━━  12% 0:00:22", "Working", None, None, 22.0),
    ],
)
def test_the_bars_of_the_usual_libraries_give_steps_and_time_left(line, label, step, total, left):
    bar = bar_of(line)

    assert bar is not None
    assert (bar.label, bar.step, bar.total, bar.left) == (label, step, total, left)
    assert bar.fraction == pytest.approx(step / total if step is not None else 0.12)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "loss 12% better, 3/4 of it",
        "see https://example.org/12/100",
        " 12%|███| 101/100 [00:03<00:22]",
        " 12%|███| 5/0 [00:03<00:22]",
        " 12%|███| -5/10 [00:03<-00:22]",
        " 12%|███| 1/999999999999999T [00:03<00:22]",
        " 12%|███| " + "9" * 400 + "/" + "9" * 401 + " [00:03<00:22]",
        "999%|||||||||",
        "━━━ 900% 0:00:01",
        "12/100 [==> \ud800".encode("utf-8", "surrogatepass").decode("utf-8", "replace"),
    ],
)
def test_other_lines_and_absurd_numbers_are_no_bars(line):
    assert bar_of(line) is None


def test_a_time_left_beyond_reason_is_left_out():
    bar = bar_of(" 12%|███| 12/100 [00:03<9999999:00:00, 1it/s]")

    assert bar is not None
    assert bar.left is None


def test_a_megabyte_without_an_end_is_read_by_its_end_and_not_kept():
    reader = BarReader()

    for _ in range(16):
        assert reader.feed(b"12%|/" * 13_000) is None
    bar = reader.feed(b"\r 30%|" + "█".encode() * 3 + b"| 3/10 [00:01<00:02]")

    assert bar is not None
    assert bar.step == 3
    assert len(reader._rest) <= 2 * LONGEST


def test_a_bar_cut_anywhere_between_two_reads_is_read():
    data = "\r 10%|█  | 1/10 [00:01<00:09, 1it/s]\r 20%|██ | 2/10 [00:02<00:08, 1it/s]".encode()

    for at in range(len(data)):
        reader = BarReader()
        first = reader.feed(data[:at])
        last = reader.feed(data[at:]) or first
        assert last is not None
        assert last.step == 2


def drawn(inner_stays: bool = False) -> bytes:
    """What tqdm writes for three rounds of twenty steps, one bar inside the other."""
    file = io.StringIO()
    for _ in tqdm(range(3), desc="rounds", file=file, mininterval=0, miniters=1):
        for _ in tqdm(range(20), desc="rows", file=file, mininterval=0, miniters=1, leave=inner_stays):
            pass
        file.write("told in between\n")
    return file.getvalue().encode()


def test_of_bars_inside_each_other_the_outer_one_leads():
    reader = BarReader()

    found = [bar for line in drawn().split(b"\r") if (bar := reader.feed(b"\r" + line))]

    assert {bar.label for bar in found} == {"rounds"}
    assert (found[0].step, found[-1].step, found[-1].total) == (0, 3, 3)


def test_a_bar_that_was_given_up_leads_no_more():
    reader = BarReader()
    reader.feed("first:  10%|█  | 1/10 [00:01<00:09]\n".encode())

    for number in range(4):
        found = reader.feed(f"part {number}: 100%|███| 5/5 [00:01<00:00]\n".encode())

    assert found is not None
    assert found.label == "part 3"


def kept(tmp_path: Path, data: bytes, piece: int = 7) -> list[str]:
    """The lines of a log that was written with this output in small pieces."""
    output = OutputWriter(tmp_path, 10**8)
    for start in range(0, len(data), piece):
        output.feed(data[start : start + piece], 1.0)
    output.close(1.0)
    return [line.text for line in lines_read(tmp_path, 0)]


def test_a_bar_leaves_one_line_in_the_log_and_no_other_line_is_lost(tmp_path):
    file = io.StringIO()
    file.write("before\n")
    for _ in tqdm(range(5000), file=file, mininterval=0, miniters=1):
        pass
    file.write("after\n")

    lines = kept(tmp_path, file.getvalue().encode(), piece=997)

    assert (lines[0], lines[-1], len(lines)) == ("before", "after", 3)
    assert "5000/5000" in lines[1]


@pytest.mark.parametrize("inner_stays", [True, False])
def test_bars_inside_each_other_do_not_flood_the_log(tmp_path, inner_stays):
    lines = kept(tmp_path, drawn(inner_stays))

    assert sum("told in between" in line for line in lines) == 3
    assert len(lines) <= 16
    assert any(re.search(r"rounds: 100%.* 3/3 ", line) for line in lines)


def test_what_is_said_in_between_draws_over_a_bar_and_ends_a_text_first():
    line = OpenLine()
    assert line.before() == ""
    line.take(b"done\n\r 12%|...")
    assert line.before() == "\r"
    line.take(b"no end yet")
    assert line.before() == "\n"
    assert line.before() == ""


def test_lines_that_only_look_like_a_bar_are_all_kept(tmp_path):
    lines = [f"{number}/100 [====>....] one line each" for number in range(50)]

    assert kept(tmp_path, "\n".join(lines).encode()) == lines


def test_windows_ends_of_lines_and_lone_returns_lose_nothing(tmp_path):
    assert kept(tmp_path, b"one\r\ntwo\r\r\n\rthree\nfour\r", piece=1) == ["one", "two", "three", "four"]


def test_a_megabyte_of_returns_is_one_line(tmp_path):
    assert kept(tmp_path, b"x\r" * 500_000 + b"last\nend\n", piece=65536) == ["last", "end"]


def test_a_line_that_goes_up_at_the_end_of_the_output_is_kept(tmp_path):
    assert kept(tmp_path, b"one\n\rinner\x1b[A") == ["one", "inner\x1b[A"]


def test_a_line_below_an_inner_bar_takes_neither_away(tmp_path):
    assert kept(tmp_path, b"\ra\x1b[A\nplain\n") == ["a", "plain"]
