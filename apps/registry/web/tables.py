"""The tables of models and of the versions of one."""

from __future__ import annotations

from typing import Any

from django.db.models import FloatField
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.core.actors import Actor
from apps.core.tables import ChoiceFilter, Column, Table, TextFilter
from apps.core.templatetags._marks import state
from apps.problems import selectors as problems
from apps.registry import selectors
from apps.registry.contracts import live_version_ids, version_badges
from apps.registry.models import Model, ModelVersion
from workers.contracts.recipes import RECIPES

TASKS = [("BINARY", "two classes"), ("MULTICLASS", "many classes"), ("REGRESSION", "a number"), ("RANKING", "an order")]
_TASK_WORDS = dict(TASKS)


def _problems(request: HttpRequest | None) -> list[tuple[str, str]]:
    if request is None:
        return []
    rows = problems.problem_list(request.actor).order_by("name", "id")  # type: ignore[attr-defined]
    return [(str(pk), name) for pk, name in rows.values_list("pk", "name")[:200]]


def task_word(code: str) -> str:
    return _TASK_WORDS.get(code, code)


def recipe_title(recipe_id: str) -> str:
    """Its title, or the id of one that has left the catalogue."""
    recipe = RECIPES.get(recipe_id)
    return recipe.title if recipe else recipe_id


def _live(model: Any) -> Any:
    number = getattr(model, "live_number", None)
    if number is None:
        return SafeString('<span class="fw-3">none</span>')
    return format_html("{} version {}", state("LIVE"), number)


MODELS = Table(
    key="models",
    columns=[
        Column("name", "Model", sort="name", link=True, wrap=True),
        Column("problem", "Problem", sort="problem__name", value="problem.name", wrap=True),
        Column("live", "Live", render=_live, csv=lambda model: getattr(model, "live_number", None)),
        Column("task", "Predicts", sort="task", value=lambda model: task_word(model.task)),
        Column("versions", "Versions", sort="version_count", value="version_count", format="count"),
        Column("newest", "Newest version", sort="newest_at", value="newest_at", format="ago", nullable=True),
        Column("by", "Registered by", sort="created_by_label", value="created_by_label", default_visible=False),
    ],
    filters=[
        ChoiceFilter("task", "Predicts", TASKS),
        ChoiceFilter("problem", "Problem", _problems, lookup="problem_id"),
        TextFilter("q", "Find a model", ["name", "description"]),
    ],
    default_sort="-newest",
    row_url=lambda model: reverse("model-detail", args=[model.pk]),
    label="Models",
    noun="model",
    empty_title="No model yet",
    empty_text="A model is registered with the first training of a problem; each that ends well adds a version.",
)


def live_attach(actor: Actor) -> Any:
    """A `prepare` that says which version of each model is live."""

    def prepare(rows: list[Model]) -> None:
        live = live_version_ids([model.pk for model in rows])
        wanted = list(live.values())
        numbers: dict[Any, int] = {}
        if wanted:
            numbers = dict(selectors.version_list(actor).filter(pk__in=wanted).values_list("pk", "number"))
        for model in rows:
            model.live_number = numbers.get(live.get(model.pk))  # type: ignore[attr-defined]

    return prepare


def _number(version: Any) -> Any:
    return f"Version {version.number}"


def _badges(version: Any) -> SafeString:
    """Live, newest, what rooms above derive, and aliases."""
    words: list[SafeString] = []
    if getattr(version, "is_live", False):
        words.append(state("LIVE"))
    words += [
        format_html('<a href="{}">{}</a>', badge.url, state(badge.code, badge.word))
        if badge.url
        else state(badge.code, badge.word)
        for badge in getattr(version, "badges", [])
    ]
    if getattr(version, "is_newest", False):
        words.append(SafeString('<span class="fw-tag">newest</span>'))
    words += [format_html('<span class="fw-chip">{}</span>', name) for name in getattr(version, "alias_names", [])]
    return format_html_join(" ", "{}", ((word,) for word in words)) or SafeString('<span class="fw-undefined">–</span>')


VERSIONS = Table(
    key="versions",
    columns=[
        Column("number", "Version", sort="number", link=True, value=_number),
        Column("state", "State", sort="state", format="state"),
        Column("stands", "Stands as", render=_badges, csv=lambda v: "live" if getattr(v, "is_live", False) else ""),
        Column("recipe", "Recipe", sort="recipe", value=lambda v: recipe_title(v.recipe), csv=lambda v: v.recipe),
        Column("format", "Format", sort="format", value="format"),
        Column("threshold", "Threshold", sort="threshold", value="threshold", format="num", nullable=True),
        Column(
            "size",
            "Size",
            sort=Cast(KeyTextTransform("size_bytes", "complexity"), FloatField()),
            value=lambda version: (version.complexity or {}).get("size_bytes"),
            format="bytes",
            nullable=True,
        ),
        Column("run", "Run", value="run.name", default_visible=False),
        Column("registered", "Registered", sort="created_at", value="created_at", format="ago"),
        Column("by", "By", sort="registered_by_label", value="registered_by_label"),
    ],
    filters=[
        ChoiceFilter("state", "State", ModelVersion.State.choices),
        TextFilter("q", "Find a version", ["recipe", "description", "registered_by_label"]),
    ],
    default_sort="-number",
    row_url=lambda version: reverse("version-detail", args=[version.pk]),
    row_css=lambda version: "is-live" if getattr(version, "is_live", False) else "",
    label="Versions",
    noun="version",
    empty_title="No version yet",
    empty_text="A training that ends well adds one.",
)


def standing_attach(actor: Actor, model: Model, newest: ModelVersion | None, live: Any) -> Any:
    """A `prepare` that says how each version of a model stands."""

    def prepare(rows: list[ModelVersion]) -> None:
        aliases = selectors.alias_list(model)
        badges = version_badges(actor, rows)
        for version in rows:
            version.is_live = version.pk == live  # type: ignore[attr-defined]
            version.is_newest = newest is not None and version.pk == newest.pk  # type: ignore[attr-defined]
            version.alias_names = aliases.get(version.pk, [])  # type: ignore[attr-defined]
            version.badges = badges.get(version.pk, [])  # type: ignore[attr-defined]

    return prepare
