"""Hostile and honest model directories: what may be loaded is loaded, everything else does nothing."""

import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from workers.contracts.model_files import ModelFormat
from workers.inspection.allowed import TRUSTED
from workers.inspection.judge import inspect_model
from workers.runner.model_io import ModelRefused, model_load

FRAME = pd.DataFrame({"a": np.linspace(-1, 1, 60), "b": np.cos(np.arange(60.0))})
TRUTH = (FRAME["a"] + FRAME["b"] > 0).astype(int).to_numpy()


class Payload:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.mkdir, (str(self.mark),)


def _skops(directory: Path, model: Any) -> Path:
    directory.mkdir(exist_ok=True)
    skops.io.dump(model, directory / "model.skops")
    return directory


def _schema_edit(directory: Path, edit: Callable[[dict[str, Any]], None]) -> Path:
    path = directory / "model.skops"
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(members["schema.json"])
    edit(schema)
    members["schema.json"] = json.dumps(schema).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return directory


def _nodes(schema: Any) -> list[dict[str, Any]]:
    found, queue = [], [schema]
    while queue:
        one = queue.pop()
        if isinstance(one, dict):
            if "__loader__" in one:
                found.append(one)
            queue.extend(one.values())
        elif isinstance(one, list):
            queue.extend(one)
    return found


def _model() -> Any:
    return Pipeline([("s", StandardScaler()), ("m", LogisticRegression())]).fit(FRAME, TRUTH)


def test_an_honest_skops_model(tmp_path: Path) -> None:
    model = _model()

    loaded = model_load(_skops(tmp_path / "m", model))

    assert (loaded.format, loaded.names, loaded.classes) == (ModelFormat.SKOPS, ["a", "b"], [0, 1])
    np.testing.assert_allclose(loaded.predict_frame(FRAME[["b", "a"]]), model.predict_proba(FRAME))
    with pytest.raises(ModelRefused, match='column "b"'):
        loaded.predict_frame(FRAME[["a"]])


@pytest.mark.parametrize("name", ["model.pkl", "model.joblib", "model.pickle", "weights.bin", "extra.npy"])
def test_files_that_can_hold_a_pickle_are_quarantined(name: str, tmp_path: Path) -> None:
    directory = _skops(tmp_path / "m", _model())
    (directory / name).write_bytes(pickle.dumps(Payload(tmp_path / "mark")))

    assert name in str(inspect_model(directory).quarantine)
    with pytest.raises(ModelRefused):
        model_load(directory)
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize("name", ["model.skops", "model.txt", "model.onnx", "requirements.txt", "MLmodel"])
def test_a_pickle_under_another_name_is_found_and_not_run(name: str, tmp_path: Path) -> None:
    directory = tmp_path / "m"
    directory.mkdir()
    if name in ("requirements.txt", "MLmodel"):
        _skops(directory, _model())
    (directory / name).write_bytes(pickle.dumps(Payload(tmp_path / "mark")))

    with pytest.raises(ModelRefused, match="pickle"):
        model_load(directory)
    assert not (tmp_path / "mark").exists()


def test_a_foreign_type_is_named_and_not_imported(tmp_path: Path) -> None:
    directory = _skops(tmp_path / "m", _model())

    def foreign(schema: dict[str, Any]) -> None:
        for node in _nodes(schema):
            if node["__class__"] == "StandardScaler":
                node["__module__"], node["__class__"] = "this", "Zen"

    _schema_edit(directory, foreign)

    verdict = inspect_model(directory)
    assert verdict.format is None
    assert "this.Zen" in str(verdict.quarantine)
    with pytest.raises(ModelRefused, match=r"this\.Zen"):
        model_load(directory)
    import sys

    assert "this" not in sys.modules


