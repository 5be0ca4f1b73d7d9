"""The catalogue, the signature, model file names and job specs."""

import subprocess
import sys
from typing import Any

import jsonschema
import pytest

from workers.contracts.jobspec import JobLimits, JobSpec, JobState, JobStatus
from workers.contracts.model_files import ModelFormat, UnsafePath, format_of_files, safe_path
from workers.contracts.recipes import (
    BINARY,
    RANKING,
    RECIPES,
    REGRESSION,
    TASKS,
    RecipeError,
    params_clean,
    recipe_available,
    recipe_get,
    recipes_for,
)
from workers.contracts.signature import (
    Signature,
    SignatureError,
    Tensor,
    inputs_clean,
    records_clean,
    split_clean,
)

SIGNATURE = Signature(
    (
        Tensor("age", "INT64"),
        Tensor("income", "FP64", required=False),
        Tensor("colour", "BYTES", required=False, levels=("blue", "red")),
        Tensor("member", "BOOL"),
    ),
    (Tensor("probabilities", "FP64", width=2), Tensor("label", "BYTES")),
)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda recipe: recipe.id)
def test_every_schema_is_valid_described_and_agrees_with_its_defaults(recipe: Any) -> None:
    jsonschema.Draft202012Validator.check_schema(recipe.schema)
    assert params_clean(recipe, {}) == recipe.defaults()
    for field in recipe.schema["properties"].values():
        assert field["title"]
        assert field["description"].endswith(".")
        assert "unit" in field
        assert field["type"] in ("number", "integer", "string", "boolean")
    assert recipe.description.count(".") == 1
    assert set(recipe.tasks) <= {*TASKS, RANKING}


def test_each_task_has_the_recipes_that_fit_it() -> None:
    assert {recipe.id for recipe in recipes_for(BINARY)} == set(RECIPES) - {"ridge", "lightgbm_rank"}
    assert {recipe.id for recipe in recipes_for(REGRESSION)} == set(RECIPES) - {"logistic_regression", "lightgbm_rank"}
    assert {recipe.id for recipe in recipes_for(RANKING)} == {"baseline", "lightgbm_rank"}


def test_params_are_checked_field_by_field() -> None:
    with pytest.raises(RecipeError) as caught:
        params_clean(
            "lightgbm",
            {"n_estimators": 0, "learning_rate": 0, "class_weight": "x", "early_stopping": 1, "q": 1},
        )

    assert caught.value.errors == {
        "n_estimators": "Give a whole number, at least 1 and at most 5000.",
        "learning_rate": "Give a number, more than 0 and at most 1.",
        "class_weight": "Choose one of: none, balanced.",
        "early_stopping": "Answer true or false.",
        "": 'Gradient boosting (LightGBM) has no parameter "q".',
    }
    assert params_clean("ridge", {"alpha": 3})["alpha"] == 3.0
    with pytest.raises(RecipeError):
        recipe_get("magic")


def test_asking_for_availability_imports_no_ml_library() -> None:
    program = (
        "import sys\nfrom workers.contracts.recipes import recipe_available\n"
        "print(recipe_available('lightgbm'))\n"
        "print(sorted({'lightgbm', 'numpy', 'sklearn', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert recipe_available("ridge") is None


def _input(name: str, datatype: str, data: list[Any], shape: Any = None) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape or [len(data)], "data": data}


def test_a_request_becomes_columns_in_the_signatures_order() -> None:
    rows, columns = inputs_clean(
        SIGNATURE,
        [
            _input("member", "BOOL", [True, False]),
            _input("income", "FP32", [1, None]),
            _input("age", "FP64", [[40.0], [41]], [2, 1]),
        ],
    )

    assert rows == 2
    assert list(columns) == ["age", "income", "colour", "member"]
    assert columns == {
        "age": [40, 41],
        "income": [1.0, None],
        "colour": [None, None],
        "member": [True, False],
    }


