"""Every page, for every role that may see it."""

from __future__ import annotations

import pytest

from tests.e2e.looking import faults, walk

ROLES = ("scientist", "owner", "admin", "auditor", "viewer")
# Pages that differ by what a person may do; all others are looked at once, for the first role that sees them.
BY_ROLE = {"home", "problem-detail", "review-detail", "review-list", "version-detail", "deployment-detail"}
_looked_at: dict[str, str] = {}


@pytest.mark.parametrize("role", ROLES)
def test_every_link_answers_and_every_page_is_whole(people, role, request):
    person = people(role)
    walked = walk(person, ["/", "/problems/", "/search?q=arrests"])
    assert not walked.dead, walked.dead
    found = []
    for name, path in walked.pages.items():
        if name in BY_ROLE or name not in _looked_at:
            looks = request.config.getoption("--looks", default=None)
            found += faults(person, path, looks / role if looks else None)
            _looked_at[name] = path
    assert not found, "\n".join(found)
