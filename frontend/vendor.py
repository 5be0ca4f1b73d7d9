#!/usr/bin/env python3
"""Fill `frontend/vendor` from `node_modules`: style sheets, the plotting library, fonts and one icon sprite.

Run by the set-up after `npm ci`; the standard library is enough. `vendor/` is ignored by git and can be
deleted at any time. Exits with 1 and one sentence when a package or an icon is missing.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODULES = HERE / "node_modules"
VENDOR = HERE / "vendor"
SOURCE_MAP = re.compile(rb"\s*/[*/]# sourceMappingURL=[^\n]*")

FILES = {
    "tabler/tabler.min.css": "@tabler/core/dist/css/tabler.min.css",
    "plotly/plotly-strict.min.js": "plotly.js-strict-dist-min/plotly-strict.min.js",
}
FONTS = {"inter": "@fontsource-variable/inter", "mono": "@fontsource-variable/jetbrains-mono"}
LICENCES = ("@tabler/core", "@tabler/icons", "plotly.js-strict-dist-min", *FONTS.values())


class Missing(Exception):
    """Something that `npm ci` should have brought is not there."""


def need(path: Path) -> Path:
    if not path.exists():
        raise Missing(f"{path.relative_to(HERE)} is missing: run `npm ci` in frontend/ first")
    return path


def copy_files(target: Path) -> None:
    for name, source in FILES.items():
        out = target / name
        out.parent.mkdir(parents=True, exist_ok=True)
        # Source maps are not shipped; the hashed file storage would look for them.
        out.write_bytes(SOURCE_MAP.sub(b"", need(MODULES / source).read_bytes()))


def copy_fonts(target: Path) -> None:
    """Upright variable weights only, with the sheet that names them."""
    for name, package in FONTS.items():
        sheet = need(MODULES / package / "wght.css").read_text()
        folder = target / name
        (folder / "files").mkdir(parents=True, exist_ok=True)
        (folder / "index.css").write_text(sheet)
        for file in re.findall(r"url\(\./files/([^)]+)\)", sheet):
            shutil.copyfile(need(MODULES / package / "files" / file), folder / "files" / file)


def symbol(name: str, svg: str) -> str:
    box = re.search(r'viewBox="([^"]+)"', svg)
    inner = re.sub(r"^.*?<svg[^>]*>|</svg>\s*$", "", svg, flags=re.S)
    inner = re.sub(r'<path stroke="none" d="M0 0h24v24H0z" fill="none"\s*/>', "", inner)
    inner = re.sub(r"\s+", " ", inner).strip()
    return f'<symbol id="{name}" viewBox="{box.group(1) if box else "0 0 24 24"}">{inner}</symbol>'


def build_sprite(target: Path) -> int:
    """One file for all icons: `i-*` from Tabler's outline set, `m-*` our own state shapes."""
    names = [line.strip() for line in (HERE / "icons" / "outline.txt").read_text().splitlines() if line.strip()]
    symbols = [
        symbol(f"i-{name}", need(MODULES / "@tabler/icons/icons/outline" / f"{name}.svg").read_text())
        for name in sorted(set(names))
    ]
    symbols += [symbol(f"m-{p.stem}", p.read_text()) for p in sorted((HERE / "icons" / "marks").glob("*.svg"))]
    (target / "icons.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n")
    return len(symbols)


def copy_licences(target: Path) -> None:
    parts = []
    for package in LICENCES:
        folder = MODULES / package
        about = json.loads(need(folder / "package.json").read_text())
        text = folder / "LICENSE"
        body = text.read_text().strip() if text.exists() else f"Licence: {about['license']}"
        parts.append(f"{package} {about['version']}\n\n{body}\n")
    (target / "LICENCES.txt").write_text("\n\n".join(parts))


def main() -> int:
    fresh = MODULES / ".vendor-new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        copy_files(fresh)
        copy_fonts(fresh)
        count = build_sprite(fresh)
        copy_licences(fresh)
    except Missing as problem:
        shutil.rmtree(fresh, ignore_errors=True)
        sys.stderr.write(f"{problem}.\n")
        return 1
    shutil.rmtree(VENDOR, ignore_errors=True)
    fresh.rename(VENDOR)
    size = sum(p.stat().st_size for p in VENDOR.rglob("*") if p.is_file())
    sys.stdout.write(f"frontend/vendor: {count} icons, {size / 2**20:.1f} MiB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
