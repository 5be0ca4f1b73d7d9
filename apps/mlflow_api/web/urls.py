"""MLflow's addresses, at the root of the site as clients expect them."""

from collections.abc import Callable, Mapping

from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, include, path, re_path

from apps.mlflow_api.api import (
    aliases,
    artifacts,
    assessments,
    evaluation_datasets,
    evaluation_records,
    experiments,
    histories,
    inputs,
    logged_models,
    measurements,
    model_versions,
    permissions,
    registered_models,
    roles,
    runs,
    server,
    spans,
    trace_metrics,
    traces,
    traces_older,
    unsupported,
    users,
    webhooks,
    workspaces,
)
from apps.mlflow_api.door import door
from apps.mlflow_api.errors import NotImplementedHere

View = Callable[..., HttpResponseBase]


def _left_out(actor: object, request: object, rest: str = "") -> object:
    raise NotImplementedHere("Fairway does not speak this part of MLflow's API.")


_ROUTES = {
    "experiments/create": door(POST=experiments.create),
    "experiments/get": door(GET=experiments.get),
    "experiments/get-by-name": door(GET=experiments.get_by_name),
    "experiments/update": door(POST=experiments.update),
    "experiments/delete": door(POST=experiments.delete),
    "experiments/restore": door(POST=experiments.restore),
    "experiments/set-experiment-tag": door(POST=experiments.tag_set),
    "experiments/delete-experiment-tag": door(POST=experiments.tag_delete),
    "experiments/search": door(GET=experiments.search, POST=experiments.search),
    "runs/search": door(POST=runs.search),
    "runs/create": door(proves=True, POST=runs.create),
    "runs/get": door(GET=runs.get),
    "runs/update": door(proves=True, POST=runs.update),
    "runs/delete": door(POST=runs.delete),
    "runs/restore": door(POST=runs.restore),
    "runs/log-inputs": door(POST=runs.log_inputs),
    "runs/outputs": door(POST=runs.log_outputs),
    "runs/log-batch": door(proves=True, POST=measurements.log_batch),
    "runs/log-metric": door(proves=True, POST=measurements.log_metric),
    "runs/log-parameter": door(proves=True, POST=measurements.log_parameter),
    "runs/log-model": door(POST=measurements.log_model),
    "runs/set-tag": door(proves=True, POST=measurements.set_tag),
    "runs/delete-tag": door(POST=measurements.delete_tag),
    "metrics/get-history-bulk-interval": door(GET=histories.interval),
    "metrics/get-history": door(GET=measurements.history),
    "artifacts/presigned-upload-url": door(POST=unsupported.presigned_upload),
    "artifacts/presigned-download-url": door(POST=unsupported.presigned_download),
    "artifacts/list": door(GET=artifacts.run_files),
    "logged-models": door(POST=logged_models.create),
    "logged-models/search": door(POST=logged_models.search),
    "logged-models/<str:model_id>": door(
        GET=logged_models.get, PATCH=logged_models.finalize, DELETE=logged_models.delete
    ),
    "logged-models/<str:model_id>/params": door(POST=logged_models.params_log),
    "logged-models/<str:model_id>/tags": door(PATCH=logged_models.tags_set),
    "logged-models/<str:model_id>/tags/<path:key>": door(DELETE=logged_models.tag_delete),
    "logged-models/<str:model_id>/artifacts/directories": door(GET=artifacts.model_files),
    "logged-models/<str:model_id>/artifacts/files": door(GET=artifacts.model_file),
    "registered-models/create": door(POST=registered_models.create),
    "registered-models/get": door(GET=registered_models.get),
    "registered-models/search": door(GET=registered_models.search),
    "registered-models/rename": door(POST=registered_models.rename),
    "registered-models/update": door(PATCH=registered_models.update),
    "registered-models/delete": door(DELETE=registered_models.delete),
    "registered-models/set-tag": door(POST=registered_models.tag_set),
    "registered-models/delete-tag": door(DELETE=registered_models.tag_delete),
    "registered-models/alias": door(GET=aliases.get, POST=aliases.put, DELETE=aliases.delete),
    "registered-models/get-latest-versions": door(GET=model_versions.latest, POST=model_versions.latest),
    "model-versions/create": door(POST=model_versions.create),
    "model-versions/get": door(GET=model_versions.get),
    "model-versions/search": door(GET=model_versions.search),
    "model-versions/update": door(PATCH=model_versions.update),
    "model-versions/delete": door(DELETE=model_versions.delete),
    "model-versions/set-tag": door(POST=model_versions.tag_set),
    "model-versions/delete-tag": door(DELETE=model_versions.tag_delete),
    "model-versions/transition-stage": door(POST=model_versions.transition),
    "model-versions/get-download-uri": door(GET=model_versions.download_uri),
    "webhooks": door(GET=webhooks.search, POST=webhooks.create),
    "webhooks/<str:webhook_id>": door(GET=webhooks.get, PATCH=webhooks.update, DELETE=webhooks.delete),
    "webhooks/<str:webhook_id>/test": door(POST=webhooks.test),
    "traces": door(GET=traces_older.search, POST=traces_older.start),
    "traces/delete-traces": door(POST=traces.delete),
    "traces/link-to-run": door(POST=traces.link),
    "traces/link-prompts": door(POST=traces.prompts_link),
    "traces/<str:trace_id>": door(PATCH=traces_older.end),
    "traces/<str:trace_id>/info": door(GET=traces_older.info),
    "traces/<str:trace_id>/tags": door(PATCH=traces.tag_set, DELETE=traces.tag_delete),
    "users/create": door(everywhere=True, POST=users.create),
    "users/create-ui": door(everywhere=True, POST=users.sign_up),
    "users/get": door(everywhere=True, GET=users.get),
    "users/current": door(everywhere=True, GET=users.current),
    "users/list": door(everywhere=True, GET=users.search),
    "users/update-password": door(everywhere=True, PATCH=users.update_password),
    "users/update-admin": door(everywhere=True, PATCH=users.update_admin),
    "users/delete": door(everywhere=True, DELETE=users.delete),
}
# What MLflow's own pages call, at their prefix alone.
_ROUTES_AJAX = {
    "metrics/get-history-bulk": door(GET=histories.bulk),
    "experiments/search-datasets": door(POST=inputs.search),
    "upload-artifact": door(POST=artifacts.upload_small),
}
_ROUTES_3 = {
    "server-info": door(everywhere=True, GET=server.info),
    "workspaces": door(everywhere=True, GET=workspaces.search, POST=workspaces.create),
    "workspaces/<str:name>": door(
        everywhere=True, GET=workspaces.get, PATCH=workspaces.update, DELETE=workspaces.delete
    ),
    "datasets/create": door(POST=evaluation_datasets.create),
    "datasets/search": door(GET=evaluation_datasets.search, POST=evaluation_datasets.search),
    "datasets/<str:dataset_id>": door(GET=evaluation_datasets.get, DELETE=evaluation_datasets.delete),
    "datasets/<str:dataset_id>/tags": door(PATCH=evaluation_datasets.tags_set),
    "datasets/<str:dataset_id>/tags/<path:key>": door(DELETE=evaluation_datasets.tag_delete),
    "datasets/<str:dataset_id>/records": door(
        GET=evaluation_records.search, POST=evaluation_records.upsert, DELETE=evaluation_records.delete
    ),
    "datasets/<str:dataset_id>/experiment-ids": door(GET=evaluation_datasets.experiment_ids),
    "datasets/<str:dataset_id>/add-experiments": door(POST=evaluation_datasets.experiments_add),
    "datasets/<str:dataset_id>/remove-experiments": door(POST=evaluation_datasets.experiments_remove),
    "traces": door(POST=traces.start),
    "traces/search": door(POST=traces.search),
    "traces/get": door(GET=traces.get),
    "traces/batchGet": door(GET=traces.batch_get),
    "traces/batchGetInfos": door(POST=traces.batch_infos),
    "traces/delete-traces": door(POST=traces.delete),
    "traces/link-to-run": door(POST=traces.link),
    "traces/link-prompts": door(POST=traces.prompts_link),
    "traces/metrics": door(POST=trace_metrics.query),
    "traces/calculate-filter-correlation": door(POST=trace_metrics.correlation),
    "traces/<str:trace_id>": door(GET=traces.info),
    "traces/<str:trace_id>/tags": door(PATCH=traces.tag_set, DELETE=traces.tag_delete),
    "traces/<str:trace_id>/assessments": door(POST=assessments.create),
    "traces/<str:trace_id>/assessments/<str:assessment_id>": door(
        GET=assessments.get, PATCH=assessments.update, DELETE=assessments.delete
    ),
    "users/current/permissions": door(everywhere=True, GET=permissions.current),
    "users/permissions/list": door(everywhere=True, GET=permissions.search),
    "users/permissions/get": door(everywhere=True, GET=permissions.get),
    "users/permissions/grant": door(everywhere=True, POST=permissions.refuse),
    "users/permissions/revoke": door(everywhere=True, POST=permissions.refuse),
    "users/roles/list": door(everywhere=True, GET=roles.of_user),
    "roles/get": door(everywhere=True, GET=roles.get),
    "roles/list": door(everywhere=True, GET=roles.search),
    "roles/users/list": door(everywhere=True, GET=roles.holders),
    "roles/assign": door(everywhere=True, POST=roles.assign),
    "roles/unassign": door(everywhere=True, DELETE=roles.unassign),
    "roles/create": door(everywhere=True, POST=roles.refuse),
    "roles/update": door(everywhere=True, PATCH=roles.refuse),
    "roles/delete": door(everywhere=True, DELETE=roles.refuse),
    "roles/permissions/list": door(everywhere=True, GET=roles.permissions),
    "roles/permissions/add": door(everywhere=True, POST=roles.refuse),
    "roles/permissions/update": door(everywhere=True, PATCH=roles.refuse),
    "roles/permissions/remove": door(everywhere=True, DELETE=roles.refuse),
}

