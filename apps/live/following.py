"""What one listener follows: where it stands in each topic, and what it has yet to be sent."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from apps.core.actors import Actor
from apps.core.topics import topic_find


class NotAllowed(Exception):
    """The actor may not follow the topic, or there is none of that name (which is not told apart)."""


@dataclass
class Following:
    """One subscription. `after`: the seq of the last row that was sent; `last`: what was sent last of a snapshot."""

    name: str
    after: int
    last: str = ""

    def allowed(self, actor: Actor) -> bool:
        found = topic_find(self.name)
        return found is not None and found[0].may_follow(actor, found[1])

    def pull(self, actor: Actor) -> list[dict[str, Any]]:
        """The next rows, at most a few hundred; [] when the listener has all. Raises NotAllowed."""
        found = topic_find(self.name)
        if found is None or not found[0].may_follow(actor, found[1]):
            raise NotAllowed
        topic, key = found
        seq, rows = topic.replay(actor, key, self.after)
        if topic.snapshot:
            told = json.dumps([{**row, "seq": 0} for row in rows], sort_keys=True, default=str)
            if told == self.last:
                return []
            self.last = told
        self.after = max(seq, self.after)
        return rows
