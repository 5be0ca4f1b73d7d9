"""One word, one shape and one colour for each state, everywhere. Codes are those of the domain."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StateLook:
    """`tone`: none, info, good, warn, bad, worse, better; `mark`: the shape, a file in frontend/icons/marks."""

    word: str
    tone: str
    mark: str

    @property
    def moves(self) -> bool:
        return self.mark == "spin"


_CODES: dict[tuple[str, str], str] = {
    ("good", "tick"): (
        "ACCEPTED ACTIVE SEALED SUCCEEDED FINISHED COMPLETE PASS PASSED APPROVED READY HEALTHY MERGED DELIVERED "
        "OK MET SENT DONE CURRENT GRANTED DECIDED ROTATED REUSED APPROVE UP VERIFIED READ "
        "LAUNCHED JUDGED"
    ),
    ("good", "play"): "LIVE",
    ("info", "ring"): (
        "OPEN IN_REVIEW WAITING REQUESTED PROPOSED TRIAL PLANNED PRELIMINARY INVITED "
        "MITIGATED ACKNOWLEDGED UNREAD CANDIDATE"
    ),
    ("info", "spin"): (
        "IN_PROGRESS RUNNING STARTING PROFILING UPLOADING REGISTERING PROVISIONING LOADING RAMPING CANARY SHADOW "
        "LEASED FETCHING BUILDING"
    ),
    ("none", "dashed"): (
        "STATE_UNSPECIFIED DRAFT QUEUED PENDING NOT_EVALUATED NOT_ENOUGH_DATA UNTESTED UNKNOWN NOT_STARTED NONE NEW"
    ),
    ("none", "off"): (
        "CANCELLED CLOSED RETIRED ARCHIVED WITHDRAWN SUPERSEDED REMOVED GONE REVOKED SKIPPED ENDED CONCLUDED "
        "PURGED STOPPED DRAINED UNUSED WITHDRAW PRUNED"
    ),
    ("warn", "triangle"): (
        "STALE DEGRADED DUE OVERDUE LATE LOST WARNED EXPIRED THIN CHANGED ALERT DELAYED READ_ONLY WARN OVERRIDE"
    ),
    ("warn", "pause"): "PAUSED SUSPENDED MUTED",
    ("warn", "lock"): "QUARANTINED",
    ("warn", "bar"): "WAIVED",
    ("none", "bar"): "SUPPRESSED",
    ("bad", "diamond"): (
        "ERROR FAILED FAIL REJECTED REFUSE TIMED_OUT RECALLED BROKEN ROLLED_BACK ABORTED HARMED KILLED BLOCK "
        "DOWN OFFLINE REFUSED FAILING"
    ),
    ("worse", "worse"): "WORSE",
    ("better", "better"): "BETTER HELPED",
    ("none", "same"): "NO_DIFFERENCE NO_EFFECT",
    ("none", "unproven"): "NOT_PROVEN UNCLEAR",
}
_WORDS = {"REJECTED": "refused", "REFUSE": "refused", "APPROVE": "approved", "WITHDRAW": "withdrawn"}
_LOOKS = {code: look for look, codes in _CODES.items() for code in codes.split()}
TONE_MARKS = {
    "good": "tick",
    "info": "ring",
    "warn": "triangle",
    "bad": "diamond",
    "none": "dashed",
    "worse": "worse",
    "better": "better",
    "live": "play",
}


def state_look(code: object, word: str = "") -> StateLook:
    """How a state code (any case, spaces or underscores) is shown; an unknown code is neutral, never coloured."""
    key = str(code).strip().upper().replace(" ", "_").replace("-", "_")
    tone, mark = _LOOKS.get(key, ("none", "dashed"))
    return StateLook(word or _WORDS.get(key) or key.lower().replace("_", " "), tone, mark)
