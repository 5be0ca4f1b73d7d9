"""Looking into an archive without unpacking it: what it holds, and why it is not taken."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from apps.code.contracts import MAX_FILES, MAX_UNPACKED, MIB
from apps.core.errors import Invalid

_RATIO = 200
_PATH = 400


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an archive: its path and unpacked size in bytes."""

    path: str
    size: int


def refuse(entry: str, why: str) -> Invalid:
    """The refusal of an archive for one of its entries, which it names."""
    shown = "".join(sign if sign.isprintable() else "�" for sign in entry)[:120]
    return Invalid.field("file", f"The entry “{shown}” {why} Nothing was stored.")


def archive_members(file: IO[bytes]) -> list[Member]:
    """The files of a zip archive, in its order, after all of it was judged. Raises Invalid, which names the entry.

    Refused are paths that climb, are absolute, doubled or hold control characters; links and devices; encrypted
    members and ones that overlap; more files, bytes or compression than code has.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            found = list(_judged(archive.infolist()))
            _read_all(archive)
    except zipfile.BadZipFile as error:
        raise Invalid.field("file", f"This is not a zip archive that can be read: {error}.") from error
    except (NotImplementedError, zlib.error, EOFError, RuntimeError, UnicodeDecodeError, OSError) as error:
        raise Invalid.field("file", f"The archive cannot be unpacked: {error}.") from error
    if not found:
        raise Invalid.field("file", "The archive holds no file.")
    return found


def _judged(infos: list[zipfile.ZipInfo]) -> Iterator[Member]:
    if len(infos) > MAX_FILES:
        raise Invalid.field("file", f"The archive has {len(infos)} entries; at most {MAX_FILES} are taken.")
    total = 0
    seen: set[str] = set()
    folders: set[str] = set()
    for info in infos:
        name = info.orig_filename
        _name_check(name)
        mode = info.external_attr >> 16
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise refuse(name, "is a link or a device. Send plain files.")
        if info.flag_bits & 1:
            raise refuse(name, "is encrypted. Send it open.")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise refuse(name, "is packed in a way that is not read here. Use the usual compression of zip.")
        total += info.file_size
        if total > MAX_UNPACKED:
            raise refuse(
                name, f"brings the archive over {MAX_UNPACKED // MIB} MiB unpacked. Data belong into datasets."
            )
        if info.file_size > MIB and info.file_size > _RATIO * max(1, info.compress_size):
            raise refuse(name, f"unpacks to more than {_RATIO} times its size, as no source does.")
        path = name.rstrip("/")
        if path in seen:
            raise refuse(name, "is there twice.")
        seen.add(path)
        folders.update(path[:index] for index, sign in enumerate(path) if sign == "/")
        if not name.endswith("/"):
            yield Member(path, info.file_size)
    files = {info.orig_filename for info in infos if not info.orig_filename.endswith("/")}
    for path in sorted(files & folders):
        raise refuse(path, "is a file and a folder at once.")
    end, last = 0, ""
    for info in sorted(infos, key=lambda one: one.header_offset):
        if info.header_offset < end:
            raise refuse(info.orig_filename, f"shares its bytes with “{last}”.")
        end, last = info.header_offset + 30 + info.compress_size, info.orig_filename


def _name_check(name: str) -> None:
    if "\x00" in name:
        raise refuse(name, "has a NUL in its name.")
    if any(ord(sign) < 32 or ord(sign) == 127 for sign in name) or "\\" in name:
        raise refuse(name, "has a control character or a backslash in its name.")
    if name.startswith("/") or (len(name) > 1 and name[1] == ":"):
        raise refuse(name, "has an absolute path.")
    parts = name.rstrip("/").split("/")
    if ".." in parts:
        raise refuse(name, "leads out of the archive.")
    if any(part in ("", ".") for part in parts):
        raise refuse(name, "has an empty part in its path.")
    if len(name.encode(errors="surrogatepass")) > _PATH or any(len(part.encode()) > 200 for part in parts):
        raise refuse(name, f"has a path of more than {_PATH} bytes.")


def _read_all(archive: zipfile.ZipFile) -> None:
    """Unpack every member into nothing: checksums hold, and none is longer than it says."""
    for info in archive.infolist():
        try:
            with archive.open(info) as member:
                while member.read(MIB):
                    pass
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise refuse(info.orig_filename, f"is damaged: {error}.") from error


def archive_root(paths: list[str]) -> str:
    """The one folder that all files lie in, where there is nothing beside it ("" for none)."""
    tops = {path.partition("/")[0] for path in paths}
    if len(tops) == 1 and all("/" in path for path in paths):
        only = tops.pop()
        # A single package is no wrapping folder: it is imported by that name.
        return "" if f"{only}/__init__.py" in paths else only
    return ""


def archive_read(file: IO[bytes], path: str, limit: int) -> bytes | None:
    """The bytes of one member of a judged archive; None when it has none of that path or it is over `limit`."""
    with zipfile.ZipFile(file) as archive:
        try:
            info = archive.getinfo(path)
        except KeyError:
            return None
        return archive.read(info) if info.file_size <= limit else None
