"""What the page of a version shows."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse
from django.utils.safestring import SafeString

from analysis.contracts.wording import number_text
from apps.core import formats
from apps.core.actors import Actor
from apps.datasets import selectors as datasets
from apps.experiments import selectors as experiments
from apps.problems import selectors as problems
from apps.registry import policies, selectors
from apps.registry.contracts import (
    live_version_id,
    version_badges,
    version_panel_list,
    version_verdicts,
)
from apps.registry.models import ModelVersion
from apps.registry.web.charts import importance_chart
from apps.registry.web.snippets import version_snippet
from apps.registry.web.tables import recipe_title, task_word
from workers.contracts.answers import AnswerColumns

LEVELS_SHOWN = 12
_NO_PROBLEM = "A problem says what is measured and who decides; until the model has one, nothing of it is evaluated."
_RELOG = "Log the model again as one skops, LightGBM text or ONNX file beside plain files, and register that run."


def version_context(request: HttpRequest, actor: Actor, version: ModelVersion) -> dict[str, Any]:
    """Verdict, actions, facts and the cards of rooms above."""
    live = live_version_id(version.model_id) == version.pk
    inputs = list(experiments.run_inputs(version.run)) if version.run else []
    missing = selectors.lineage_missing(version, has_data=any(row.dataset_version_id for row in inputs))
    may_register = policies.model_register(actor, version.team_id)
    context: dict[str, Any] = {
        "nav_key": "models",
        "version": version,
        "model": version.model,
        "run": version.run,
        "task": task_word(version.task),
        "live": live,
        "badges": version_badges(actor, [version]).get(version.pk, []),
        "aliases": selectors.alias_list(version.model).get(version.pk, []),
        "missing": missing,
        "missing_text": _joined(missing) if missing else "",
        "verdict": _verdict(version, live, missing, may_register),
        "recipe": recipe_title(version.recipe),
        "row_time": _row_time(version.complexity.get("row_seconds")),
        "verdicts": version_verdicts(actor, version),
        "inputs": inputs,
        "size": sum(row.get("size", 0) for row in version.manifest),
        "signature": _signature(version),
        "usable": version.state == ModelVersion.State.SEALED
        and version.model.problem_id is not None
        and not selectors.model_missing(version)
        and not selectors.signature_missing(version),
        "answers": _answers(actor, version),
        "threshold": _threshold(version),
        "importance": importance_chart(version.importance),
        "packages": sorted((version.environment.get("packages") or {}).items()),
        "snippet": version_snippet(request.build_absolute_uri("/").rstrip("/"), version),
        "may_register": may_register,
        "can_register": may_register,
        "evaluate_url": _address("evaluation-launch", version),
        "request_url": _address("request-create", version),
        "may_evaluate": actor.can("job.run", version.team_id),
        "may_request": actor.can("approval.request", version.team_id),
        "menu": _menu(version, live, may_register),
    }
    for place in ("main", "aside"):
        context[f"panels_{place}"] = _panels(request, actor, version, place, context)
    return context


def _answers(actor: Actor, version: ModelVersion) -> dict[str, Any] | None:
    """Where the answers of a version without files are: the table, and its columns; None for every other version."""
    if version.brought_on_id is None:
        return None
    rows = datasets.dataset_version_list(actor).filter(pk=version.brought_on_id).defer("profile", "schema", "manifest")
    return {"data": rows.first(), "columns": AnswerColumns.from_json(version.brought_columns or {}).names}


def _panels(
    request: HttpRequest, actor: Actor, version: ModelVersion, place: str, context: dict[str, Any]
) -> list[SafeString]:
    """The cards that rooms above registered for this place, drawn."""
    drawn = []
    for panel in version_panel_list(place):
        given = panel.context(actor, version)
        if given is not None:
            drawn.append(render_to_string(panel.template, {**context, **given}, request=request))
    return drawn


def _address(name: str, version: ModelVersion) -> str:
    """An address of a room above, by id in the path or in the query; empty while that page is not there."""
    try:
        return reverse(name, args=[version.pk])
    except NoReverseMatch:
        pass
    try:
        return f"{reverse(name)}?version={version.pk}"
    except NoReverseMatch:
        return ""


def _verdict(version: ModelVersion, live: bool, missing: list[str], may_register: bool) -> dict[str, str]:
    """One sentence on how the version stands and what to do about it."""
    state = ModelVersion.State(version.state)
    if state is ModelVersion.State.QUARANTINED:
        reason = version.quarantine_reason.strip()
        reason += "" if reason.endswith((".", "!", "?")) else "."
        fix = "Train or register another version." if version.format else _RELOG
        text = f"{reason} Its files are kept, but nothing loads them. {fix}"
        return {"tone": "warn", "title": "Quarantined.", "text": text}
    if state is ModelVersion.State.ARCHIVED:
        return {"tone": "info", "title": "Archived.", "text": "It is out of use; nothing of it was deleted."}
    if state is ModelVersion.State.RECALLED:
        return {"tone": "bad", "title": "Recalled.", "text": "Something that it was made from was recalled."}
    if version.brought_on_id is not None:
        return {
            "tone": "info",
            "title": "Predictions made elsewhere.",
            "text": f"{selectors.model_missing(version)} It is judged and compared on those rows, and never loaded, "
            "served or proposed.",
        }
    gap = selectors.signature_missing(version)
    if gap:
        found = {"tone": "warn", "title": "It cannot be evaluated.", "text": gap}
        if may_register and version.run_id:
            found["action_url"] = reverse("version-signature", args=[version.pk])
            found["action_label"] = "Give it a signature"
        return found
    if missing:
        fix = (
            "Train it again with a recipe, or log it from a git repository with a requirements.txt that pins every "
            "package, and name its data when you register it."
        )
        return {
            "tone": "warn",
            "title": f"Its lineage lacks {_joined(missing)}.",
            "text": f"It cannot be proposed. {fix}",
        }
    if version.model.problem_id is None:
        found = {"tone": "warn", "title": "It serves no problem yet.", "text": _NO_PROBLEM}
        if may_register:
            found["action_url"] = reverse("model-detail", args=[version.model_id])
            found["action_label"] = "Choose a problem"
        return found
    if live:
        return {"tone": "good", "title": "Live.", "text": "It answers in production now."}
    return {
        "tone": "good",
        "title": "Sealed.",
        "text": "No byte and no field of it changes any more; its lineage is whole.",
    }


def _row_time(seconds: Any) -> str:
    """Time for one row, also where it is far below a millisecond."""
    if not isinstance(seconds, int | float) or isinstance(seconds, bool):
        return ""
    return formats.duration(seconds) if seconds >= 0.001 else f"{formats.num(seconds * 1e6)}{formats.THIN}µs"


def _joined(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def _signature(version: ModelVersion) -> list[dict[str, Any]]:
    """Inputs and outputs as rows; long lists of levels are cut."""
    rows = []
    for side, word in (("inputs", "in"), ("outputs", "out")):
        for tensor in version.signature.get(side) or []:
            levels = tensor.get("levels") or []
            rows.append(
                {
                    "side": word,
                    "name": tensor.get("name", ""),
                    "datatype": tensor.get("datatype", ""),
                    "required": tensor.get("required", side == "inputs"),
                    "levels": [str(level) for level in levels[:LEVELS_SHOWN]],
                    "more": max(0, len(levels) - LEVELS_SHOWN),
                }
            )
    return rows


def _money(amount: float, currency: str) -> str:
    """Whole amounts without decimals, as the problem's page writes them: "€ 5", "€ 12.50"."""
    return f"{currency} {number_text(amount, 0 if float(amount).is_integer() else 2)}".strip()


