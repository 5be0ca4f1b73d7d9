"""The code of a job as one file, for places that have no Fairway: the packages that the child imports, nothing else."""

import hashlib
import io
import zipfile
from functools import cache

from workers.contracts.jobspec import PROJECT_ROOT

PACKAGES = ("workers", "analysis")
"""What the child may import of this project."""
_LEFT_OUT = frozenset({"tests", "__pycache__"})
_EPOCH = (1980, 1, 1, 0, 0, 0)


@cache
def code_package() -> tuple[str, bytes]:
    """(name, zip file) of the code; the same code has the same name and the same bytes, on every machine."""
    file = io.BytesIO()
    digest = hashlib.sha256()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for package in PACKAGES:
            for path in sorted((PROJECT_ROOT / package).rglob("*")):
                inside = path.relative_to(PROJECT_ROOT)
                if not path.is_file() or _LEFT_OUT & set(inside.parts) or path.suffix == ".pyc":
                    continue
                data = path.read_bytes()
                digest.update(f"{inside.as_posix()}\0{len(data)}\0".encode() + data)
                entry = zipfile.ZipInfo(inside.as_posix(), _EPOCH)
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
    return f"fairway_{digest.hexdigest()[:24]}.zip", file.getvalue()
