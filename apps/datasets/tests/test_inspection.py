"""The cheap checks, case by case: each hostile or broken file has one clear sentence with its place."""

from __future__ import annotations

import io
import zipfile
import zlib

import pytest

from apps.core.errors import Invalid
from apps.datasets.inspection import BadFile, filename_clean, format_of, head_check, tail_check


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", b"0" * 10_000_000)
    return out.getvalue()


CASES = [
    # name, bytes, code, line, column
    ("zip bomb", _zip(), "COMPRESSED", None, None),
    ("gzip", b"\x1f\x8b" + zlib.compress(b"a,b\n1,2\n"), "COMPRESSED", None, None),
    ("excel before 2007", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 100, "MAGIC", None, None),
    ("parquet called csv", b"PAR1aaaaPAR1", "MAGIC", None, None),
    ("pickle", b"\x80\x04\x95" + b"x" * 20, "MAGIC", None, None),
    ("pdf", b"%PDF-1.7 a,b\n1,2\n", "MAGIC", None, None),
    ("nothing", b"", "EMPTY", None, None),
    ("white space", b"\n\n  \n", "EMPTY", None, None),
    ("utf-16", "a,b\n1,2\n".encode("utf-16"), "ENCODING", 1, 1),
    ("latin-1", "name,city\nJürgen,Köln\n".encode("latin-1"), "ENCODING", 2, 2),
    ("nul byte", b"a,b\n1,2\n3,\x004\n", "NUL", 3, 3),
    ("header only", b"a,b\n", "NO_ROWS", 2, 1),
    ("header only, no newline", b"a,b", "NO_ROWS", 2, 1),
    ("duplicate header", b"a,b,a\n1,2,3\n", "DUPLICATE_HEADER", 1, 3),
    ("duplicate but for spaces", b"a, a\n1,2\n", "DUPLICATE_HEADER", 1, 2),
    ("empty header", b"a,,c\n1,2,3\n", "EMPTY_HEADER", 1, 2),
    ("reserved header", b"a,__row__\n1,2\n", "RESERVED_HEADER", 1, 2),
    ("ten thousand columns", (",".join(f"c{i}" for i in range(10_000)) + "\n").encode(), "TOO_MANY_COLUMNS", 1, 2001),
    ("long header name", b"a," + b"x" * 201 + b"\n1,2\n", "LONG_HEADER", 1, 2),
    ("semicolons", b"a;b;c\n1;2;3\n", "SEPARATOR", 1, 1),
    ("too few fields", b"a,b,c\n1,2,3\n4,5\n6,7,8\n", "RAGGED", 3, 2),
    ("too many fields", b"a,b\n1,2\n3,4,5\n", "RAGGED", 3, 3),
    ("open quote", b'a,b\n1,"2\n3,4\n', "QUOTES", 2, 2),
    ("open quote after whole ones", b'a,b\n"1","x ""y"" z"\n"two\nlines",4\n"5,6\n7,8\n', "QUOTES", 5, 1),
    ("text after quote", b'a,b\n1,"2"x\n', "QUOTES", 2, 2),
    ("endless quote", b'a,b\n1,"' + b"2,3\n" * 40_000, "QUOTES", 2, 2),
]


@pytest.mark.parametrize(("name", "data", "code", "line", "column"), CASES, ids=[c[0] for c in CASES])
def test_each_bad_file_has_its_sentence_and_place(name, data, code, line, column):
    with pytest.raises(BadFile) as error:
        head_check(data, kind="csv", whole=True)

    fault = error.value.fault
    assert (fault.code, fault.line, fault.column) == (code, line, column)
    assert error.value.detail.endswith("Nothing was stored.")
    assert error.value.items == [fault.to_json()]


def test_the_lines_around_a_fault_are_shown():
    with pytest.raises(BadFile) as error:
        head_check(b"a,b,c\n1,2,3\n4,5\n6,7,8\n9,9,9\n", kind="csv", whole=True)

    assert error.value.fault.lines == ((1, "a,b,c"), (2, "1,2,3"), (3, "4,5"), (4, "6,7,8"))


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"a,b\n1,\x00\n3,4\n", ((1, "a,b"), (2, "1,\u2400"), (3, "3,4"))),
        ("a\nKöln\n".encode("latin-1"), ((1, "a"), (2, "K\ufffdln"), (3, ""))),
    ],
)
def test_lines_that_are_no_text_are_shown_with_signs(data, shown):
    with pytest.raises(BadFile) as error:
        head_check(data, kind="csv", whole=True)

    assert error.value.fault.lines == shown


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"a,b\n1,2\n", "csv"),
        (b"a,b\r\n1,2\r\n\r\n", "csv"),
        (b"a,b\r1,2\r", "csv"),
        ("\ufeffa,b\n1,2\n".encode(), "csv"),
        (b'a,b\n"x, y","line one\nline two"\n3,4\n', "csv"),
        (b"a\tb\n1\t2\n", "tsv"),
        (b"only\n1\n2\n", "csv"),
        ("naïve,ß\n1,2\n".encode(), "csv"),
        (b"PAR1....", "parquet"),
    ],
)
def test_good_files_pass(data, kind):
    head_check(data, kind=kind, whole=True)


def test_a_part_may_end_in_the_middle_of_a_letter_a_row_or_a_quote():
    text = "a,b\n" + "1,2\n" * 10 + '3,"é'

    head_check(text.encode()[:-1], kind="csv", whole=False)


def test_a_parquet_file_has_both_marks():
    with pytest.raises(BadFile, match="content is a ZIP"):
        head_check(_zip(), kind="parquet", whole=True)
    with pytest.raises(BadFile) as error:
        tail_check(b"12345678", kind="parquet")
    assert error.value.fault.code == "TRUNCATED"
    tail_check(b"\x10\0\0\0PAR1", kind="parquet")


@pytest.mark.parametrize("name", ["", " ", "..", "a/", "a/..", "x\x00.csv", "a\nb.csv", "x" * 300 + ".csv"])
def test_names_that_are_no_names(name):
    with pytest.raises(Invalid):
        filename_clean(name)


@pytest.mark.parametrize(
    ("given", "kept"),
    [("../../etc/a.csv", "a.csv"), ("C:\\data\\a.csv", "a.csv"), ("/a.csv", "a.csv"), ("Ä b.csv", "Ä b.csv")],
)
def test_folders_in_a_name_are_dropped(given, kept):
    assert filename_clean(given) == kept


@pytest.mark.parametrize("name", ["a.xlsx", "a.csv.gz", "a.zip", "a", ".csv", "a.exe", "csv"])
def test_only_three_formats(name):
    with pytest.raises(BadFile):
        format_of(name)
