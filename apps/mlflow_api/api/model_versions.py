"""model-versions/*: versions of registered models, as Fairway seals them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid, NotFound
from apps.core.files import file_response
from apps.experiments import selectors as experiments
from apps.mlflow_api.api.limits import REGISTRY_TAG, key_of, length_check, registry_tags_of
from apps.mlflow_api.api.paging import limit_of, texts_of, token_of
from apps.mlflow_api.api.registry_names import (
    description_of,
    model_named,
    model_of,
    shape_of,
    version_aliased,
    version_named,
    version_of,
)
from apps.mlflow_api.api.sources import Source as Address
from apps.mlflow_api.api.sources import source_of
from apps.mlflow_api.api.teams import team_named
from apps.mlflow_api.door import (
    Source,
    answer,
    args_of,
    body_of,
    flag_of,
    list_of,
    model_id_of,
    run_id_of,
    text_of,
)
from apps.mlflow_api.registry_shapes import PRODUCTION, version_root, version_shape
from apps.mlflow_api.shapes import without_empty
from apps.registry import selectors, services
from apps.registry.contracts import live_version_id, live_version_ids

if TYPE_CHECKING:
    from apps.registry.models import ModelVersion

_STAGES = {stage.lower(): stage for stage in ("None", "Staging", PRODUCTION, "Archived")}
# More may be asked for at once, as of MLflow; they come in pages of this many.
PAGE = 10_000
SEARCH_LIMIT = 200_000
NOT_LIVE = (
    "{version} is not live, and no client can say that it is: in Fairway the stage Production is what a deployment "
    "answers with. Evaluate the version, request its approval on its page, and once another person has approved, the "
    "deployment makes it live. To mark a favourite, set an alias such as 'champion'."
)


def create(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """Register files that Fairway holds; the same bytes are the version that stands."""
    body = body_of(request)
    given = text_of(body, "source")
    address = source_of(given)
    labels = services.Labels(
        description=description_of(body),
        tags=registry_tags_of(body),
        source=given,
        run_link=length_check("run_link", text_of(body, "run_link", required=False), 500),
    )
    model = model_of(actor, request, body)
    address = _resolved(actor, request, address)
    _owner_check(actor, body, address, given)
    if address.logged_model_id is not None:
        version = services.logged_model_register(
            actor=actor, model_id=model.pk, logged_model_id=address.logged_model_id, labels=labels
        )
    elif address.version_id is not None:
        version = services.version_copy(actor=actor, model_id=model.pk, version_id=address.version_id, labels=labels)
    else:
        assert address.run_id is not None  # noqa: S101 - for the type checker; an address names one of the three
        version = services.model_version_create(
            actor=actor,
            model_id=model.pk,
            run_id=address.run_id,
            facts={"path": address.path},
            labels=labels,
            seal_at_end=True,
        )
    return answer({"model_version": shape_of(version)})


def _resolved(actor: Actor, request: HttpRequest, address: Address) -> Address:
    """An address by name as one by id; a path that names a logged model of its run as that model."""
    if address.name:
        model = model_named(actor, request, address.name)
        if address.number is not None:
            return Address(version_id=version_named(model, model.name, str(address.number)).pk)
        return Address(version_id=version_aliased(model, address.alias).pk)
    if address.run_id is not None:
        run = experiments.run_get(actor, address.run_id)
        prefix = f"{address.path}/"
        if not any(file.path.startswith(prefix) for file in experiments.artifact_list(run_id=run.pk)):
            logged = experiments.logged_model_of_run(actor, run.pk, address.path)
            if logged is not None:
                return Address(logged_model_id=logged.pk)
    return address


def _owner_check(actor: Actor, body: Source, address: Address, given: str) -> None:
    """Refuse a run or a model, named beside the source, that is not the one the files are of."""
    said_run = text_of(body, "run_id", required=False)
    said_model = text_of(body, "model_id", required=False)
    run_id, model_id = address.run_id, address.logged_model_id
    if address.version_id is not None:
        version = selectors.model_version_get(actor, address.version_id)
        run_id, model_id = version.run_id, version.logged_model_id
    elif address.logged_model_id is not None:
        run_id = experiments.logged_model_get(actor, address.logged_model_id).source_run_id
    if said_run and run_id_of(said_run) != run_id:
        raise Invalid.field("run_id", _NOT_OF.format(source=given, name="run_id"))
    if said_model and model_id_of(said_model) != model_id:
        raise Invalid.field("model_id", _NOT_OF.format(source=given, name="model_id"))


_NOT_OF = (
    "Invalid model version source: '{source}'. The {name} request parameter must identify the resource that contains "
    "the source."
)


def get(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    return answer({"model_version": shape_of(version_of(actor, request, args_of(request)))})


def search(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """Versions of the named workspace, else of all teams of the actor."""
    source = args_of(request)
    found, token = selectors.model_version_page(
        actor,
        team_id=team_named(request),
        filter_text=text_of(source, "filter", required=False),
        order_texts=texts_of(source, "order_by"),
        token=token_of(source),
        limit=min(limit_of(source, PAGE, SEARCH_LIMIT), PAGE),
    )
    live = set(live_version_ids({version.model_id for version in found}).values())
    shapes = [version_shape(version, live=version.pk in live) for version in found]
    shape = without_empty({"model_versions": shapes})
    return answer({**shape, "next_page_token": token} if token else shape)


def update(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """Change the description."""
    body = body_of(request)
    version = version_of(actor, request, body)
    version = services.version_describe(actor=actor, version_id=version.pk, description=description_of(body))
    return answer({"model_version": shape_of(version)})


def delete(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """Out of use, with its aliases; its record and its files stay, and its number is not given again."""
    services.version_archive(actor=actor, version_id=version_of(actor, request, body_of(request)).pk)
    return answer({})


def tag_set(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    body = body_of(request)
    tags = {key_of(body): length_check("value", text_of(body, "value", required=False), REGISTRY_TAG)}
    services.version_describe(actor=actor, version_id=version_of(actor, request, body).pk, tags=tags)
    return answer({})


def tag_delete(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """One that is not there is no error, as in MLflow."""
    body = body_of(request)
    key = key_of(body)
    services.version_tag_delete(actor=actor, version_id=version_of(actor, request, body).pk, key=key)
    return answer({})


def _require_loadable(version: ModelVersion) -> None:
    """Raise Conflict for a version that nothing may load."""
    gap = selectors.model_missing(version)
    if gap:
        raise Conflict(f"{gap} There is nothing to load.", code="no_model")
    if version.state == "QUARANTINED":
        raise Conflict(
            f"{version} is quarantined, so nothing loads it: {version.quarantine_reason} Its files can be looked at on "
            "its page in Fairway; what a run logged can still be loaded from the run (runs:/…).",
            code="quarantined",
        )
    if version.state != "SEALED":
        raise Conflict(f"{version} is {version.get_state_display()}.", code="wrong_state")


def stage_named(text: str) -> str:
    """A stage in MLflow's spelling. Raises Invalid."""
    stage = _STAGES.get(text.lower())
    if stage is None:
        raise Invalid.field(
            "stage", f"Invalid Model Version stage: {text[:100]}. Value must be one of {', '.join(_STAGES.values())}."
        )
    return stage


