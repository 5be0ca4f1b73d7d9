"""An MLflow server, read over its REST API."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import httpx

from apps.core.blobs import CHUNK
from apps.core.errors import Invalid
from apps.mlflow_api.door import float_of, rows_of, text_of, whole_of
from apps.mlflow_api.importing.records import (
    Leave,
    Measured,
    SourceExperiment,
    SourceFailed,
    SourceFile,
    SourceGone,
    SourceModel,
    SourceRegistered,
    SourceRun,
    SourceVersion,
)

_API = "/api/2.0/mlflow/"
_ANSWER_LIMIT = 64 * 1024**2
_DEEPEST = 40
_MOST_FILES = 100_000
_HISTORY_PAGE = 10_000
_PAGE = 100


class RestSource:
    """An address such as http://mlflow.example:5000, with a bearer token or with name and password in the address.

    Only that address is asked: an answer that leads elsewhere is refused.
    """

    def __init__(self, uri: str, leave: Leave, *, token: str = "", seconds: float = 60) -> None:
        try:
            url = httpx.URL(uri)
        except httpx.InvalidURL as error:
            raise SourceFailed(f"{uri[:200]} is no address: {error}") from error
        auth = httpx.BasicAuth(url.username, url.password) if url.username else None
        url = url.copy_with(username=None, password=None, query=None, fragment=None)
        self.label = str(url).rstrip("/")
        self._leave = leave
        headers = {"Accept-Encoding": "identity"} | ({"Authorization": f"Bearer {token}"} if token else {})
        self._http = httpx.Client(auth=auth, headers=headers, timeout=seconds, follow_redirects=False, trust_env=False)

    @contextmanager
    def _asked(self, method: str, path: str, **options: Any) -> Iterator[httpx.Response]:
        """An answer whose body is still to be read. Raises SourceFailed."""
        try:
            with self._http.stream(method, self.label + path, **options) as response:
                if response.is_redirect:
                    to = response.headers.get("Location", "nowhere")[:200]
                    raise SourceFailed(
                        f"{self.label} sends callers on to {to}. Give that address if it is the right one."
                    )
                yield response
        except httpx.HTTPError as error:
            raise SourceGone(f"{self.label} does not answer: {error or type(error).__name__}") from error

    def _json(self, method: str, path: str, *, absent: bool = False, **options: Any) -> dict[str, Any]:
        """One answer; with `absent`, {} where the server has no such call. Raises SourceFailed."""
        with self._asked(method, path, **options) as response:
            body = bytearray()
            for chunk in response.iter_bytes(CHUNK):
                body += chunk
                if len(body) > _ANSWER_LIMIT:
                    raise SourceFailed(f"{self.label}{path} answers with more than {_ANSWER_LIMIT:,} bytes.")
            if absent and response.status_code in (404, 405, 501):
                return {}
            if response.status_code != 200:
                said = bytes(body[:300]).decode(errors="replace")
                raise SourceFailed(f"{self.label}{path} answers {response.status_code}: {said}")
        try:
            value = json.loads(bytes(body))
        except (ValueError, RecursionError) as error:
            raise SourceFailed(f"{self.label}{path} answers with something that is not JSON.") from error
        if not isinstance(value, dict):
            raise SourceFailed(f"{self.label}{path} answers with something that is no JSON object.")
        return value

    def _pages(self, ask: Callable[[dict[str, Any]], dict[str, Any]], name: str) -> Iterator[dict[str, Any]]:
        """The rows of all pages; a page token that comes twice ends in SourceFailed."""
        seen: set[str] = set()
        more: dict[str, Any] = {}
        while True:
            body = ask(more)
            try:
                yield from rows_of(body, name)
                token = text_of(body, "next_page_token", required=False)
            except Invalid as error:
                raise SourceFailed(f"{self.label} answers in a shape that is not MLflow's: {error.detail}") from error
            if not token:
                return
            if token in seen:
                raise SourceFailed(f"{self.label} gives the same page of {name} again and again.")
            seen.add(token)
            more = {"page_token": token}

    def _posted(self, path: str, name: str, body: dict[str, Any], *, absent: bool = False) -> Iterator[dict[str, Any]]:
        return self._pages(lambda more: self._json("POST", _API + path, absent=absent, json={**body, **more}), name)

    def _got(self, path: str, name: str, query: dict[str, Any], *, absent: bool = False) -> Iterator[dict[str, Any]]:
        return self._pages(lambda more: self._json("GET", _API + path, absent=absent, params={**query, **more}), name)

    def experiments(self) -> Iterator[SourceExperiment]:
        for row in self._posted("experiments/search", "experiments", {"max_results": _PAGE, "view_type": "ALL"}):
            with self._judged("experiment", row.get("name")):
                yield SourceExperiment(
                    id=text_of(row, "experiment_id"),
                    name=text_of(row, "name"),
                    tags=_pairs(row, "tags"),
                    deleted=row.get("lifecycle_stage") == "deleted",
                    created=whole_of(row, "creation_time", 0),
                )

    def runs(self, experiment: SourceExperiment) -> Iterator[SourceRun]:
        asked: dict[str, Any] = {"experiment_ids": [experiment.id], "run_view_type": "ALL", "max_results": _PAGE}
        for row in self._posted("runs/search", "runs", asked):
            info = row.get("info")
            if not isinstance(info, dict):
                raise SourceFailed(f"{self.label} answers in a shape that is not MLflow's: a run without info.")
            with self._judged("run", info.get("run_id")):
                yield _run(row, info, experiment.id)

    def history(self, run: SourceRun) -> Iterator[Measured]:
        for key in run.metric_keys:
            query: dict[str, Any] = {
                "run_id": run.id,
                "run_uuid": run.id,
                "metric_key": key,
                "max_results": _HISTORY_PAGE,
            }
            for row in self._got("metrics/get-history", "metrics", query):
                with self._judged("metric", f"{key} of run {run.id}"):
                    yield Measured(
                        key=key,
                        value=float_of(row, "value"),
                        timestamp=whole_of(row, "timestamp", 0),
                        step=whole_of(row, "step", 0),
                        model_id=text_of(row, "model_id", required=False),
                        dataset_name=text_of(row, "dataset_name", required=False),
                        dataset_digest=text_of(row, "dataset_digest", required=False),
                    )

    def models(self, experiment: SourceExperiment) -> Iterator[SourceModel]:
        asked: dict[str, Any] = {"experiment_ids": [experiment.id], "max_results": 50}
        for row in self._posted("logged-models/search", "models", asked, absent=True):
            info, data = row.get("info"), row.get("data")
            if not isinstance(info, dict):
                raise SourceFailed(f"{self.label} answers in a shape that is not MLflow's: a model without info.")
            with self._judged("logged model", info.get("model_id")):
                yield SourceModel(
                    id=text_of(info, "model_id"),
                    experiment_id=experiment.id,
                    name=text_of(info, "name"),
                    status=text_of(info, "status", required=False),
                    model_type=text_of(info, "model_type", required=False),
                    run_id=text_of(info, "source_run_id", required=False),
                    params=_pairs(data if isinstance(data, dict) else {}, "params"),
                    tags=_pairs(info, "tags"),
                )

    def registered(self) -> Iterator[SourceRegistered]:
        versions: dict[str, list[SourceVersion]] = {}
        for row in self._got("model-versions/search", "model_versions", {"max_results": 1000}, absent=True):
            with self._judged("version", f"{row.get('name')} {row.get('version')}"):
                version = _version(row)
                versions.setdefault(version.name, []).append(version)
        for row in self._got("registered-models/search", "registered_models", {"max_results": _PAGE}, absent=True):
            with self._judged("registered model", row.get("name")):
                name = text_of(row, "name")
                yield SourceRegistered(
                    name=name,
                    description=text_of(row, "description", required=False),
                    tags=_pairs(row, "tags"),
                    aliases={text_of(a, "alias"): whole_of(a, "version") for a in rows_of(row, "aliases")},
                    versions=sorted(versions.get(name, []), key=lambda version: version.number),
                )

    def files(self, owner: SourceRun | SourceModel) -> list[SourceFile]:
        found: list[SourceFile] = []
        folders = [""]
        while folders:
            folder = folders.pop()
            for row in self._listed(owner, folder):
                path = row.get("path")
                inside = isinstance(path, str) and (not folder or path.startswith(f"{folder}/"))
                if not isinstance(path, str) or not inside or path.count("/") > _DEEPEST or len(found) >= _MOST_FILES:
                    self._leave("file", f"{path} of {owner.id}", "It is listed where no file of this folder can be.")
                elif row.get("is_dir") is True:
                    folders.append(path)
                else:
                    size = row.get("file_size")
                    whole = int(size) if isinstance(size, int | str) and str(size).isdecimal() else 0
                    found.append(SourceFile(path, whole, partial(self._chunks, owner, path)))
        return found

    def _listed(self, owner: SourceRun | SourceModel, folder: str) -> Iterator[dict[str, Any]]:
        query: dict[str, Any] = {}
        if isinstance(owner, SourceRun):
            query = {"run_id": owner.id, "run_uuid": owner.id} | ({"path": folder} if folder else {})
            return self._got("artifacts/list", "files", query)
        if folder:
            query["artifact_directory_path"] = folder
        return self._got(f"logged-models/{owner.id}/artifacts/directories", "files", query)

    def _chunks(self, owner: SourceRun | SourceModel, path: str) -> Iterator[bytes]:
        if isinstance(owner, SourceRun):
            address, query = "/get-artifact", {"run_id": owner.id, "run_uuid": owner.id, "path": path}
        else:
            address = f"/ajax-api/2.0/mlflow/logged-models/{owner.id}/artifacts/files"
            query = {"artifact_file_path": path}
        with self._asked("GET", address, params=query) as response:
            if response.status_code != 200:
                raise SourceFailed(f"The server answers {response.status_code} for it.")
            yield from response.iter_bytes(CHUNK)

    def others(self) -> dict[str, int]:
        return {}

    @contextmanager
    def _judged(self, what: str, name: Any) -> Iterator[None]:
        """What is said of one thing in a shape that is not MLflow's leaves that thing behind."""
        try:
            yield
        except Invalid as error:
            self._leave(what, str(name), error.detail)


