"""Addresses of files in a source, wherever it keeps them."""

from __future__ import annotations


def path_of(address: str, run_id: str) -> str:
    """The path among the files of a run that an address names; "" when it names none."""
    for mark in (f"runs:/{run_id}/", f"/{run_id}/artifacts/"):
        _, found, path = address.partition(mark)
        if run_id and found:
            return path.strip("/")
    return ""