def _threshold(version: ModelVersion) -> dict[str, Any] | None:
    """The decision threshold and how it follows from the costs of the two errors; None where there is none."""
    if version.threshold is None:
        return None
    positive = str(version.classes[1]) if version.classes and len(version.classes) == 2 else "positive"
    found: dict[str, Any] = {"value": version.threshold, "positive": positive, "text": "", "changed": None}
    agreed = problems.version_current(version.model.problem) if version.model.problem else None
    costs = problems.costs_of(agreed) if agreed else None
    now = problems.threshold_of(agreed) if agreed else None
    if agreed is None or costs is None or now is None:
        found["text"] = "Without stated costs both errors count the same."
        return found
    if abs(now - version.threshold) > 1e-9:
        if version.brought_on_id is not None:
            found["text"] = "It was stated with the predictions."
        else:
            found["changed"] = now
        return found
    words = problems.error_words(agreed)
    currency = problems.currency_of(agreed)
    found["costs"] = {name: _money(costs[name], currency) for name in ("false_positive", "false_negative")}
    found["words"] = words
    found["agreed"] = agreed
    return found


def _menu(version: ModelVersion, live: bool, may_register: bool) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = [
        {"label": "As JSON", "icon": "braces", "url": reverse("api-version-detail", args=[version.pk])},
    ]
    # Nobody is told how to load what may run code, nor what is not there.
    if version.state != ModelVersion.State.QUARANTINED and not selectors.model_missing(version):
        items.insert(0, {"label": "Use in Python", "icon": "code", "open": "snippet"})
    if not may_register:
        return items
    items.append({"label": "Edit description", "icon": "edit", "url": reverse("version-edit", args=[version.pk])})
    items.append({"label": "Set an alias", "icon": "tag", "open": "alias"})
    archived = version.state == ModelVersion.State.ARCHIVED
    if archived or (version.state in (ModelVersion.State.SEALED, ModelVersion.State.QUARANTINED) and not live):
        url = reverse("version-archive", args=[version.pk])
        items.append({"label": "Restore" if archived else "Archive", "icon": "archive", "post": url})
    if version.state != ModelVersion.State.QUARANTINED:
        items.append({"label": "Quarantine", "icon": "lock", "open": "quarantine", "bad": True})
    return items