def _pairs(row: Mapping[str, Any], name: str) -> dict[str, str]:
    """A list of key and value as it is: keys are judged when they are written."""
    return {text_of(pair, "key"): text_of(pair, "value", required=False) for pair in rows_of(row, name)}


def _part(row: Mapping[str, Any], name: str) -> dict[str, Any]:
    part = row.get(name)
    return part if isinstance(part, dict) else {}


def _run(row: Mapping[str, Any], info: Mapping[str, Any], experiment_id: str) -> SourceRun:
    data, inputs, outputs = _part(row, "data"), _part(row, "inputs"), _part(row, "outputs")
    return SourceRun(
        id=text_of(info, "run_id", required=False) or text_of(info, "run_uuid"),
        experiment_id=experiment_id,
        name=text_of(info, "run_name", required=False),
        user=text_of(info, "user_id", required=False),
        status=text_of(info, "status", required=False, default="RUNNING"),
        started=whole_of(info, "start_time", 0),
        ended=whole_of(info, "end_time", 0),
        deleted=info.get("lifecycle_stage") == "deleted",
        params=_pairs(data, "params"),
        tags=_pairs(data, "tags"),
        metric_keys=[text_of(metric, "key") for metric in rows_of(data, "metrics")],
        datasets=rows_of(inputs, "dataset_inputs"),
        read=[text_of(model, "model_id") for model in rows_of(inputs, "model_inputs")],
        written=[
            (text_of(model, "model_id"), whole_of(model, "step", 0)) for model in rows_of(outputs, "model_outputs")
        ],
    )


def _version(row: Mapping[str, Any]) -> SourceVersion:
    return SourceVersion(
        name=text_of(row, "name"),
        number=whole_of(row, "version"),
        source=text_of(row, "source", required=False),
        run_id=text_of(row, "run_id", required=False),
        model_id=text_of(row, "model_id", required=False),
        stage=text_of(row, "current_stage", required=False, default="None"),
        description=text_of(row, "description", required=False),
        run_link=text_of(row, "run_link", required=False),
        tags=_pairs(row, "tags"),
    )
