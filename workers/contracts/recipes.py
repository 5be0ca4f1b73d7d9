"""The catalogue of training recipes: what each does, for which tasks, its parameters, whether it can start.

One JSON Schema (2020-12) a recipe is the only description of its parameters: forms, API and child use it.
The annotation `unit` beside `title` and `description` is for people.
"""

import ctypes
import ctypes.util
import importlib.util
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import jsonschema

BINARY, MULTICLASS, REGRESSION = "BINARY", "MULTICLASS", "REGRESSION"
RANKING = "RANKING"
"""An order of the items of each query."""
TASKS = (BINARY, MULTICLASS, REGRESSION)
"""Those in which each row has an answer of its own."""
NUMBERS = (REGRESSION, RANKING)
"""Tasks whose models answer a row with one number: a value, or a score to order by."""
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class RecipeError(ValueError):
    """Parameters that do not fit a recipe: `errors` maps a parameter's name ("" for all) to one sentence."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {text}" if name else text for name, text in errors.items()))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Recipe:
    """One entry of the catalogue. `schema` is a JSON Schema object with defaults for every parameter."""

    id: str
    title: str
    description: str
    tasks: tuple[str, ...]
    schema: Mapping[str, Any]
    estimator: str
    """The dotted name of what is fitted, for people."""

    def defaults(self) -> dict[str, Any]:
        """Every parameter with its default value."""
        return {name: field["default"] for name, field in self.schema["properties"].items()}


def _number(
    title: str,
    description: str,
    default: float,
    low: float,
    high: float,
    unit: str = "",
    *,
    above: bool = False,
) -> dict[str, Any]:
    limit = "exclusiveMinimum" if above else "minimum"
    return {
        "type": "number",
        "title": title,
        "description": description,
        "default": default,
        limit: low,
        "maximum": high,
        "unit": unit,
    }


def _integer(title: str, description: str, default: int, low: int, high: int, unit: str = "") -> dict[str, Any]:
    return {
        "type": "integer",
        "title": title,
        "description": description,
        "default": default,
        "minimum": low,
        "maximum": high,
        "unit": unit,
    }


def _choice(title: str, description: str, default: str, options: list[tuple[str, str]]) -> dict[str, Any]:
    return {
        "type": "string",
        "title": title,
        "description": description,
        "default": default,
        "enum": [value for value, _ in options],
        "oneOf": [{"const": value, "title": label} for value, label in options],
        "unit": "",
    }


def _switch(title: str, description: str, default: bool) -> dict[str, Any]:
    return {"type": "boolean", "title": title, "description": description, "default": default, "unit": ""}


def _schema(title: str, **properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "$schema": _DIALECT,
        "title": title,
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }


_MIN_FREQUENCY = _integer(
    "Rare levels below",
    "Levels of a text column with fewer rows than this are treated as one.",
    10,
    1,
    10_000,
    "rows",
)
_CLASS_WEIGHT = _choice(
    "Class weights",
    "Balanced gives rare classes more weight; probabilities are then no longer calibrated to the population.",
    "none",
    [("none", "As in the data"), ("balanced", "Balanced")],
)
_LEARNING_RATE = _number("Learning rate", "How much each tree adds.", 0.05, 0, 1, above=True)
_ITERATIONS = _integer("Trees", "Boosting iterations; early stopping may use fewer.", 200, 1, 5_000, "trees")
_LEAVES = _integer("Leaves a tree", "More leaves let one tree follow more detail.", 15, 2, 1_024, "leaves")
_MIN_LEAF = _integer("Rows a leaf", "A leaf never describes fewer rows.", 20, 1, 100_000, "rows")
_EARLY = _switch("Stop early", "Stop when the validation loss has not improved for 20 trees; keep the best.", True)
_EARLY_ORDER = _switch(
    "Stop early", "Stop when the validation NDCG has not improved for 20 trees; keep the best.", True
)

_CATALOGUE = (
    Recipe(
        "baseline",
        "Trivial baseline",
        "Predicts the share of each class, or the mean, for everybody; every real model has to beat it.",
        (*TASKS, RANKING),
        _schema("Trivial baseline"),
        "sklearn.dummy.DummyClassifier / DummyRegressor",
    ),
    Recipe(
        "logistic_regression",
        "Logistic regression",
        "A linear model of the log-odds: quick, well calibrated, and easy to explain.",
        (BINARY, MULTICLASS),
        _schema(
            "Logistic regression",
            C=_number(
                "Inverse regularisation",
                "Smaller values pull the weights towards zero.",
                1.0,
                0,
                10_000,
                above=True,
            ),
            class_weight=_CLASS_WEIGHT,
            max_iter=_integer("Iterations", "Upper bound of the solver's steps.", 500, 10, 10_000, "steps"),
            min_frequency=_MIN_FREQUENCY,
        ),
        "sklearn.linear_model.LogisticRegression",
    ),
    Recipe(
        "ridge",
        "Ridge regression",
        "A linear model with squared penalty: quick, stable, and easy to explain.",
        (REGRESSION,),
        _schema(
            "Ridge regression",
            alpha=_number("Regularisation", "Larger values pull the weights towards zero.", 1.0, 0, 1_000_000),
            min_frequency=_MIN_FREQUENCY,
        ),
        "sklearn.linear_model.Ridge",
    ),
    Recipe(
        "random_forest",
        "Random forest",
        "The mean of many trees on resampled rows: robust with little tuning, larger and slower than others.",
        TASKS,
        _schema(
            "Random forest",
            n_estimators=_integer("Trees", "More trees give a steadier mean.", 200, 10, 2_000, "trees"),
            max_depth=_integer("Depth", "Deepest tree; 0 means without bound.", 12, 0, 100, "levels"),
            min_samples_leaf=_integer("Rows a leaf", "A leaf never describes fewer rows.", 5, 1, 10_000, "rows"),
            max_features=_number(
                "Columns a split", "Share of the columns tried at each split.", 0.5, 0, 1, "share", above=True
            ),
            class_weight=_CLASS_WEIGHT,
            min_frequency=_MIN_FREQUENCY,
        ),
        "sklearn.ensemble.RandomForestClassifier / RandomForestRegressor",
    ),
    Recipe(
        "hist_gradient_boosting",
        "Gradient boosting (scikit-learn)",
        "Small trees, each mending what the ones before it left; usually the most accurate on tables.",
        TASKS,
        _schema(
            "Gradient boosting (scikit-learn)",
            learning_rate=_LEARNING_RATE,
            max_iter=_ITERATIONS,
            max_leaf_nodes=_LEAVES,
            min_samples_leaf=_MIN_LEAF,
            l2_regularization=_number("L2 regularisation", "Larger values shrink each leaf's value.", 1.0, 0, 10_000),
            max_features=_number(
                "Columns a split", "Share of the columns tried at each split.", 1.0, 0, 1, "share", above=True
            ),
            class_weight=_CLASS_WEIGHT,
            early_stopping=_EARLY,
        ),
        "sklearn.ensemble.HistGradientBoostingClassifier / HistGradientBoostingRegressor",
    ),
    Recipe(
        "lightgbm",
        "Gradient boosting (LightGBM)",
        "LightGBM's trees grown leaf by leaf: accurate and quick on large tables.",
        TASKS,
        _schema(
            "Gradient boosting (LightGBM)",
            learning_rate=_LEARNING_RATE,
            n_estimators=_ITERATIONS,
            num_leaves=_LEAVES,
            min_child_samples=_MIN_LEAF,
            reg_lambda=_number("L2 regularisation", "Larger values shrink each leaf's value.", 1.0, 0, 10_000),
            subsample=_number("Rows a tree", "Share of the rows drawn for each tree.", 1.0, 0, 1, "share", above=True),
            colsample_bytree=_number(
                "Columns a tree", "Share of the columns tried for each tree.", 1.0, 0, 1, "share", above=True
            ),
            class_weight=_CLASS_WEIGHT,
            early_stopping=_EARLY,
        ),
        "lightgbm.LGBMClassifier / LGBMRegressor",
    ),
    Recipe(
        "lightgbm_rank",
        "LambdaRank (LightGBM)",
        "Trees that learn which item of a query comes before which, by how much that changes NDCG; the relevance is a "
        "whole grade from 0 to 30.",
        (RANKING,),
        _schema(
            "LambdaRank (LightGBM)",
            learning_rate=_LEARNING_RATE,
            n_estimators=_ITERATIONS,
            num_leaves=_LEAVES,
            min_child_samples=_MIN_LEAF,
            reg_lambda=_number("L2 regularisation", "Larger values shrink each leaf's value.", 1.0, 0, 10_000),
            colsample_bytree=_number(
                "Columns a tree", "Share of the columns tried for each tree.", 1.0, 0, 1, "share", above=True
            ),
            truncation=_integer(
                "Places that count",
                "Pairs are learnt from while one of them is among so many first.",
                30,
                1,
                1_000,
                "places",
            ),
            early_stopping=_EARLY_ORDER,
        ),
        "lightgbm.LGBMRanker",
    ),
)
RECIPES: dict[str, Recipe] = {recipe.id: recipe for recipe in _CATALOGUE}


def recipe_get(recipe_id: str) -> Recipe:
    """The recipe of that id. Raises RecipeError when the catalogue has none."""
    try:
        return RECIPES[recipe_id]
    except KeyError:
        raise RecipeError({"": f'There is no recipe "{recipe_id}".'}) from None


def recipes_for(task: str) -> list[Recipe]:
    """The recipes that fit a task, in the catalogue's order, available or not."""
    return [recipe for recipe in _CATALOGUE if task in recipe.tasks]


