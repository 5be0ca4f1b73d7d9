"""What MLmodel may say, and what of it is taken."""

from __future__ import annotations

import json
from typing import Any

import pytest

from workers.inspection.tests import lightgbm_files
from workers.inspection.tests.judging import judged_of
from workers.inspection.tests.skops_files import skops


def described(text: str) -> str:
    return str(judged_of({"model.skops": skops(), "MLmodel": text.encode()}).quarantine)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("flavors:\n  python_function:\n    loader_module: os\n", "loader 'os'"),
        ("flavors:\n  python_function:\n    loader_module: mlflow.pyfunc.model\n", "loader"),
        ("flavors:\n  python_function:\n    loader_module: mlflow.sklearn\n    code: code\n", "code of its own"),
        ("flavors:\n  pytorch:\n    a: b\n", "flavor 'pytorch'"),
        ("flavors:\n  sklearn:\n    serialization_format: cloudpickle\n", "'cloudpickle'"),
        ("flavors:\n  sklearn:\n    pickled_model: ../../x.pkl\n", "not the file"),
        ("flavors: 3\n", "cannot be read"),
        ("- a\n- b\n", "cannot be read"),
        ("a: !!python/object/apply:os.system [id]\n", "types of its own"),
        ("a: !x b\n", "types of its own"),
        ("a: &a [x]\nb: [*a, *a]\n", "refers to parts of itself"),
        ("a: " + "[" * 100 + "]" * 100, "nested too deeply"),
        ("a: [" + "1," * 120_000 + "1]", "holds too much"),
        ("a: " + "x" * (1024 * 1024 + 1), "larger than 1 MiB"),
        ("a: [", "cannot be read"),
        ("a: \x01", "cannot be read"),
    ],
)
def test_what_an_mlmodel_may_not_say(text: str, words: str):
    assert words in described(text)


def test_the_signature_is_taken_for_names_and_types_alone():
    def stated(inputs: Any, **more: Any) -> Any:
        document = {"flavors": {}, "signature": {"inputs": json.dumps(inputs), "outputs": None, "params": None} | more}
        return judged_of({"model.skops": skops(), "MLmodel": json.dumps(document).encode()}).signature

    columns = [{"type": "long", "name": "age", "required": True}, {"type": "string", "name": "a b", "required": False}]
    found = stated(columns, outputs=json.dumps([{"type": "string"}]))
    assert [(one.name, one.datatype, one.required) for one in found.inputs] == [
        ("age", "INT64", True),
        ("a b", "BYTES", False),
    ]
    one = {"name": "x", "type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1]}}
    assert [(tensor.name, tensor.datatype) for tensor in stated([one]).inputs] == [("x", "FP32")]
    whole = {"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 4]}}
    for none in ([whole], [{"type": "datetime", "name": "x"}], [{"type": "long"}], [columns[0]] * 2, {}, [3], "x", []):
        assert stated(none) is None
    assert stated([{"type": "long", "name": f"c{number}"} for number in range(2_001)]) is None


def test_a_signature_that_misses_what_the_model_reads_is_not_taken():
    document = {"signature": {"inputs": json.dumps([{"type": "long", "name": "age"}])}}
    files = {"model.txt": lightgbm_files.text(), "MLmodel": json.dumps(document).encode()}

    signature = judged_of(files).signature
    assert signature is not None
    assert [one.name for one in signature.inputs] == ["age", "pressure"]
