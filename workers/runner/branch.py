"""Which commit a branch of a repository is at: one question to the remote, nothing fetched.

Told by FAIRWAY_REPOSITORY and FAIRWAY_BRANCH; the answer is one line, "commit <hash>" or "problem <sentence>".
"""

import os
import re
import subprocess

from workers.runner.git import git_environment, git_program

TIMEOUT = 45
_LINE = re.compile(r"^([0-9a-f]{40}(?:[0-9a-f]{24})?)\t(\S+)$")


def answer(repository: str, branch: str) -> str:
    """The line that is printed."""
    ref = f"refs/heads/{branch}"
    try:
        done = subprocess.run(
            [git_program(), "ls-remote", "--quiet", "--", repository, ref],
            env=git_environment(repository),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
    except OSError:
        return "problem This worker has no git. An administrator can install it there."
    except subprocess.TimeoutExpired:
        return f"problem The repository did not answer within {TIMEOUT} s."
    if done.returncode != 0:
        last = (done.stderr.decode(errors="replace").strip().splitlines() or ["git said nothing"])[-1]
        return f"problem The repository could not be asked: {last[:300]}"
    for line in done.stdout[:65536].decode(errors="replace").splitlines():
        found = _LINE.match(line)
        if found and found[2] == ref:
            return f"commit {found[1]}"
    return f"problem The repository has no branch “{branch}”."


if __name__ == "__main__":
    print(answer(os.environ["FAIRWAY_REPOSITORY"], os.environ["FAIRWAY_BRANCH"]))  # noqa: T201 - the answer
