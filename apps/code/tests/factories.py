"""Archives, wheels and locks for tests of this and of upper rooms."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

from apps.accounts.models import Team
from apps.code import services
from apps.code.contracts import Entry
from apps.code.models import Bundle, Environment
from apps.code.own import own_environment
from apps.core.actors import Actor
from workers.contracts.parameters import schema_make


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


ENTRY = Entry(
    id="train.py:train",
    how="function",
    target="train.py:train",
    schema=schema_make(
        {
            "data": {"type": "string", "format": "dataset"},
            "rate": {"type": "number", "default": 0.1, "minimum": 0},
            "kind": {"type": "string", "enum": ["a", "b"], "default": "a"},
        },
        required=[],
    ),
    source="function",
)


def bundle_row(team: Team, stored: Any) -> Bundle:
    """A ready bundle of bytes that are in the store, with `ENTRY`; `stored` has `sha256` and `size`."""
    bundle: Bundle = Bundle.objects.create(
        team=team,
        name="churn",
        kind=Bundle.Kind.SCRIPT,
        filename="train.py",
        sha256=stored.sha256,
        size=stored.size,
        files=[{"path": "train.py", "size": stored.size}],
        entries=[ENTRY.to_json()],
    )
    return bundle


def environment_row(team: Team, name: str = "") -> Environment:
    """An environment that was removed: there is nothing of it in the store."""
    environment: Environment = Environment.objects.create(
        team=team,
        digest=hashlib.sha256(name.encode()).hexdigest(),
        name=name,
        lock=f"tinyland==1.0 --hash=sha256:{'a' * 64}\n",
        packages=[["tinyland", "1.0"]],
        python=own_environment().python,
        platform=own_environment().platform,
        state=Environment.State.REMOVED,
    )
    return environment