_ROUTES_ARTIFACTS = {
    "artifacts": door(GET=artifacts.proxied_list),
    "artifacts/<path:path>": door(GET=artifacts.download, PUT=artifacts.upload, DELETE=artifacts.remove),
    "mpu/create/<path:path>": door(POST=unsupported.multipart_upload),
    "mpu/complete/<path:path>": door(POST=unsupported.multipart_upload),
    "mpu/abort/<path:path>": door(POST=unsupported.multipart_upload),
    "presigned/<path:path>": door(GET=unsupported.multipart_download),
}

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_nothing = door(everywhere=True, **dict.fromkeys(_METHODS, _left_out))  # type: ignore[arg-type]

_ROUTES_TOP = {
    "version": door(everywhere=True, GET=server.version),
    "v1/traces": door(POST=spans.export),
    "get-artifact": door(GET=artifacts.run_file),
    "model-versions/get-artifact": door(GET=model_versions.file_get),
}
# The doors whose address has no variable part, by that address: for programs, which take the short way to them.
DOORS: dict[str, View] = {f"/{route}": view for route, view in _ROUTES_TOP.items()}


def _below(prefix: str, routes: Mapping[str, View]) -> URLResolver:
    """Routes below a prefix: an address elsewhere is compared with the prefix alone."""
    DOORS.update({f"/{prefix}{route}": view for route, view in routes.items() if "<" not in route})
    return path(prefix, include([path(route, view) for route, view in routes.items()]))


urlpatterns: list[URLPattern | URLResolver] = [
    path("health", server.health, name="mlflow-health"),
    *(path(route, view) for route, view in _ROUTES_TOP.items()),
    _below("ajax-api/2.0/mlflow/", _ROUTES_AJAX),
]
for _prefix in ("api", "ajax-api"):
    urlpatterns += [
        _below(f"{_prefix}/2.0/mlflow/", _ROUTES),
        _below(f"{_prefix}/3.0/mlflow/", _ROUTES_3),
        _below(f"{_prefix}/2.0/mlflow-artifacts/", _ROUTES_ARTIFACTS),
        re_path(rf"^{_prefix}/[23]\.0/(?P<rest>.*)$", _nothing),
    ]
