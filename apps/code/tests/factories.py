"""Archives, wheels and locks for tests of this and of upper rooms."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from pathlib import Path

from apps.accounts.models import Team
from apps.code import services
from apps.code.models import Bundle
from apps.core.actors import Actor


def zip_of(files: dict[str, str]) -> bytes:
    """A zip archive of these texts; the same files give the same bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path, (2026, 1, 1, 0, 0, 0)), text, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def bundle_make(actor: Actor, team: Team, source: str | dict[str, str], filename: str = "train.py") -> Bundle:
    """A stored bundle of one script, or of a folder's files."""
    data = zip_of(source) if isinstance(source, dict) else source.encode()
    name = "project.zip" if isinstance(source, dict) else filename
    bundle, _ = services.bundle_store(actor=actor, team_id=team.pk, filename=name, chunks=[data])
    return bundle


def wheel_make(folder: Path, name: str = "tinyland", version: str = "1.0", source: str = "ANSWER = 42\n") -> str:
    """Write a wheel of one module with a console script; returns the line that locks it."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": source + "\n\ndef main():\n    print('the answer is', ANSWER)\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n",
    }
    rows = []
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        rows.append(f"{path},sha256={digest},{len(text)}")
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""])
    data = zip_of(files)
    (folder / f"{name}-{version}-py3-none-any.whl").write_bytes(data)
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(data).hexdigest()}\n"
