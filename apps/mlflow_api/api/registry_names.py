"""What calls to the registry name: models, versions and aliases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest

from apps.core.actors import Actor
from apps.core.errors import Invalid, NotFound
from apps.mlflow_api.api.limits import length_check, model_name_of
from apps.mlflow_api.api.teams import team_named, team_of
from apps.mlflow_api.door import Source, text_of
from apps.mlflow_api.registry_shapes import version_shape
from apps.registry import selectors
from apps.registry.contracts import live_version_id

if TYPE_CHECKING:
    from apps.registry.models import Model, ModelVersion

DESCRIPTION = 20_000
_NUMBER_LIMIT = 2**31 - 1


def model_of(actor: Actor, request: HttpRequest, source: Source) -> Model:
    """The model that a call names: in the team that the call means, else in the only other team that has one."""
    return model_named(actor, request, model_name_of(source))


def model_named(actor: Actor, request: HttpRequest, name: str) -> Model:
    """As `model_of`, by name. Raises NotFound, Conflict."""
    said = team_named(request)
    team_id = said or team_of(actor, request)
    try:
        return selectors.model_by_name(actor, name, team_id=team_id, elsewhere=said is None)
    except NotFound as error:
        raise NotFound(f"Registered Model with name={name} not found") from error


def version_named(model: Model, name: str, text: str) -> ModelVersion:
    """The version of that number, as clients write it. Raises Invalid, NotFound."""
    if not text.strip().lstrip("+-").isdecimal() or len(text) > 30:
        raise Invalid.field("version", f"Parameter 'version' must be an integer, got '{text[:100]}'.")
    number = int(text)
    try:
        return selectors.version_by_number(model, number if 0 < number <= _NUMBER_LIMIT else 0)
    except NotFound as error:
        raise NotFound(f"Model Version (name={name}, version={number}) not found") from error


def version_of(actor: Actor, request: HttpRequest, source: Source) -> ModelVersion:
    """The version that a call names by the model's name and a number."""
    text = text_of(source, "version") if not isinstance(source.get("version"), int) else str(source["version"])
    model = model_of(actor, request, source)
    return version_named(model, model.name, text)


def version_aliased(model: Model, alias: str) -> ModelVersion:
    """The version of an alias; `latest` is the newest. Raises NotFound, and Invalid for an alias that is not there."""
    if alias.lower() == "latest":
        try:
            return selectors.version_newest(model)
        except NotFound as error:
            raise NotFound(f"Latest version not found for model {model.name}.") from error
    try:
        return selectors.version_by_alias(model, alias)
    except NotFound as error:
        raise Invalid.field("alias", f"Registered model alias {alias} not found.") from error


def description_of(source: Source) -> str:
    return length_check("description", text_of(source, "description", required=False), DESCRIPTION)


def shape_of(version: ModelVersion) -> dict[str, Any]:
    """A version with its aliases and the stage that it has now."""
    live = live_version_id(version.model_id) == version.pk
    return version_shape(version, live=live, aliases=selectors.alias_list(version.model).get(version.pk, ()))
