"""Which server, and whose token: from the environment, or from a file that only its owner can read."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

import click


@dataclass(frozen=True)
class Login:
    url: str
    token: str = field(repr=False)


def path() -> Path:
    return Path(os.environ.get("FAIRWAY_CONFIG") or click.get_app_dir("fairway")) / "login.json"


def load() -> Login:
    """FAIRWAY_URL and FAIRWAY_TOKEN win over what `fairway login` kept. Raises UsageError when neither is there."""
    kept: dict[str, str] = {}
    try:
        kept = json.loads(path().read_text())
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        raise click.UsageError(f"{path()} cannot be read ({error}): sign in again with fairway login.") from error
    url = os.environ.get("FAIRWAY_URL") or kept.get("url", "")
    token = os.environ.get("FAIRWAY_TOKEN") or kept.get("token", "")
    if not url or not token:
        raise click.UsageError("Sign in first: fairway login URL, or set FAIRWAY_URL and FAIRWAY_TOKEN.")
    if kept.get("url") not in (None, url) and not os.environ.get("FAIRWAY_TOKEN"):
        # A token is for the server that gave it, never for the one that a variable names.
        raise click.UsageError(f"The kept token belongs to {kept['url']}: set FAIRWAY_TOKEN for {url} too.")
    return Login(url.rstrip("/"), token)


def save(login: Login) -> Path:
    """Written whole or not at all, for its owner alone."""
    place = path()
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = place.with_suffix(".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(asdict(login), file)
    beside.replace(place)
    return place


def forget() -> bool:
    """Removes what was kept; True when there was something."""
    try:
        path().unlink()
    except FileNotFoundError:
        return False
    return True
