"""Archives made to do harm: each is refused by the name of its entry, and nothing is stored."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest

from apps.code import services
from apps.code.models import Bundle
from apps.code.tests.factories import zip_of
from apps.core.errors import Invalid, TooLarge
from apps.core.models import StoredBlob
from apps.jobs.tests.factories import scientist

pytestmark = pytest.mark.django_db


def raw(*entries: tuple[str, bytes, int]) -> bytes:
    """A zip whose entries have (name, bytes, mode), the name as it is."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data, mode in entries:
            info = zipfile.ZipInfo("x")
            info.filename = name
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return packed.getvalue()


FILE = stat.S_IFREG | 0o644


def nul() -> bytes:
    return raw(("bad?name.py", b"x = 1", FILE)).replace(b"bad?name.py", b"bad\x00name.py")


def twice() -> bytes:
    with pytest.warns(UserWarning, match="Duplicate"):
        return raw(("train.py", b"x = 1", FILE), ("train.py", b"x = 2", FILE))


def overlapping() -> bytes:
    data = bytearray(raw(("one.py", b"x = 1", FILE), ("two.py", b"y = 2", FILE)))
    second = data.rindex(b"PK\x01\x02")
    data[second + 42 : second + 46] = struct.pack("<I", 0)  # the second entry points at the first one's bytes
    return bytes(data)


def encrypted() -> bytes:
    data = bytearray(raw(("secret.py", b"x = 1", FILE)))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.index(mark) + at
        data[place] |= 1
    return bytes(data)


def damaged() -> bytes:
    data = bytearray(raw(("train.py", b"x = 1\n" * 50, FILE)))
    data[data.index(b"train.py") + 12] ^= 0xFF
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "entry", "why"),
    [
        (lambda: raw(("../../etc/cron.d/x", b"x", FILE)), "../../etc/cron.d/x", "leads out of the archive"),
        (lambda: raw(("a/../../b.py", b"x", FILE)), "a/../../b.py", "leads out of the archive"),
        (lambda: raw(("/etc/passwd", b"x", FILE)), "/etc/passwd", "absolute path"),
        (lambda: raw(("C:/windows/x.py", b"x", FILE)), "C:/windows/x.py", "absolute path"),
        (lambda: raw(("a\\..\\b.py", b"x", FILE)), "a\\..\\b.py", "backslash"),
        (lambda: raw(("link.py", b"/etc/shadow", stat.S_IFLNK | 0o777)), "link.py", "link or a device"),
        (lambda: raw(("pipe", b"", stat.S_IFIFO | 0o644)), "pipe", "link or a device"),
        (lambda: raw(("big.bin", b"\0" * 40_000_000, FILE)), "big.bin", "200 times its size"),
        (lambda: raw(("a", b"x", FILE), ("a/b.py", b"x", FILE)), "a", "a file and a folder at once"),
        (lambda: raw(("a//b.py", b"x", FILE)), "a//b.py", "empty part"),
        (lambda: raw(("n" * 300, b"x", FILE)), "nnn", "path of more than"),
        (nul, "bad�name.py", "NUL in its name"),
        (twice, "train.py", "there twice"),
        (overlapping, "", ""),
        (encrypted, "secret.py", "encrypted"),
        (damaged, "train.py", "damaged"),
    ],
)
def test_a_hostile_archive_is_refused_by_the_name_of_its_entry(data, entry, why, store: Path):
    actor, team = scientist()

    with pytest.raises(Invalid) as refusal:
        services.bundle_store(actor=actor, team_id=team.pk, filename="code.zip", chunks=[data()])

    assert entry in refusal.value.fields["file"][0]
    assert why in refusal.value.fields["file"][0]
    assert Bundle.objects.count() == 0
    assert StoredBlob.objects.count() == 0
    assert list(store.rglob("*")) == []


def test_an_archive_of_very_many_files_or_none_and_what_is_none_are_refused():
    actor, team = scientist()
    many = raw(*((f"f{number}.py", b"", FILE) for number in range(2_001)))

    for data, why in ((many, "2001 entries"), (zip_of({}), "no file"), (b"PK but no zip", "not a zip archive")):
        with pytest.raises(Invalid, match=why):
            services.bundle_store(actor=actor, team_id=team.pk, filename="code.zip", chunks=[data])
    with pytest.raises(Invalid, match="empty"):
        services.bundle_store(actor=actor, team_id=team.pk, filename="code.zip", chunks=[])
    with pytest.raises(Invalid, match=r"Send a \.py script"):
        services.bundle_store(actor=actor, team_id=team.pk, filename="code.exe", chunks=[b"MZ"])


def test_more_than_the_limit_is_refused_while_it_comes_in():
    actor, team = scientist()

    with pytest.raises(TooLarge):
        services.bundle_store(
            actor=actor, team_id=team.pk, filename="code.zip", chunks=(b"x" * 1_048_576 for _ in range(65))
        )


@pytest.mark.parametrize(
    "source",
    [
        b"x = " + b"(" * 100_000,
        b"x = " + b"-" * 200_000 + b"1",
        b"def f(:\n",
        b"\x00",
        b"x = '\\ud800'\n" * 10 + b"\xff",
    ],
)
def test_a_script_that_is_no_python_or_made_to_exhaust_the_parser_is_refused_in_words(source):
    actor, team = scientist()

    with pytest.raises(Invalid) as refusal:
        services.bundle_store(actor=actor, team_id=team.pk, filename="train.py", chunks=[source])

    assert "file" in refusal.value.fields


def test_what_a_source_spells_that_no_database_holds_is_stored_without_it():
    actor, team = scientist()
    source = 'def train(word: str = "ok"):\n    """A \\x00 and a \\ud800."""\n'
    project = '[project]\nname = "a\\u0000b"\n[tool.fairway]\nentry = "train:train"\n'

    script, _ = services.bundle_store(actor=actor, team_id=team.pk, filename="train.py", chunks=[source.encode()])
    packed = zip_of({"pyproject.toml": project, "train.py": source})
    folder, _ = services.bundle_store(actor=actor, team_id=team.pk, filename="code.zip", chunks=[packed])

    assert script.entries[0]["title"] == "A � and a ?."
    assert folder.name == "a�b"


@pytest.mark.parametrize(
    "source",
    [
        "def train(x: " + "None|" * 900 + "int = 1): ...",
        "def train(x: " + "Optional[" * 90 + "int" + "]" * 90 + " = None): ...",
        "def train(x: int = " + "+".join("1" * 2_000) + "): ...",
        "def train():\n    '''\n    " + "param a " * 60_000 + "'''\n",
    ],
)
def test_a_source_that_is_made_to_be_hard_to_read_is_read_or_refused_in_words(source):
    actor, team = scientist()

    with suppress(Invalid):
        services.bundle_store(actor=actor, team_id=team.pk, filename="train.py", chunks=[source.encode()])