@lru_cache(maxsize=32)
def _validator(recipe_id: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(dict(recipe_get(recipe_id).schema))


def params_clean(recipe: Recipe | str, params: Mapping[str, Any] | None) -> dict[str, Any]:
    """The parameters with defaults filled in, whole numbers as int. Raises RecipeError with one sentence a
    field.
    """
    found = recipe if isinstance(recipe, Recipe) else recipe_get(recipe)
    values = {**found.defaults(), **(params or {})}
    errors: dict[str, str] = {}
    for error in _validator(found.id).iter_errors(values):
        name = str(error.path[0]) if error.path else ""
        errors.setdefault(name, _sentence(found, name, error))
    if errors:
        raise RecipeError(errors)
    properties = found.schema["properties"]
    return {
        name: int(value)
        if properties[name]["type"] == "integer"
        else float(value)
        if properties[name]["type"] == "number"
        else value
        for name, value in values.items()
    }


def _sentence(recipe: Recipe, name: str, error: jsonschema.ValidationError) -> str:
    if not name:
        given = set(error.instance) if isinstance(error.instance, dict) else set()
        unknown = sorted(given - set(recipe.schema["properties"]))
        return f"{recipe.title} has no parameter " + ", ".join(f'"{one}"' for one in unknown) + "."
    field = recipe.schema["properties"][name]
    if "enum" in field:
        return "Choose one of: " + ", ".join(field["enum"]) + "."
    if field["type"] == "boolean":
        return "Answer true or false."
    low = (
        f"more than {field['exclusiveMinimum']:g}" if "exclusiveMinimum" in field else f"at least {field['minimum']:g}"
    )
    kind = "a whole number" if field["type"] == "integer" else "a number"
    return f"Give {kind}, {low} and at most {field['maximum']:g}."


_GOMP_PROBE = "import ctypes, sys; ctypes.CDLL(sys.argv[1])"


@cache
def recipe_available(recipe_id: str) -> str | None:
    """None when the recipe can start on this machine, else the reason and what to do. Imports no ML library.

    LightGBM's wheel needs the system's OpenMP library; its shared object is opened in a short separate process,
    so that neither it nor what it pulls in ends up in the asking process. The answer is kept until that ends.
    """
    if not recipe_get(recipe_id).id.startswith("lightgbm"):
        return None
    found = importlib.util.find_spec("lightgbm")
    if found is None or not found.submodule_search_locations:
        return "LightGBM is not installed in this environment."
    folder = Path(next(iter(found.submodule_search_locations)))
    library = next((path for path in folder.rglob("lib_lightgbm.*") if path.suffix in (".so", ".dylib", ".dll")), None)
    if library is None:
        return "LightGBM is installed without its library; install it again."
    try:
        probe = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _GOMP_PROBE, str(library)],
            capture_output=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "LightGBM's library could not be tried."
    if probe.returncode == 0:
        return None
    if sys.platform == "darwin":
        return "LightGBM needs the OpenMP library libomp, which is not on this machine (brew install libomp)."
    if ctypes.util.find_library("gomp") is None:
        return "LightGBM needs the system library libgomp.so.1, which is not on this machine (package libgomp1)."
    return "LightGBM's library does not load on this machine."
