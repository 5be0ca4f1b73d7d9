"""What a launch of people's own code reads: its parameters checked, its inputs found."""

from __future__ import annotations

import shlex
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from apps.code.contracts import Entry
from apps.core.actors import Actor
from apps.core.errors import Conflict, FairwayError, Invalid, NotFound
from apps.datasets import selectors as datasets
from apps.registry import selectors as registry
from workers.contracts.parameters import EMPTY, ParameterError, ordered, values_clean

if TYPE_CHECKING:
    from apps.datasets.models import DatasetVersion
    from apps.registry.models import ModelVersion

MAX_WORDS = 200


@dataclass
class CodeInputs:
    """Values without the inputs, what the child fetches for each input, and the versions they are."""

    values: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)
    datasets: list[DatasetVersion] = field(default_factory=list)
    models: list[ModelVersion] = field(default_factory=list)

    def files(self) -> list[dict[str, Any]]:
        """All that the child may download, each once."""
        found = {
            one["sha256"]: {"sha256": one["sha256"], "size": one["size"], "name": one["path"]}
            for entry in self.inputs.values()
            for one in entry["files"]
        }
        return list(found.values())


def command_words(text: str) -> list[str]:
    """The words of a command line, which no shell sees. Raises Invalid at `command`."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise Invalid.field("command", f"The command cannot be split into words: {error}.") from error
    if not words:
        raise Invalid.field("command", "Give a command, such as python train.py --rate 0.1.")
    if len(words) > MAX_WORDS or "\x00" in text:
        raise Invalid.field("command", f"A command has at most {MAX_WORDS} words, and no NUL.")
    return words


def values_check(entry: Entry | None, params: dict[str, Any] | None) -> dict[str, Any]:
    """Params of an entry with defaults filled in. Raises Invalid at `params.<name>`."""
    try:
        return values_clean(entry.schema if entry is not None else EMPTY, params)
    except ParameterError as error:
        fields = {f"params.{name}" if name else "params": [text] for name, text in error.errors.items()}
        raise Invalid("Check the parameters of the code.", fields=fields) from error


def inputs_find(actor: Actor, team_id: uuid.UUID, entry: Entry | None, values: dict[str, Any]) -> CodeInputs:
    """The values with their inputs looked up among what the actor sees in the team. Raises Invalid at the parameter."""
    found = CodeInputs(values=dict(values))
    for name, one in ordered(entry.schema) if entry is not None else ():
        kind = one.get("format")
        if kind is None or name not in values:
            continue
        del found.values[name]
        try:
            pk = uuid.UUID(str(values[name]))
            if kind == "dataset":
                _dataset(actor, team_id, name, pk, found)
            else:
                _model(actor, team_id, name, pk, found)
        except ValueError as error:
            raise Invalid.field(f"params.{name}", f"Give the id of a {kind} version.") from error
        except FairwayError as error:
            raise Invalid.field(f"params.{name}", error.detail) from error
    return found


def _dataset(actor: Actor, team_id: uuid.UUID, name: str, pk: uuid.UUID, found: CodeInputs) -> None:
    version = datasets.dataset_version_get(actor, pk)
    if version.team_id != team_id:
        raise NotFound("There is no such dataset version in the team of the code.")
    datasets.training_facts(version)  # sealed, and its bytes are here
    file = {"sha256": version.content_digest, "size": version.size, "path": _plain(version.filename)}
    found.inputs[name] = {"kind": "dataset", "label": str(version), "files": [file]}
    found.datasets.append(version)


def _model(actor: Actor, team_id: uuid.UUID, name: str, pk: uuid.UUID, found: CodeInputs) -> None:
    version = registry.model_version_get(actor, pk)
    if version.team_id != team_id:
        raise NotFound("There is no such model version in the team of the code.")
    if not version.manifest:
        raise Conflict(f"{version} has no files.")
    files = [{"sha256": one["sha256"], "size": one["size"], "path": one["path"]} for one in version.manifest]
    found.inputs[name] = {"kind": "model", "label": str(version), "files": files}
    found.models.append(version)


def _plain(filename: str) -> str:
    """A file name without what a path would make of it."""
    name = filename.replace("\\", "/").rpartition("/")[2].replace("\x00", "")
    return name if name.strip(". ") else "data"