@pytest.mark.parametrize(
    ("inputs", "field"),
    [
        (None, ""),
        ([], ""),
        ([{"data": [1]}], ""),
        ([_input("member", "BOOL", [True])], "age"),
        ([_input("age", "INT64", [1.5]), _input("member", "BOOL", [True])], "age"),
        ([_input("age", "BYTES", ["1"]), _input("member", "BOOL", [True])], "age"),
        ([_input("age", "INT64", ["1"]), _input("member", "BOOL", [True])], "age"),
        ([_input("age", "INT64", [None]), _input("member", "BOOL", [True])], "age"),
        ([_input("age", "INT64", [2**63]), _input("member", "BOOL", [True])], "age"),
        ([_input("age", "INT64", [1], [2]), _input("member", "BOOL", [True])], "age"),
        ([_input("age", "INT64", [1], [1, 2])], "age"),
        ([_input("age", "INT64", [1]), _input("age", "INT64", [1])], "age"),
        ([_input("age", "INT64", [1]), _input("member", "BOOL", ["yes"])], "member"),
        ([_input("age", "INT64", [1]), _input("member", "BOOL", [True, True])], "member"),
        ([_input("age", "INT64", [1]), _input("heigth", "FP64", [1])], "heigth"),
        ([_input("age", "INT64", [True]), _input("member", "BOOL", [True])], "age"),
        ([_input("age", "INT64", [float("inf")]), _input("member", "BOOL", [True])], "age"),
        ([_input("age", "INT64", [[1, 2]])], "age"),
    ],
)
def test_wrong_requests_name_the_field(inputs: Any, field: str) -> None:
    with pytest.raises(SignatureError) as caught:
        inputs_clean(SIGNATURE, inputs)

    assert caught.value.field == field
    assert caught.value.message.endswith(".")


def test_records_and_split_forms() -> None:
    expected = (1, {"age": [3], "income": [None], "colour": ["violet"], "member": [True]})
    assert records_clean(SIGNATURE, [{"age": 3, "colour": "violet", "member": 1}]) == expected
    assert split_clean(SIGNATURE, ["age", "colour", "member"], [[3, "violet", True]]) == expected
    with pytest.raises(SignatureError, match="row 2"):
        records_clean(SIGNATURE, [{"age": 1, "member": True}, {"age": "x", "member": True}])
    with pytest.raises(SignatureError, match="colur"):
        records_clean(SIGNATURE, [{"age": 1, "member": True, "colur": "x"}])


def test_a_signature_survives_json() -> None:
    assert Signature.from_json(SIGNATURE.to_json()) == SIGNATURE
    assert SIGNATURE.to_json()["outputs"][0]["shape"] == [-1, 2]
    with pytest.raises(SignatureError):
        Signature.from_json({"inputs": [{"name": "a", "datatype": "FP64"}, {"name": "a", "datatype": "FP64"}]})
    with pytest.raises(SignatureError):
        Tensor("a", "OBJECT")


def test_file_names_are_judged_before_contents() -> None:
    assert format_of_files(["MLmodel", "model.skops", "requirements.txt"]) == (ModelFormat.SKOPS, None)
    assert format_of_files(["model.txt"])[0] is ModelFormat.LIGHTGBM
    for paths in (
        ["MLmodel"],
        ["a.skops", "b.onnx"],
        ["model.pkl"],
        ["../model.skops"],
        ["data/model.JOBLIB"],
    ):
        found, reason = format_of_files(paths)
        assert found is None
        assert reason


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x", "a/../b", "a//b", "a\\b", "a\nb", ".", "a/"])
def test_paths_that_leave_are_refused(path: str) -> None:
    with pytest.raises(UnsafePath):
        safe_path(path)


def test_specs_hide_their_token_and_limits_are_positive() -> None:
    spec = JobSpec("j", 2, "train", ("x",), "/d", base_url="http://w", token="fwr_1", env={"FAIRWAY_TOKEN": "other"})

    assert "fwr_1" not in repr(spec)
    assert spec.child_environment()["FAIRWAY_TOKEN"] == "fwr_1"
    assert "MLFLOW_RUN_ID" not in spec.child_environment()
    with pytest.raises(ValueError, match="wall_seconds"):
        JobLimits(wall_seconds=0)
    assert not JobStatus(JobState.EXITED, exit_code=0, cause="Stopped on request.").succeeded