@pytest.mark.parametrize(
    ("loader", "module", "name"),
    [
        ("FunctionNode", "os", "system"),
        ("MethodNode", "os", "system"),
        ("PartialNode", "functools", "partial"),
        ("OperatorFuncNode", "operator", "methodcaller"),
        ("ConstructorFromReduceNode", "subprocess", "Popen"),
        ("ObjectNode", "os", "system"),
        ("TypeNode", "subprocess", "Popen"),
        ("TypeNode", "builtins", "eval"),
        ("NdArrayNode", "subprocess", "Popen"),
        ("ListNode", "subprocess", "Popen"),
        ("TreeNode", "os", "system"),
        ("NoSuchNode", "builtins", "str"),
    ],
)
def test_nodes_that_could_call_something_are_refused(loader: str, module: str, name: str, tmp_path: Path) -> None:
    directory = _skops(tmp_path / "m", _model())

    def edit(schema: dict[str, Any]) -> None:
        node = _nodes(schema)[-1]
        node["__loader__"], node["__module__"], node["__class__"] = loader, module, name

    with pytest.raises(ModelRefused, match="not on Fairway's list"):
        model_load(_schema_edit(directory, edit))


def test_functions_that_skops_itself_would_trust_are_refused(tmp_path: Path) -> None:
    model = Pipeline([("f", FunctionTransformer(np.exp)), ("m", LogisticRegression())]).fit(FRAME, TRUTH)

    with pytest.raises(ModelRefused, match="FunctionTransformer"):
        model_load(_skops(tmp_path / "m", model))


@pytest.mark.parametrize("protocol", [0, 1, 3, True, None, "2"])
def test_other_versions_of_the_format_are_refused(protocol: Any, tmp_path: Path) -> None:
    directory = _skops(tmp_path / "m", _model())

    with pytest.raises(ModelRefused, match="protocol"):
        model_load(_schema_edit(directory, lambda schema: schema.update(protocol=protocol)))


def test_what_mlmodel_claims_is_not_believed(tmp_path: Path) -> None:
    model = _model()
    directory = _skops(tmp_path / "m", model)
    (directory / "MLmodel").write_text(
        "flavors:\n  python_function:\n    loader_module: mlflow.sklearn\n    model_path: model.skops\n"
        "  sklearn:\n    serialization_format: skops\n    pickled_model: model.skops\n"
        "    skops_trusted_types: ['os.system']\n"
    )
    (directory / "fairway.json").write_text("{broken")

    np.testing.assert_allclose(model_load(directory).predict_frame(FRAME), model.predict_proba(FRAME))
    node = {"__class__": "system", "__module__": "os", "__loader__": "FunctionNode"}
    _schema_edit(directory, lambda schema: schema.update(extra=node))
    with pytest.raises(ModelRefused, match=r"os\.system"):
        model_load(directory)


def test_an_mlmodel_that_names_a_foreign_loader_is_refused(tmp_path: Path) -> None:
    directory = _skops(tmp_path / "m", _model())
    (directory / "MLmodel").write_text("flavors:\n  python_function:\n    loader_module: os\n")

    with pytest.raises(ModelRefused, match="loader 'os'"):
        model_load(directory)


def test_broken_and_bloated_archives(tmp_path: Path) -> None:
    directory = tmp_path / "m"
    directory.mkdir()
    path = directory / "model.skops"
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", b" " * 50_000_000)
    climbing = io.BytesIO()
    with zipfile.ZipFile(climbing, "w") as archive:
        archive.writestr("schema.json", "{}")
        archive.writestr("../../evil.npy", b"")
    objects = io.BytesIO()
    np.save(objects, np.array([Payload(tmp_path / "mark")], dtype=object), allow_pickle=True)
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("schema.json", "{}")
        archive.writestr("1.npy", objects.getvalue())
    deep = io.BytesIO()
    with zipfile.ZipFile(deep, "w") as archive:
        archive.writestr("schema.json", "[" * 200_000)

    for data, words in (
        (b"no zip", "cannot be read"),
        (bomb.getvalue(), "unpacks"),
        (climbing.getvalue(), "does not belong"),
        (held.getvalue(), "plain numbers"),
        (deep.getvalue(), "cannot be read"),
    ):
        path.write_bytes(data)
        with pytest.raises(ModelRefused, match=words):
            model_load(directory)
    assert not (tmp_path / "mark").exists()


