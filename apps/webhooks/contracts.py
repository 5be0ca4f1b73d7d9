"""What can be told to a webhook, in MLflow's words: `<entity>.<action>`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

# Each event with an example of its data, as a test sends it.
EVENTS: dict[str, dict[str, Any]] = {
    "registered_model.created": {
        "name": "example_model",
        "tags": {"example_key": "example_value"},
        "description": "An example registered model",
    },
    "model_version.created": {
        "name": "example_model",
        "version": "1",
        "source": "models:/123",
        "run_id": "abcd1234abcd5678",
        "tags": {"example_key": "example_value"},
        "description": "An example model version",
    },
    "model_version_tag.set": {
        "name": "example_model",
        "version": "1",
        "key": "example_key",
        "value": "example_value",
    },
    "model_version_tag.deleted": {"name": "example_model", "version": "1", "key": "example_key"},
    "model_version_alias.created": {"name": "example_model", "alias": "example_alias", "version": "1"},
    "model_version_alias.deleted": {"name": "example_model", "alias": "example_alias"},
}


class Standing(StrEnum):
    """How a webhook does, by its newest attempt."""

    FAILING = "FAILING"
    DELIVERS = "DELIVERS"
    NEW = "NEW"
    PAUSED = "PAUSED"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt: the status that the target answered, or why it could not be reached."""

    status: int | None = None
    error: str = ""

    @property
    def is_taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_final(self) -> bool:
        """Is another attempt pointless? It is not where the target is away or says to come back."""
        return self.is_taken or (self.status is not None and self.status < 500 and self.status not in (408, 429))

    @property
    def sentence(self) -> str:
        """Why it was not taken; empty when it was."""
        if self.is_taken:
            return ""
        if self.status is not None and 300 <= self.status < 400:
            return f"The target answered {self.status}; a redirect is not followed."
        return self.error or f"The target answered {self.status}."
