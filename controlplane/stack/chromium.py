"""The browser of the browser tests: a given one, one on the PATH, or the distribution's package."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from controlplane.stack.messages import StackError, Step

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)


def chromium_find(environ: Mapping[str, str] | None = None) -> str | None:
    """The path of a Chromium. Raises StackError when PLAYWRIGHT_CHROMIUM names a file that is not there."""
    env = os.environ if environ is None else environ
    given = env.get("PLAYWRIGHT_CHROMIUM", "")
    if given:
        if not os.access(given, os.X_OK):
            raise StackError(f"PLAYWRIGHT_CHROMIUM names {given}, which cannot be started: correct or unset it.")
        return given
    found = (shutil.which(name, path=env.get("PATH")) for name in NAMES)
    return next((path for path in (*found, *MAC) if path and Path(path).exists()), None)


def chromium_need() -> str:
    """The path of a Chromium, installed from the distribution's package where this user may. Raises StackError."""
    found = chromium_find()
    if found:
        return found
    packager = shutil.which("apt-get")
    if packager and os.geteuid() == 0:
        step = Step("Chromium from the distribution")
        env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for arguments in (("update", "-qq"), ("install", "-y", "-qq", "--no-install-recommends", "chromium")):
            subprocess.run((packager, *arguments), env=env, capture_output=True, check=False)
        step.done()
        found = chromium_find()
        if found:
            return found
    raise StackError(
        "The browser tests need Chromium: install it (Debian: apt install chromium), "
        "or name a Chromium or Chrome with PLAYWRIGHT_CHROMIUM."
    )
