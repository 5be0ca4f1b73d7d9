"""One line of the prediction log per row: masked inputs, result, time taken. Values of masked inputs appear
nowhere.

`row_digest` is a keyed digest of the whole row before masking: equal rows have equal digests within an
installation, but nobody without the key can try out which masked value fits.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import uuid_utils

from workers.serving.answers import Answers, Scores
from workers.serving.inputs import Columns

MASKED = "***"

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode
_uuid7 = uuid_utils.uuid7


class Subject:
    """What a request was about: deployment, version, and who asked (the first 8 digits of the token's hash)."""

    __slots__ = ("deployment_id", "mask", "started", "token", "version_id")

    def __init__(self, deployment_id: str, version_id: str, mask: frozenset[str], token: str, started: float) -> None:
        self.deployment_id = deployment_id
        self.version_id = version_id
        self.mask = mask
        self.token = token
        self.started = started

    @property
    def latency_ms(self) -> float:
        """Milliseconds since the request was whole."""
        return (time.perf_counter() - self.started) * 1000.0


class Journal:
    """Writes log lines; `key` is a secret of the installation."""

    def __init__(self, key: bytes) -> None:
        self._key = hashlib.blake2b(key, digest_size=32, person=b"fairway-row").digest()

    def answered(
        self, subject: Subject, answers: Answers, columns: Columns, scores: Scores, chosen: Sequence[int]
    ) -> list[str]:
        """One line for each row of an answered request."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        middle = (
            f'","deployment_id":"{subject.deployment_id}","version_id":"{subject.version_id}","at":"{at}","inputs":'
        )
        tail = f'","token":"{subject.token}","error":null}}'
        latency = f"{subject.latency_ms:.3f}"
        lines = []
        names = list(columns)
        for row, values in enumerate(zip(*columns.values(), strict=True)):
            inputs = dict(zip(names, values, strict=True))
            whole = logged = _encode(inputs)
            if subject.mask:
                logged = _encode({name: MASKED if name in subject.mask else value for name, value in inputs.items()})
            digest = hashlib.blake2b(whole.encode(), key=self._key, digest_size=16).hexdigest()
            lines.append(
                f'{{"id":"{_uuid7()}{middle}{logged},"output":{answers.row(scores, row, chosen)},'
                f'"score":{answers.score(scores, row, chosen)!r},"status":200,"latency_ms":{latency},'
                f'"row_digest":"{digest}{tail}'
            )
        return lines

    def refused(self, subject: Subject, status: int, error: str) -> str:
        """The line of a request that was not answered; its inputs are not kept, because nobody checked what
        they are.
        """
        return _encode(
            {
                "id": str(_uuid7()),
                "deployment_id": subject.deployment_id,
                "version_id": subject.version_id,
                "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "inputs": {},
                "output": None,
                "score": None,
                "status": 400 if 400 <= status < 500 else 500,
                "latency_ms": round(subject.latency_ms, 3),
                "row_digest": "",
                "token": subject.token,
                "error": error[:300],
            }
        )
