"""Locks: what is taken, and what each refusal says to do."""

from __future__ import annotations

import pytest

from apps.code.reading.lockfiles import lock_read
from apps.core.errors import Invalid

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64
WHOLE = f"""\
# exported
Alpha.One==1.0 ; python_version >= "3.11" \\
    --hash={B} \\
    --hash={A}
    # via beta
beta[extra]==2.0.post1 --hash={A}  # why
"""


def test_a_lock_has_one_form_whatever_its_order_comments_and_breaks():
    first = lock_read(WHOLE, "requirements.lock")
    other = lock_read(
        f'beta[extra] == 2.0.post1 --hash={A}\nalpha-one==1.0; python_version >= "3.11" --hash={A} --hash={B}\n',
        "x.txt",
    )

    assert first.packages == (("alpha-one", "1.0"), ("beta", "2.0.post1"))
    assert first.text == other.text
    assert first.digest("3.11", "linux") == other.digest("3.11", "linux")
    assert first.digest("3.12", "linux") != first.digest("3.11", "linux")


@pytest.mark.parametrize(
    ("text", "path", "why"),
    [
        ("alpha==1.0", "requirements.txt", "line 1: alpha has no --hash"),
        ("alpha==1.0 --hash=md5:abc", "requirements.txt", "no --hash=sha256"),
        (f"alpha>=1.0 --hash={A}", "requirements.txt", "not pinned with =="),
        (f"alpha @ https://example.org/a.whl --hash={A}", "requirements.txt", "comes from an address"),
        (f"./alpha --hash={A}", "requirements.txt", "comes from an address or a folder"),
        ("--index-url https://evil.example/simple\n", "requirements.txt", "the package index is a setting"),
        ("--extra-index-url=https://evil.example\n", "requirements.txt", "the package index is a setting"),
        ("-r other.txt\n", "requirements.txt", "-r is not taken"),
        ("-e .\n", "requirements.txt", "-e is not taken"),
        (
            "name: x\nchannels:\n  - defaults\ndependencies:\n  - numpy=1.26\n",
            "environment.yml",
            "this is a conda list",
        ),
        ("@EXPLICIT\nhttps://repo/x.conda\n", "spec.txt", "this is a conda list"),
        ("numpy=1.26.0=py311_0\n", "list.txt", "this is a conda list"),
        ("version = 1\n", "uv.lock", "uv export"),
        ("", "requirements.txt", "locks no package"),
        (f"alpha==1.0 --hash={A}\nalpha==2.0 --hash={B}", "requirements.txt", "pinned twice"),
    ],
)
def test_what_is_no_lock_is_refused_with_what_to_do(text, path, why):
    with pytest.raises(Invalid) as refusal:
        lock_read(text, path)

    assert why in refusal.value.fields["lock"][0]
