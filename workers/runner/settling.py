"""The same model in the same bytes: skops names objects by their address in memory and stamps files with the time.

Every address becomes its place in the order of the schema, every time the same one. A reader follows the names alike,
so the archive loads as before; equal models then have equal hashes, and a run that is done again can be compared.
"""

import json
import zipfile
from pathlib import Path
from typing import Any, Final

SCHEMA: Final = "schema.json"
_THEN: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest time that an archive can tell."""


def archive_settle(source: Path, target: Path) -> None:
    """Write what `source` holds to `target`. Raises KeyError or ValueError for what is no archive of skops."""
    with zipfile.ZipFile(source) as given:
        schema = json.loads(given.read(SCHEMA))
        places: dict[str, str] = {}
        settled = _settle(schema, places)
        names = {name: _renamed(name, places) for name in given.namelist() if name != SCHEMA}
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as written:
            for name in sorted(names, key=lambda name: (len(names[name]), names[name])):
                written.writestr(zipfile.ZipInfo(names[name], _THEN), given.read(name), zipfile.ZIP_DEFLATED, 6)
            text = json.dumps(settled, separators=(",", ":"))
            written.writestr(zipfile.ZipInfo(SCHEMA, _THEN), text, zipfile.ZIP_DEFLATED, 6)


def _settle(node: Any, places: dict[str, str]) -> Any:
    if isinstance(node, list):
        return [_settle(one, places) for one in node]
    if not isinstance(node, dict):
        return node
    found: dict[str, Any] = {}
    for key, value in node.items():
        if key == "__id__" and isinstance(value, int):
            found[key] = int(_place(str(value), places))
        elif key == "file" and isinstance(value, str):
            _place(value.partition(".")[0], places)
            found[key] = _renamed(value, places)
        else:
            found[key] = _settle(value, places)
    return found


def _place(address: str, places: dict[str, str]) -> str:
    return places.setdefault(address, str(len(places) + 1))


def _renamed(name: str, places: dict[str, str]) -> str:
    stem, dot, kind = name.partition(".")
    return f"{places.get(stem, stem)}{dot}{kind}"
