"""MLflow's addresses, at the root of the site as clients expect them."""

from django.urls import URLPattern, path, re_path

from apps.mlflow_api.api import artifacts, experiments, logged_models, runs
from apps.mlflow_api.door import door
from apps.mlflow_api.errors import NotImplementedHere


def _left_out(actor: object, request: object, rest: str = "") -> object:
    raise NotImplementedHere("Fairway does not speak this part of MLflow's API.")


_ROUTES = {
    "experiments/get": door(GET=experiments.get),
    "experiments/get-by-name": door(GET=experiments.get_by_name),
    "runs/get": door(GET=runs.get),
    "runs/update": door(POST=runs.update),
    "runs/log-batch": door(POST=runs.log_batch),
    "runs/log-metric": door(POST=runs.log_metric),
    "runs/log-parameter": door(POST=runs.log_parameter),
    "runs/set-tag": door(POST=runs.set_tag),
    "artifacts/list": door(GET=artifacts.run_files),
    "logged-models": door(POST=logged_models.create),
    "logged-models/search": door(POST=logged_models.search),
    "logged-models/<str:model_id>": door(GET=logged_models.get, PATCH=logged_models.finalize),
    "logged-models/<str:model_id>/tags": door(PATCH=logged_models.tags_set),
    "logged-models/<str:model_id>/artifacts/directories": door(GET=artifacts.model_files),
}

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_nothing = door(**dict.fromkeys(_METHODS, _left_out))  # type: ignore[arg-type]

urlpatterns: list[URLPattern] = []
for _prefix in ("api", "ajax-api"):
    urlpatterns += [path(f"{_prefix}/2.0/mlflow/{route}", view) for route, view in _ROUTES.items()]
    urlpatterns += [
        path(f"{_prefix}/2.0/mlflow-artifacts/artifacts", door(GET=artifacts.proxied_list)),
        path(
            f"{_prefix}/2.0/mlflow-artifacts/artifacts/<path:path>",
            door(GET=artifacts.download, PUT=artifacts.upload),
        ),
        re_path(rf"^{_prefix}/[23]\.0/(?P<rest>.*)$", _nothing),
    ]
