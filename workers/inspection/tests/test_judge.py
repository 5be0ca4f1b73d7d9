"""Attacks on the judgement of uploaded models. Nothing here loads a model; nothing may."""

from __future__ import annotations

import io
import json
import os
import pickle
import stat
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from workers.contracts.model_files import ModelFormat
from workers.inspection import skops as skops_judge
from workers.inspection.files import ModelFile
from workers.inspection.judge import model_judge
from workers.inspection.pickles import is_pickle
from workers.inspection.tests import lightgbm_files, onnx_files
from workers.inspection.tests.judging import judged, judged_of
from workers.inspection.tests.onnx_files import message
from workers.inspection.tests.skops_files import archive, estimator, skops


class Payload:
    """Runs a command when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.system, ("exit 1",)


def test_honest_files_of_each_format():
    found = judged(model_skops=skops())
    assert (found.format, found.path, found.quarantine) == (ModelFormat.SKOPS, "model.skops", None)
    found = judged(model_txt=lightgbm_files.text())
    assert (found.format, found.task, found.names) == (ModelFormat.LIGHTGBM, "BINARY", ("age", "pressure"))
    found = judged(model_onnx=onnx_files.linear())
    assert (found.format, found.names, found.signature) == (ModelFormat.ONNX, None, None)
    found = judged(model_onnx=onnx_files.logistic({"age": 0.1, "pressure": 2}, 1))
    assert found.signature is not None
    assert [(one.name, one.datatype) for one in found.signature.inputs] == [("age", "FP32"), ("pressure", "FP32")]


@pytest.mark.parametrize("name", ["model.onnx", "model.skops", "model.txt", "model.lgb"])
@pytest.mark.parametrize("junk", [b"", b"\0" * 4096, b"junk", b"<html><script>alert(1)</script>", b"\x08" * 5000])
def test_junk_under_a_good_name_says_what_it_is_not(name: str, junk: bytes):
    found = judged_of({name: junk})

    assert found.format is None
    assert found.quarantine
    assert found.quarantine[0].isupper()
    assert found.quarantine.endswith(".")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "path", ["model.skops", "model.onnx", "model.txt", "requirements.txt", "notes.md", "MLmodel", "input_example.json"]
)
def test_a_pickle_of_any_protocol_under_any_name(protocol: int, path: str):
    files = {"model.skops": skops(), path: pickle.dumps(Payload(), protocol)}
    if path in ("model.onnx", "model.txt"):
        del files["model.skops"]

    assert "pickle" in str(judged_of(files).quarantine)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_objects_of_every_kind_are_seen_to_be_pickles(protocol: int):
    class_free: list[Any] = [
        {"a": [1, 2.5, None, True, "text\n'", b"bytes", 2**70]},
        (1, 2, 3, 4),
        {1, 2},
        "x" * 300,
        -(2**40),
    ]
    for value in [*class_free, Payload()]:
        assert is_pickle(pickle.dumps(value, protocol)), value


@pytest.mark.parametrize(
    "payload",
    [b"cos\nsystem\n(S'id'\ntR", b"(S'id'\nios\nsystem\n.", b"(cos\nsystem\nS'id'\no.", b"cos\nsystem\n(S'id'\ntRjunk"],
)
def test_a_pickle_that_breaks_off_after_its_call_is_one(payload: bytes):
    assert is_pickle(payload)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b".",
        b"channels:\n- conda-forge\ndependencies:\n- pip\n",
        b"cloudpickle==3.1\nnumpy==2.0\nscikit-learn\n",
        b"click\nnumpy\npandas\n",
        b"artifact_path: model\nflavors: {}\n",
        b"python: 3.11.1\nbuild_dependencies:\n- pip\n",
        b"Notes on this model. It is good.\n",
        b"I am a model.\n",
        b'{"a": 1}',
        b"tree\nversion=v4\n",
        b"PK\x03\x04",
        b"\x08\x08:",
    ],
)
def test_plain_files_are_no_pickles(text: bytes):
    assert not is_pickle(text)


@pytest.mark.parametrize(
    "path",
    ["../model.skops", "/etc/model.skops", "a\\model.skops", "a/../b.skops", "./m.skops", "a//m.skops", "a\nb.skops"],
)
def test_paths_that_leave_their_folder(path: str):
    found = judged_of({path: skops()})

    assert "is not a path" in str(found.quarantine)


@pytest.mark.parametrize("path", ["code/run.py", "lib/fast.so", "setup.sh", "notebook.ipynb", "dep.whl"])
def test_programs_beside_a_model(path: str):
    assert "is a program" in str(judged_of({"model.skops": skops(), path: b"import os"}).quarantine)


def test_too_many_and_too_large():
    many = {f"notes/{number}.md": b"x" for number in range(200)}
    assert "more than 200 files" in str(judged_of({"model.skops": skops(), **many}).quarantine)
    huge = [ModelFile("model.skops", 3 * 1024**3, io.BytesIO)]
    assert "larger than 2 GiB" in str(model_judge(huge).quarantine)


# --- skops


@pytest.mark.parametrize(
    "member", ["../../evil.npy", "/etc/evil.npy", "a\\evil.npy", "C:evil.npy", "folder/", "run.py", "schema.json/x.npy"]
)
def test_members_that_do_not_belong_in_a_skops_file(member: str):
    assert "does not belong" in str(judged(model_skops=archive({member: b"x"})).quarantine)


def test_links_in_a_skops_file():
    held = io.BytesIO(archive({}))
    with zipfile.ZipFile(held, "a") as opened:
        link = zipfile.ZipInfo("1.npy")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        opened.writestr(link, "/etc/passwd")

    assert "does not belong" in str(judged(model_skops=held.getvalue()).quarantine)


def test_bombs_in_a_skops_file():
    zeros = archive({"1.npy": b"\0" * 30_000_000})
    assert "unpacks to far more" in str(judged(model_skops=zeros).quarantine)
    wide = archive({}, estimator(content=" " * 60_000_000))
    assert "unpacks to far more" in str(judged(model_skops=wide).quarantine)
    deep = io.BytesIO()
    with zipfile.ZipFile(deep, "w") as opened:
        opened.writestr("schema.json", "[" * 200_000)
    assert "cannot be read" in str(judged(model_skops=deep.getvalue()).quarantine)


def test_members_that_share_their_bytes():
    """The bomb without a nested archive: many entries of the directory name the same packed bytes."""
    plain = io.BytesIO()
    with zipfile.ZipFile(plain, "w") as opened:
        opened.writestr("schema.json", json.dumps(estimator()))
        opened.writestr("0.npy", os.urandom(100_000))
        first = opened.infolist()[-1]
        for number in range(1, 200):
            copy = zipfile.ZipInfo(f"{number}.npy")
            copy.header_offset, copy.CRC = first.header_offset, first.CRC
            copy.compress_size, copy.file_size = first.compress_size, first.file_size
            opened.filelist.append(copy)
            opened.NameToInfo[copy.filename] = copy

    assert "overlap" in str(judged(model_skops=plain.getvalue()).quarantine)


def test_an_archive_that_is_something_else_besides():
    whole = skops()
    for other in (b"cos\nsystem\n" + whole, b"MZ" + whole, whole + b"<html>", whole[:-2] + b"\x05\x00hello"):
        assert "cannot be read" in str(judged(model_skops=other).quarantine)


def test_a_directory_that_would_fill_the_memory_is_not_read(monkeypatch: pytest.MonkeyPatch):
    opened: list[object] = []
    monkeypatch.setattr(zipfile, "ZipFile", lambda *given, **named: opened.append(given))
    length = skops_judge.MAX_DIRECTORY_BYTES + 1
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 5, 5, length, 4, 0)
    data = b"PK\x03\x04" + b"\0" * length + end

    assert "too many members" in str(judged(model_skops=data).quarantine)
    assert opened == []


def test_types_outside_the_list_are_named():
    node = {"__class__": "Popen", "__module__": "subprocess", "__loader__": "ObjectNode"}
    for schema in (estimator(__class__="Zen", __module__="this"), estimator(content={"content": [{"deep": node}]})):
        found = str(judged(model_skops=archive({}, schema)).quarantine)
        assert "not on Fairway's list" in found
        assert "this.Zen" in found or "subprocess.Popen" in found


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ([], "not an object"),
        ({"protocol": 2}, "no model"),
        (estimator(protocol=1), "protocol"),
        (estimator(__loader__=None), "without a type"),
        (estimator(__class__="dict", __module__="builtins", __loader__="DictNode"), "no model"),
    ],
)
def test_schemas_that_are_none(schema: Any, words: str):
    assert words in str(judged(model_skops=archive({}, schema)).quarantine)


def test_a_key_that_is_said_twice_hides_nothing():
    text = '{"__class__": "Popen", "__module__": "subprocess",' + json.dumps(estimator())[1:]
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as opened:
        opened.writestr("schema.json", text)

    assert "twice" in str(judged(model_skops=held.getvalue()).quarantine)


@pytest.mark.parametrize("kind", ["|O", "O", ">O", "\\x4f", "O8"])
def test_arrays_of_objects(kind: str):
    for padding in (0, 5_000):
        words = b"{'fortran_order': False, " + b" " * padding + b"'descr': '" + kind.encode() + b"', 'shape': (1,), }\n"
        head = b"\x93NUMPY\x02\x00" + struct.pack("<L", len(words)) + words
        assert "plain numbers" in str(judged(model_skops=archive({"1.npy": head + b"x" * 100})).quarantine)


def test_a_broken_tree_inside_an_estimator_is_found():
    def held(text: bytes) -> bytes:
        node = {
            "__class__": "str",
            "__module__": "builtins",
            "__loader__": "JsonNode",
            "content": json.dumps(text.decode()),
        }
        return archive({}, estimator(content={"content": {"_handle": node}}))

    assert judged(model_skops=held(lightgbm_files.text())).quarantine is None
    assert "outside" in str(judged(model_skops=held(lightgbm_files.text(left_child="7 -1"))).quarantine)


def test_memory_does_not_follow_the_schema():
    leaf = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "content": "1"}
    schema = json.dumps(estimator(content={"content": [leaf] * 60_000})).encode()
    assert len(schema) > 5_000_000
    tracemalloc.start()
    skops_judge.schema_check(schema, frozenset({"schema.json"}))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 4 * len(schema)


# --- LightGBM


@pytest.mark.parametrize(
    "changes",
    [
        {"left_child": "7 -1"},
        {"left_child": "0 -1"},
        {"right_child": "-2 -9"},
        {"right_child": "-2 0"},
        {"split_feature": "0 2"},
        {"split_feature": "-1 0"},
        {"split_feature": "0"},
        {"num_leaves": "4"},
        {"num_leaves": "0"},
        {"num_leaves": "99999999999"},
        {"leaf_value": "0 0"},
        {"threshold": "1"},
        {"threshold": "1 x"},
        {"decision_type": "1 2"},
        {"num_cat": "1"},
        {"is_linear": "1"},
        {"max_feature_idx": "9999"},
        {"num_class": "0"},
        {"num_class": "5"},
        {"num_tree_per_iteration": "2"},
        {"version": "v9"},
        {"feature_names": "age age"},
    ],
)
def test_lightgbm_text_whose_numbers_cannot_be(changes: dict[str, str]):
    found = judged(model_txt=lightgbm_files.text(**changes))

    assert found.format is None
    assert "LightGBM" in str(found.quarantine)


def test_lightgbm_text_that_breaks_off_or_holds_other_things():
    whole = lightgbm_files.text()
    for data in (
        whole[: whole.index(b"end of trees")],
        whole.replace(b"Tree=0", b"<script>"),
        whole.replace(b"age", b"a\0e"),
        whole.replace(b"age", b"\xff"),
        whole.replace(b"num_cat=0", b"num_leaves=9"),
        whole[: whole.index(b"Tree=0")] + b"end of trees\n",
        b"tree\n" + b"x" * 20_000_000,
    ):
        assert "LightGBM" in str(judged(model_txt=data).quarantine)


def test_categories_of_a_lightgbm_tree():
    good = {"num_cat": "1", "decision_type": "1 2", "threshold": "0 1.5"}
    lines = lightgbm_files.text(**good).replace(b"leaf_value", b"cat_boundaries=0 1\ncat_threshold=6\nleaf_value")

    assert judged(model_txt=lines).quarantine is None
    for bad in (b"cat_boundaries=0 9", b"cat_boundaries=5 1", b"cat_boundaries=0 1 1"):
        assert "outside" in str(judged(model_txt=lines.replace(b"cat_boundaries=0 1", bad)).quarantine)
    assert "outside" in str(judged(model_txt=lines.replace(b"threshold=0 1.5", b"threshold=3 1.5")).quarantine)


# --- ONNX


def test_onnx_data_in_other_files():
    place = message(13, message(1, "location") + message(2, "../../etc/passwd"))
    subgraph = message(1, "body") + message(6, message(5, onnx_files.tensor("v", [1], [1], place)))
    sparse = message(15, message(1, onnx_files.tensor("v", [1], [1], place)))
    attacks = [
        onnx_files.linear(tensor_extra=place),
        onnx_files.linear(tensor_extra=message(14, 1)),
        onnx_files.linear(tensor_extra=message(14, 0) + message(14, 1)),
        onnx_files.linear(node_extra=message(5, message(5, onnx_files.tensor("v", [1], [1], place)))),
        onnx_files.linear(node_extra=message(5, subgraph)),
        onnx_files.linear(graph_extra=sparse),
    ]
    for data in attacks:
        assert "other files" in str(judged(model_onnx=data).quarantine)


def test_onnx_operators_of_other_domains():
    for data in (
        onnx_files.linear(node_extra=message(7, "evil.ops")),
        onnx_files.linear(domain="evil.ops"),
        onnx_files.linear(
            node_extra=message(5, message(6, message(1, onnx_files.node("X", [], [], message(7, "evil.ops")))))
        ),
    ):
        assert "'evil.ops'" in str(judged(model_onnx=data).quarantine)
    assert judged(model_onnx=onnx_files.linear(node_extra=message(7, "ai.onnx.ml"))).quarantine is None


def test_onnx_functions_training_depth_and_inputs():
    assert "functions" in str(judged(model_onnx=onnx_files.linear(extra=message(25, b""))).quarantine)
    assert "training" in str(judged(model_onnx=onnx_files.linear(extra=message(20, b""))).quarantine)
    body = message(1, onnx_files.node("If", [], []))
    for _ in range(40):
        body = message(1, onnx_files.node("If", [], [], message(5, message(6, body))))
    assert "nested" in str(judged(model_onnx=onnx_files.linear(graph_extra=body)).quarantine)
    odd = onnx_files.linear(graph_extra=message(11, onnx_files.value_info("z", 1, 14)))
    assert "'z'" in str(judged(model_onnx=odd).quarantine)


def test_onnx_messages_that_lie_about_their_length():
    whole = onnx_files.linear()
    for data in (
        whole[:-5],
        message(1, 8) + onnx_files.varint(7 << 3 | 2) + onnx_files.varint(2**62),
        message(1, 8) + b"\x3b" * 20,
        whole + whole,
        message(1, 8) + b"\x00\x01" + whole,
        b"\x08" + b"\xff" * 40,
    ):
        assert "not an ONNX model" in str(judged(model_onnx=data).quarantine)


def test_an_onnx_file_of_countless_small_fields_ends_in_a_sentence():
    data = message(1, 8) + message(7, message(2, b"") * 2_100_000)

    assert "too many fields" in str(judged(model_onnx=data).quarantine)


def test_long_lists_of_numbers_are_stepped_over():
    floats = b"".join([b"\x3d\x00\x00\x80\x3f"] * 3_000_000)
    wholes = message(8, 300) * 1_000_000
    data = onnx_files.linear(node_extra=message(5, message(1, "a") + floats + wholes) + message(7, "evil.ops"))

    assert "'evil.ops'" in str(judged(model_onnx=data).quarantine)


# --- MLmodel
