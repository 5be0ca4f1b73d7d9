"""The job kind "train": read, split, fit with a live curve, measure, explain, and log the model."""

import time
from typing import Any

import numpy as np

from workers.contracts.recipes import NUMBERS, RecipeError, params_clean, recipe_available, recipe_get
from workers.runner.errors import BadInput
from workers.runner.fitting.data import TrainingData, signature_of, training_data
from workers.runner.fitting.estimators import Fitted, fit
from workers.runner.fitting.importance import importance_of
from workers.runner.fitting.measures import loss_name, measures_of, threshold_of
from workers.runner.job import Job
from workers.runner.model_io import model_load
from workers.runner.model_writer import environment_facts, file_facts, model_write
from workers.runner.tables import canonical_of

FLUSH_POINTS = 200
FLUSH_SECONDS = 0.5
ARTIFACT_PATH = "model"


class _Report:
    """Collects curve points and sends them in batches; tells progress at most twice a second."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._points: list[dict[str, Any]] = []
        self._sent = self._told = 0.0

    def step(self, step: int, fraction: float, values: dict[str, float]) -> None:
        """One point of the learning curve. Raises Cancelled."""
        stamp = int(time.time() * 1000)
        for key, value in values.items():
            self._points.append({"key": key, "value": value, "timestamp": stamp, "step": step})
        now = time.monotonic()
        if len(self._points) >= FLUSH_POINTS or now - self._sent >= FLUSH_SECONDS:
            self.flush()
        if now - self._told >= FLUSH_SECONDS or fraction >= 1:
            self._told = now
            shown = ", ".join(f"{key} {value:.4f}" for key, value in values.items())
            self._job.progress(0.1 + 0.7 * min(1.0, fraction), f"Fitting, step {step}: {shown}")

    def flush(self) -> None:
        """Sends what is held."""
        self._sent = time.monotonic()
        points, self._points = self._points, []
        if points:
            self._job.client.log_batch(self._job.run_id, metrics=points)


def run(job: Job) -> None:
    """Does a train job. Raises BadInput, ApiError, Cancelled."""
    spec = job.spec
    try:
        recipe = recipe_get(spec["recipe"])
        params = params_clean(recipe, spec.get("params"))
    except RecipeError as error:
        raise BadInput("PARAMS", str(error)) from error
    missing = recipe_available(recipe.id)
    if missing:
        raise BadInput("RECIPE_UNAVAILABLE", missing)
    job.progress(0.02, "Reading the table")
    table = canonical_of(job, spec["table"])
    data = training_data(table, spec)
    if data.task not in recipe.tasks:
        raise BadInput("TASK", f"{recipe.title} does not fit this task.")
    if data.dropped:
        job.say(f"{data.dropped} rows without a target are left out.")
    if not len(data.validation):
        job.say("The split has no validation part: nothing stops early, and there are no validation measures.")
    seed, threshold = int(spec.get("seed", 0)), threshold_of(data.task, spec.get("costs"))
    run_held = job.client.run(job.run_id)
    _log_params(job, run_held, params, data, seed, threshold, recipe.id)
    job.progress(0.08, f"Fitting {recipe.title.lower()} on {len(data.train)} rows, {data.train.shape[1]} columns")
    report = _Report(job)
    fitted = fit(recipe.id, params, data, seed, job.cores, report.step)
    report.flush()
    job.client.log_batch(job.run_id, tags={"fairway.curve_step": fitted.step_unit, **_tags(fitted)})
    _measure(job, fitted, data, threshold)
    job.progress(0.85, "Shuffling columns to see which matter")
    held_out = len(data.validation) > 0
    pipeline = fitted.pipeline
    importance = importance_of(
        pipeline.predict if data.task in NUMBERS else pipeline.predict_proba,
        data.task,
        data.validation if held_out else data.train,
        data.validation_truth if held_out else data.train_truth,
        [] if data.task in NUMBERS else list(pipeline.classes_),
        seed,
        data.validation_queries if held_out else data.train_queries,
    )
    facts = _log_model(job, run_held, fitted, data, threshold, importance, recipe.id, recipe.estimator)
    job.client.results({"model": facts})
    job.client.run_finish(job.run_id)
    job.progress(1.0, "The model is logged")


def _tags(fitted: Fitted) -> dict[str, Any]:
    return {f"fairway.{key}": value for key, value in fitted.notes.items()}


def _log_params(
    job: Job,
    held: dict[str, Any],
    params: dict[str, Any],
    data: TrainingData,
    seed: int,
    threshold: float | None,
    recipe: str,
) -> None:
    """Params are immutable: what a first attempt, or the launch, has logged stays."""
    wanted: dict[str, Any] = {
        "recipe": recipe,
        **params,
        "seed": seed,
        "rows_train": len(data.train),
        "rows_validation": len(data.validation),
        "features": data.train.shape[1],
    }
    if threshold is not None:
        wanted["threshold"] = threshold
    there = {one["key"] for one in held.get("data", {}).get("params", [])}
    job.client.log_batch(job.run_id, params={key: value for key, value in wanted.items() if key not in there})


def _measure(job: Job, fitted: Fitted, data: TrainingData, threshold: float | None) -> None:
    if not len(data.validation):
        return
    pipeline = fitted.pipeline
    classes = [] if data.task in NUMBERS else list(pipeline.classes_)
    started = time.perf_counter()
    result = pipeline.predict(data.validation) if data.task in NUMBERS else pipeline.predict_proba(data.validation)
    taken = time.perf_counter() - started
    predicted = np.asarray(result, dtype=np.float64)
    costs = job.spec.get("costs")
    found = measures_of(data.task, data.validation_truth, predicted, classes, threshold, costs, data.validation_queries)
    stamp = int(time.time() * 1000)
    job.client.log_batch(
        job.run_id,
        metrics=[
            {"key": _final_name(name, data.task), "value": value, "timestamp": stamp, "step": 0}
            for name, value in found.items()
            if np.isfinite(value)
        ],
    )
    shown = ", ".join(f"{name} {value:.4f}" for name, value in found.items())
    job.say(f"Validation, {len(data.validation)} rows in {taken * 1000:.0f} ms: {shown}")


def _final_name(name: str, task: str) -> str:
    """The curve of the loss keeps its own name: its last point need not be the model that was kept."""
    return f"best_validation_{name}" if name == loss_name(task) else f"validation_{name}"


def _log_model(
    job: Job,
    held: dict[str, Any],
    fitted: Fitted,
    data: TrainingData,
    threshold: float | None,
    importance: list[dict[str, Any]],
    recipe: str,
    estimator: str,
) -> dict[str, Any]:
    job.progress(0.9, "Writing and logging the model")
    experiment = str(held["info"]["experiment_id"])
    signature = signature_of(data, job.spec["features"])
    facts: dict[str, Any] = {
        "task": data.task,
        "classes": data.classes,
        "threshold": threshold,
        "recipe": recipe,
        "estimator": estimator,
    }
    model_id = job.client.logged_model_create(experiment, job.run_id, ARTIFACT_PATH, {"recipe": recipe})
    directory = job.directory / "model"
    format_ = model_write(
        directory,
        fitted.pipeline,
        model_id=model_id,
        run_id=job.run_id,
        artifact_path=f"mlflow-artifacts:/{experiment}/models/{model_id}/artifacts",
        signature=signature,
        facts=facts,
    )
    row_seconds = _check(fitted, data, directory)
    files = file_facts(directory)
    for file in files:
        job.client.artifact(experiment, f"models/{model_id}", file["path"], directory / file["path"])
    job.client.logged_model_ready(model_id)
    return {
        "logged_model_id": model_id,
        "path": ARTIFACT_PATH,
        "format": str(format_),
        "flavor": "sklearn",
        "task": data.task,
        "classes": data.classes,
        "threshold": threshold,
        "signature": signature.to_json(),
        "files": files,
        "complexity": {
            "features": data.train.shape[1],
            "parameters": parameters_of(fitted.pipeline.steps[-1][1]),
            "depth": depth_of(fitted.pipeline.steps[-1][1]),
            "size_bytes": sum(file["size"] for file in files),
            "row_seconds": row_seconds,
        },
        "environment": environment_facts(),
        "importance": importance,
    }


def _check(fitted: Fitted, data: TrainingData, directory: Any) -> float:
    """Loads what was written, through the door that serving uses, and compares; returns seconds a row."""
    loaded = model_load(directory)
    rows = data.train.head(500)
    started = time.perf_counter()
    got = loaded.predict_frame(rows)
    taken = (time.perf_counter() - started) / len(rows)
    pipeline = fitted.pipeline
    want = pipeline.predict(rows) if data.task in NUMBERS else pipeline.predict_proba(rows)
    if not np.allclose(got, want, rtol=1e-9, atol=1e-12):
        raise RuntimeError("The written model does not predict what the fitted one does.")
    return taken


def parameters_of(model: Any) -> int:
    """How many numbers a fitted estimator holds: weights, or nodes of trees (five numbers each)."""
    name = type(model).__name__
    if hasattr(model, "coef_"):
        return int(np.size(model.coef_) + np.size(model.intercept_))
    if hasattr(model, "estimators_"):
        return 5 * sum(int(tree.tree_.node_count) for tree in model.estimators_)
    if name.startswith("HistGradientBoosting"):
        return 5 * sum(len(tree.nodes) for row in model._predictors for tree in row)
    if hasattr(model, "booster_"):
        trees = model.booster_.dump_model()["tree_info"]
        return 5 * sum(2 * int(tree["num_leaves"]) - 1 for tree in trees)
    held = getattr(model, "class_prior_", getattr(model, "constant_", ()))
    return int(np.size(held))


def depth_of(model: Any) -> int:
    """Levels of the deepest tree of a fitted estimator; 0 for one without trees."""
    if hasattr(model, "coef_"):
        return 0
    if hasattr(model, "estimators_"):
        return max((int(tree.tree_.max_depth) for tree in model.estimators_), default=0)
    if type(model).__name__.startswith("HistGradientBoosting"):
        return max((int(tree.nodes["depth"].max()) for row in model._predictors for tree in row), default=0)
    if hasattr(model, "booster_"):
        trees = model.booster_.dump_model()["tree_info"]
        return max((_levels(tree["tree_structure"]) for tree in trees), default=0)
    return 0


def _levels(tree: dict[str, Any]) -> int:
    """Levels below the root; without recursion, for a tree of one path may be deeper than the stack."""
    deepest, waiting = 0, [(tree, 0)]
    while waiting:
        node, level = waiting.pop()
        deepest = max(deepest, level)
        waiting += [(node[side], level + 1) for side in ("left_child", "right_child") if side in node]
    return deepest