def transition(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """Label a version with a stage. What is in production follows from deployments, so that stage is not given."""
    body = body_of(request)
    stage, archive_others = stage_named(text_of(body, "stage")), flag_of(body, "archive_existing_versions")
    if archive_others and stage not in ("Staging", PRODUCTION):
        raise Invalid.field(
            "archive_existing_versions",
            f"Model version transition cannot archive existing model versions because '{stage}' is not an Active "
            "stage. Valid stages are ['Staging', 'Production']",
        )
    version = version_of(actor, request, body)
    if stage != PRODUCTION:
        version = services.version_stage_set(
            actor=actor, version_id=version.pk, stage=stage, archive_others=archive_others
        )
    elif live_version_id(version.model_id) != version.pk:
        raise Conflict(NOT_LIVE.format(version=version), code="not_live")
    return answer({"model_version": shape_of(version)})


def latest(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """The newest version of each stage, or of those asked for."""
    source = request.GET if request.method == "GET" and request.GET else body_of(request)
    model = model_of(actor, request, source)
    asked = {stage_named(text_of({"stage": stage}, "stage")) for stage in list_of(source, "stages", 100)}
    aliases, live = selectors.alias_list(model), live_version_id(model.pk)
    heads = selectors.version_heads_by_stage([model], {model.pk: live} if live else {})
    shapes = [version_shape(version, live=version.pk == live, aliases=aliases.get(version.pk, ())) for version in heads]
    found = [shape for shape in shapes if not asked or shape["current_stage"] in asked]
    return answer({"model_versions": found} if found else {})


def download_uri(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """Where the files of a version are."""
    version = version_of(actor, request, args_of(request))
    _require_loadable(version)
    return answer({"artifact_uri": version_root(version)})


def file_get(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """One file of a version."""
    version, path = version_of(actor, request, request.GET), text_of(request.GET, "path")
    found = next((row for row in version.manifest if row["path"] == path), None)
    if found is None:
        raise NotFound("There is no such file.")
    return file_response(sha256=found["sha256"], size=found["size"], name=path)
