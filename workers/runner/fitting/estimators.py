"""The estimators of the recipes, each fitted step by step so that its learning curve is real."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline

from workers.contracts.recipes import NUMBERS, REGRESSION
from workers.runner.fitting.data import TrainingData
from workers.runner.fitting.measures import loss_name, loss_of
from workers.runner.fitting.prepare import prepare_boosting, prepare_forest, prepare_linear

PATIENCE = 20
CURVE_POINTS = 40
CURVE_ROWS = 5_000
SHARES = (0.1, 0.2, 0.35, 0.5, 0.7, 1.0)

OnStep = Callable[[int, float, dict[str, float]], None]
"""(step, fraction done, values) for every point of the curve."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """The whole pipeline, what a step of its curve counts, and facts worth a tag."""

    pipeline: Pipeline
    step_unit: str
    notes: dict[str, Any]


class _Curve:
    """Measures the loss on validation rows and on a fixed sample of training rows, and reports it."""

    def __init__(self, data: TrainingData, train: Any, validation: Any, on_step: OnStep) -> None:
        self.data = data
        rows = np.linspace(0, len(data.train_truth) - 1, min(CURVE_ROWS, len(data.train_truth))).astype(int)
        if data.train_queries is not None:
            # The first queries: rows stand by queries, and an order is measured within whole ones.
            rows = np.arange(rows.size)
        self.train, self.truth = train[rows], data.train_truth[rows]
        self.queries = None if data.train_queries is None else data.train_queries[rows]
        self.validation = validation
        self.on_step = on_step

    def measure(self, model: Any, step: int, fraction: float) -> float:
        """Reports a point and returns the loss that counts: validation's, or training's when there is
        none.
        """
        task, name = self.data.task, loss_name(self.data.task)
        classes = [] if task in NUMBERS else list(model.classes_)
        said = _predict(model, self.train, task)
        values = {f"train_{name}": loss_of(task, self.truth, said, classes, self.queries)}
        if len(self.data.validation_truth):
            predicted = _predict(model, self.validation, task)
            values[f"validation_{name}"] = loss_of(
                task, self.data.validation_truth, predicted, classes, self.data.validation_queries
            )
        self.on_step(step, fraction, values)
        return values.get(f"validation_{name}", values[f"train_{name}"])


def _predict(model: Any, rows: Any, task: str) -> npt.NDArray[np.float64]:
    result = model.predict(rows) if task in NUMBERS else model.predict_proba(rows)
    return np.asarray(result, dtype=np.float64)


def _weight(params: Mapping[str, Any]) -> str | None:
    return "balanced" if params.get("class_weight") == "balanced" else None


def fit(recipe: str, params: Mapping[str, Any], data: TrainingData, seed: int, cores: int, on_step: OnStep) -> Fitted:
    """Fits a recipe of the catalogue. The same data, params and seed give the same model."""
    return _FITTERS[recipe](params, data, seed, cores, on_step)


def _baseline(params: Mapping[str, Any], data: TrainingData, seed: int, cores: int, on_step: OnStep) -> Fitted:
    prepare = prepare_linear(data, 10)
    rows = prepare.fit_transform(data.train)
    model = DummyRegressor() if data.task in NUMBERS else DummyClassifier(strategy="prior")
    model.fit(rows, data.train_truth)
    curve = _Curve(data, rows, _transform(prepare, data), on_step)
    curve.measure(model, 0, 1.0)
    return Fitted(_joined(prepare, model), "none", {})


def _joined(prepare: Any, model: Any) -> Pipeline:
    return Pipeline([("prepare", prepare), ("model", model)])


def _transform(prepare: Any, data: TrainingData) -> Any:
    return prepare.transform(data.validation) if len(data.validation) else None


def _linear(params: Mapping[str, Any], data: TrainingData, seed: int, cores: int, on_step: OnStep) -> Fitted:
    """By growing shares of the training rows: what more rows would bring. The last point is the model."""
    prepare = prepare_linear(data, params["min_frequency"])
    rows = prepare.fit_transform(data.train)
    curve = _Curve(data, rows, _transform(prepare, data), on_step)
    order = np.random.default_rng(seed).permutation(len(rows))
    model: Any = None
    for share in SHARES:
        # Written in full, the last fit takes the rows in their own order: it does not depend on the shuffle.
        chosen = np.arange(len(rows)) if share == 1.0 else order[: max(20, int(share * len(rows)))]
        truth = data.train_truth[chosen]
        if data.task == REGRESSION:
            model = Ridge(alpha=params["alpha"])
        else:
            if len(np.unique(truth)) < len(np.unique(data.train_truth)):
                continue
            model = LogisticRegression(
                C=params["C"], class_weight=_weight(params), max_iter=params["max_iter"], random_state=seed
            )
        model.fit(rows[chosen], truth)
        curve.measure(model, len(chosen), share)
    notes = {} if data.task == REGRESSION else {"solver_steps": int(np.max(model.n_iter_))}
    return Fitted(_joined(prepare, model), "rows", notes)


def _forest(params: Mapping[str, Any], data: TrainingData, seed: int, cores: int, on_step: OnStep) -> Fitted:
    prepare = prepare_forest(data, params["min_frequency"])
    rows = prepare.fit_transform(data.train)
    curve = _Curve(data, rows, _transform(prepare, data), on_step)
    common: dict[str, Any] = {
        "max_depth": params["max_depth"] or None,
        "min_samples_leaf": params["min_samples_leaf"],
        "max_features": params["max_features"],
        "random_state": seed,
        "n_jobs": cores,
        "warm_start": True,
    }
    if data.task == REGRESSION:
        model: Any = RandomForestRegressor(n_estimators=1, **common)
    else:
        weight: Any = _weight(params)
        if weight:  # scikit-learn refuses "balanced" as a word when a forest grows on, so it is worked out here
            labels, counts = np.unique(data.train_truth, return_counts=True)
            weight = dict(zip(labels.tolist(), len(data.train_truth) / (len(labels) * counts), strict=True))
        model = RandomForestClassifier(n_estimators=1, class_weight=weight, **common)
    trees = params["n_estimators"]
    for count in _steps(trees, CURVE_POINTS // 2):
        model.set_params(n_estimators=count)
        model.fit(rows, data.train_truth)
        curve.measure(model, count, count / trees)
    model.set_params(warm_start=False, n_jobs=None)
    return Fitted(_joined(prepare, model), "trees", {})


def _steps(total: int, points: int) -> list[int]:
    return sorted({max(1, round(total * index / points)) for index in range(1, points + 1)})


def _histogram(params: Mapping[str, Any], data: TrainingData, seed: int, cores: int, on_step: OnStep) -> Fitted:
    prepare = prepare_boosting(data, ordinal=False)
    rows = prepare.fit_transform(data.train)
    curve = _Curve(data, rows, _transform(prepare, data), on_step)
    common: dict[str, Any] = {
        "learning_rate": params["learning_rate"],
        "max_leaf_nodes": params["max_leaf_nodes"],
        "min_samples_leaf": params["min_samples_leaf"],
        "l2_regularization": params["l2_regularization"],
        "max_features": params["max_features"],
        "early_stopping": False,
        "random_state": seed,
    }

    def make(count: int, warm: bool) -> Any:
        if data.task == REGRESSION:
            return HistGradientBoostingRegressor(max_iter=count, warm_start=warm, **common)
        weight = _weight(params)
        return HistGradientBoostingClassifier(max_iter=count, warm_start=warm, class_weight=weight, **common)

    total, stopping = params["max_iter"], params["early_stopping"] and len(data.validation) > 0
    model = make(1, True)
    best, best_count = float("inf"), total
    for count in _steps(total, CURVE_POINTS):
        model.set_params(max_iter=count)
        model.fit(rows, data.train_truth)
        loss = curve.measure(model, count, count / total)
        if loss < best - 1e-9:
            best, best_count = loss, count
        elif stopping and count - best_count >= PATIENCE:
            break
    used = best_count if stopping else total
    if model.n_iter_ != used:
        model = make(used, False).fit(rows, data.train_truth)
    model.set_params(warm_start=False)
    return Fitted(_joined(prepare, model), "trees", {"trees_used": used})


def _lightgbm(params: Mapping[str, Any], data: TrainingData, seed: int, cores: int, on_step: OnStep) -> Fitted:
    import lightgbm

    prepare = prepare_boosting(data, ordinal=True)
    rows = np.ascontiguousarray(prepare.fit_transform(data.train), dtype=np.float64)
    held = len(data.validation) > 0
    total, name = params["n_estimators"], loss_name(data.task)
    measure = {"BINARY": "binary_logloss", "MULTICLASS": "multi_logloss"}.get(data.task, "rmse")
    common: dict[str, Any] = {
        key: params[key] for key in ("learning_rate", "num_leaves", "min_child_samples", "reg_lambda", "subsample")
    }
    common |= {
        "colsample_bytree": params["colsample_bytree"],
        "n_estimators": total,
        "subsample_freq": 1 if params["subsample"] < 1 else 0,
        "random_state": seed,
        "n_jobs": cores,
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
        "metric": measure,
    }
    model: Any = (
        lightgbm.LGBMRegressor(**common)
        if data.task == REGRESSION
        else lightgbm.LGBMClassifier(class_weight=_weight(params), **common)
    )

    def told(env: Any) -> None:
        step = env.iteration + 1
        rows_told = env.evaluation_result_list
        values = {f"{row[0]}_{name}": float(row[2]) for row in rows_told if row[1] == measure}
        on_step(step, step / total, values)

    callbacks: list[Any] = [told]
    if held and params["early_stopping"]:
        callbacks.append(lightgbm.early_stopping(PATIENCE, verbose=False))
    sets, names = [(rows, data.train_truth)], ["train"]
    if held:
        known = np.isin(data.validation_truth, np.unique(data.train_truth)) | (data.task == REGRESSION)
        validation = np.ascontiguousarray(prepare.transform(data.validation), dtype=np.float64)
        sets.append((validation[known], data.validation_truth[known]))
        names.append("validation")
    texts = list(range(rows.shape[1] - len(data.text_columns), rows.shape[1]))
    with warnings.catch_warnings():
        # LightGBM wants eval_X and eval_y instead, but does not encode their labels as it does for eval_set.
        warnings.simplefilter("ignore")
        model.fit(
            rows,
            data.train_truth,
            eval_set=sets,
            eval_names=names,
            categorical_feature=texts or "auto",
            callbacks=callbacks,
        )
    used = int(getattr(model, "best_iteration_", 0) or total)
    return Fitted(_joined(prepare, model), "trees", {"trees_used": used})


def _lightgbm_rank(params: Mapping[str, Any], data: TrainingData, seed: int, cores: int, on_step: OnStep) -> Fitted:
    """LambdaRank: C. Burges, From RankNet to LambdaRank to LambdaMART, Microsoft Research MSR-TR-2010-82."""
    import lightgbm

    prepare = prepare_boosting(data, ordinal=True)
    rows = np.ascontiguousarray(prepare.fit_transform(data.train), dtype=np.float64)
    total, name = params["n_estimators"], loss_name(data.task)
    model: Any = lightgbm.LGBMRanker(
        objective="lambdarank",
        lambdarank_truncation_level=params["truncation"],
        n_estimators=total,
        random_state=seed,
        n_jobs=cores,
        deterministic=True,
        force_row_wise=True,
        verbose=-1,
        metric="ndcg",
        **{
            key: params[key]
            for key in ("learning_rate", "num_leaves", "min_child_samples", "reg_lambda", "colsample_bytree")
        },
    )

    def told(env: Any) -> None:
        step = env.iteration + 1
        values = {f"{row[0]}_{name}": 1.0 - float(row[2]) for row in env.evaluation_result_list}
        on_step(step, step / total, values)

    callbacks: list[Any] = [told]
    sets, names, groups = [(rows, data.train_truth)], ["train"], [_sizes(data.train_queries)]
    if len(data.validation):
        held = np.ascontiguousarray(prepare.transform(data.validation), dtype=np.float64)
        sets.append((held, data.validation_truth))
        names.append("validation")
        groups.append(_sizes(data.validation_queries))
        if params["early_stopping"]:
            callbacks.append(lightgbm.early_stopping(PATIENCE, verbose=False))
    texts = list(range(rows.shape[1] - len(data.text_columns), rows.shape[1]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(
            rows,
            data.train_truth,
            group=groups[0],
            eval_set=sets,
            eval_names=names,
            eval_group=groups,
            eval_at=[10],
            categorical_feature=texts or "auto",
            callbacks=callbacks,
        )
    used = int(getattr(model, "best_iteration_", 0) or total)
    return Fitted(_joined(prepare, model), "trees", {"trees_used": used})


def _sizes(queries: npt.NDArray[np.int64] | None) -> npt.NDArray[np.int64]:
    """Rows of each query, in their order."""
    if queries is None:
        raise ValueError("An order is learnt within queries")
    return np.unique(queries, return_counts=True)[1].astype(np.int64)


_FITTERS: dict[str, Callable[..., Fitted]] = {
    "baseline": _baseline,
    "logistic_regression": _linear,
    "ridge": _linear,
    "random_forest": _forest,
    "hist_gradient_boosting": _histogram,
    "lightgbm": _lightgbm,
    "lightgbm_rank": _lightgbm_rank,
}