def test_links_and_two_models_are_refused(tmp_path: Path) -> None:
    directory = _skops(tmp_path / "m", _model())
    (directory / "model.onnx").symlink_to("/etc/passwd")
    assert "plain file" in str(inspect_model(directory).quarantine)
    (directory / "model.onnx").unlink()
    (directory / "other.skops").write_bytes((directory / "model.skops").read_bytes())
    assert "More than one" in str(inspect_model(directory).quarantine)


def test_a_tree_that_points_outside_itself_is_refused(tmp_path: Path) -> None:
    forest = RandomForestClassifier(2, max_depth=3, random_state=0).fit(FRAME, TRUTH)
    directory = _skops(tmp_path / "m", forest)
    model_load(directory)
    path = directory / "model.skops"
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for name, data in members.items():
        if b"left_child" in data[:500]:
            start = data.index(b"\n") + 1
            members[name] = data[:start] + struct.pack("<qq", 1 << 40, 2) + data[start + 16 :]
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)

    with pytest.raises(ModelRefused):
        model_load(directory)


def test_lightgbm_text(tmp_path: Path) -> None:
    sets = lightgbm.Dataset(FRAME, TRUTH)
    booster = lightgbm.train({"objective": "binary", "verbose": -1, "min_data_in_leaf": 3}, sets, 5)
    directory = tmp_path / "m"
    directory.mkdir()
    booster.save_model(str(directory / "model.txt"))

    loaded = model_load(directory)

    assert (loaded.format, loaded.names, loaded.classes) == (ModelFormat.LIGHTGBM, ["a", "b"], [0, 1])
    np.testing.assert_allclose(loaded.predict_frame(FRAME)[:, 1], booster.predict(FRAME))
    (directory / "model.txt").write_text("not a model")
    with pytest.raises(ModelRefused, match="not a LightGBM"):
        model_load(directory)


def _field(number: int, data: bytes | int) -> bytes:
    """A field of a protocol buffer message."""
    if isinstance(data, int):
        return bytes([number << 3]) + _varint(data)
    return bytes([number << 3 | 2]) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def _tensor_type(columns: int) -> bytes:
    shape = _field(1, _field(2, b"n")) + _field(1, _field(1, columns))
    return _field(1, _field(1, 1) + _field(2, shape))


def _onnx(extra: bytes = b"") -> bytes:
    """x[n, 2] -> MatMul with a [2, 1] weight -> y[n, 1], written by hand: the onnx package is not needed."""
    weight = _field(1, 2) + _field(1, 1) + _field(2, 1) + _field(9, struct.pack("<ff", 2.0, 3.0)) + _field(8, b"w")
    node = _field(1, b"x") + _field(1, b"w") + _field(2, b"y") + _field(4, b"MatMul")
    graph = _field(1, node) + _field(2, b"g") + _field(5, weight + extra)
    graph += _field(11, _field(1, b"x") + _field(2, _tensor_type(2)))
    graph += _field(12, _field(1, b"y") + _field(2, _tensor_type(1)))
    return _field(1, 8) + _field(7, graph) + _field(8, _field(2, 13))


def test_onnx(tmp_path: Path) -> None:
    directory = tmp_path / "m"
    directory.mkdir()
    (directory / "model.onnx").write_bytes(_onnx())

    loaded = model_load(directory)

    assert (loaded.format, loaded.classes) == (ModelFormat.ONNX, None)
    np.testing.assert_allclose(loaded.predict_frame(FRAME), 2 * FRAME["a"] + 3 * FRAME["b"], rtol=1e-5, atol=1e-6)
    outside = _field(13, _field(1, b"location") + _field(2, b"/etc/passwd")) + _field(14, 1)
    (directory / "model.onnx").write_bytes(_onnx(outside))
    with pytest.raises(ModelRefused, match="other files"):
        model_load(directory)


def test_the_list_of_types_holds_no_way_to_call(tmp_path: Path) -> None:
    for name in TRUSTED:
        assert name.split(".")[0] in ("builtins", "collections", "numpy", "sklearn", "lightgbm")
    assert not {"builtins.eval", "builtins.exec", "builtins.getattr"} & set(TRUSTED)
