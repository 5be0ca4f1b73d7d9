"""Models that were made elsewhere: from a client's run to an answer, and what attackers would upload instead."""

from __future__ import annotations

import csv
import io
import os
import pickle
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from controlplane.stack.testing import LiveStack
from tests.flows.processes import wait_for
from tests.flows.serving import Service, pumps, service_make
from tests.flows.uploads import COLUMNS, mlmodel, upload
from workers.inspection.tests import onnx_files
from workers.inspection.tests.skops_files import archive, estimator, skops

NAMES = ["age", "pressure"]
ROWS = [(3, 1.25), (21, 2.25), (0, 0.5), (24, 2.75), (12, 1.9)]


@pytest.fixture(scope="module")
def service(live_stack: LiveStack) -> Service:
    return service_make(live_stack, "Pumps by others", (1.0,))


class Payload:
    """What an attacker would pickle: something that leaves a mark when it is loaded."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.mark),))


def trees(names: list[str] | None = None) -> bytes:
    """A LightGBM model of pumps by age and pressure, as the library writes it."""
    import lightgbm

    rows = list(csv.DictReader(io.StringIO(pumps().decode())))
    data = np.asarray([[float(row["age"]), float(row["pressure"])] for row in rows])
    truth = np.asarray([row["failed"] == "yes" for row in rows], dtype=float)
    learnt = lightgbm.Dataset(data, truth, feature_name=names or "auto")
    options = {"objective": "binary", "verbose": -1, "num_threads": 1, "seed": 1}
    return lightgbm.train(options, learnt, 20).model_to_string().encode()


def trees_answer(model: bytes) -> list[float]:
    import lightgbm

    booster = lightgbm.Booster(model_str=model.decode())
    return [float(value) for value in np.asarray(booster.predict(np.asarray(ROWS, dtype=float)))]


def onnx_answer(model: bytes) -> list[float]:
    import onnxruntime

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    given = {name: np.asarray([[row[index]] for row in ROWS], dtype=np.float32) for index, name in enumerate(NAMES)}
    return [float(value) for value in np.asarray(session.run(None, given)[0]).ravel()]


@pytest.mark.parametrize("kind", ["lightgbm", "onnx"])
def test_a_model_made_elsewhere_is_judged_approved_by_another_and_answers_with_its_own_numbers(service, kind):
    if kind == "lightgbm":
        content = trees(NAMES)
        expected, files = trees_answer(content), {"model.txt": content, "requirements.txt": b"lightgbm==4.6.0\n"}
    else:
        content = onnx_files.logistic({"age": 0.08, "pressure": 3.0}, -7.0)
        expected, files = onnx_answer(content), {"model.onnx": content, "requirements.txt": b"onnxruntime==1.23.0\n"}
    first = service.scientist.get(f"versions/{service.versions[0]}")
    data = service.scientist.get(f"runs/{first['run_id']}")["inputs"][0]["dataset_version_id"]

    version = upload(
        service, kind, {"MLmodel": mlmodel(f"mlflow.{kind}"), **files}, dataset_version_id=data, classes=["no", "yes"]
    )

    assert (version["state"], version["format"]) == ("SEALED", kind.upper())
    assert [one["name"] for one in version["signature"]["inputs"]] == NAMES
    evaluation = service.scientist.post("evaluations", {"model_version_id": version["id"]})
    service.scientist.ended(evaluation["job_id"])
    gates = service.scientist.get(f"evaluations/{evaluation['id']}/gates")
    assert (gates["clear"], gates["failed"], gates["passed"] > 0) == (True, 0, True), gates
    sent = service.request(version["id"], evaluation["id"])
    vote = {"vote": "APPROVE", "reason": "I made it.", "evidence_digest": sent["evidence_digest"]}
    assert service.scientist.call("POST", f"requests/{sent['id']}/decision", vote).status == 403
    service.decide(sent, version["number"])
    wait_for(lambda: service.live() == version["id"], 60, "the uploaded version to be live")

    answer = ask(service, version)
    outputs = {one["name"]: one["data"] for one in answer["outputs"]}
    assert outputs["probabilities"][1::2] == pytest.approx(expected, abs=1e-6)
    wanted = [score >= version["threshold"] for score in expected]
    assert outputs["decision"] == wanted
    assert outputs["label"] == ["yes" if one else "no" for one in wanted]


def ask(service: Service, version: dict[str, Any]) -> Any:
    """The answer of this version to the rows, by the inference protocol."""
    columns = {"age": [row[0] for row in ROWS], "pressure": [row[1] for row in ROWS]}
    inputs = [
        {"name": one["name"], "datatype": one["datatype"], "shape": [len(ROWS)], "data": columns[one["name"]]}
        for one in version["signature"]["inputs"]
    ]

    def answered() -> Any:
        answer = httpx.post(
            f"{service.stack.gateway_url}/v2/models/{service.name}/infer",
            json={"inputs": inputs},
            headers={"Authorization": f"Bearer {service.people['pump-caller'].token}"},
            trust_env=False,
        )
        body = answer.json()
        return body if answer.status_code == 200 and body["model_version"] == str(version["number"]) else None

    return wait_for(answered, 20, "an answer of the uploaded version")


def hostile(mark: Path) -> dict[str, tuple[dict[str, bytes], str]]:
    """{name: (files, what is said of them)}: all that an attacker would log as a model."""
    evil = pickle.dumps(Payload(mark))
    oldest = pickle.dumps(Payload(mark), 0)
    bomb = b"a: &a [x, x, x, x, x, x, x, x, x]\n" + b"".join(
        f"{name}: &{name} [*{last}, *{last}, *{last}, *{last}, *{last}, *{last}, *{last}, *{last}]\n".encode()
        for last, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    popen = {"__class__": "Popen", "__module__": "subprocess", "__loader__": "ObjectNode"}

    def described(text: bytes) -> dict[str, bytes]:
        return {"MLmodel": text, "model.skops": skops(text[:60])}

    return {
        "model.pkl": ({"MLmodel": mlmodel("mlflow.sklearn"), "model.pkl": evil}, "run code"),
        "model.skops": ({"model.skops": evil}, "begins like a pickle"),
        "model.txt": ({"model.txt": oldest}, "begins like a pickle"),
        "model.onnx": ({"model.onnx": evil + b"."}, "begins like a pickle"),
        "beside": ({"model.skops": skops("beside"), "input_example.json": oldest}, "begins like a pickle"),
        "junk": ({"model.onnx": b"\x08\x07\x12\x04test"}, "ONNX"),
        "loader": (described(mlmodel("os")), "the loader 'os'"),
        "flavor": (described(b"flavors:\n  pytorch: {}\n"), "the flavor 'pytorch'"),
        "code": (described(b"flavors:\n  python_function:\n    code: code\n"), "code of its own"),
        "types": (described(b"a: !!python/object/apply:os.system [id]\n"), "types of its own"),
        "other file": (described(b"flavors:\n  sklearn:\n    pickled_model: ../x.pkl\n"), "not the file"),
        "aliases": (described(bomb), "refers to parts of itself"),
        "huge": (described(b"a: " + b"x" * 1_100_000), "larger than 1 MiB"),
        "deep": (described(b"a: " + b"[" * 5000), "nested too deeply"),
        "zip bomb": ({"model.skops": archive({"1.npy": b"\0" * 30_000_000})}, "unpacks to far more"),
        "climbing member": ({"model.skops": archive({"../../evil.npy": b"x"})}, "does not belong"),
        "foreign type": ({"model.skops": archive({}, estimator(content=popen))}, "subprocess.Popen"),
        "program": ({"model.skops": skops("program"), "code/run.py": b"import os"}, "is a program"),
        "two": ({"a.skops": b"PK", "b.onnx": b"x"}, "More than one"),
        "nothing": ({"README.md": b"hello"}, "No file in a format"),
    }


def test_hostile_models_are_kept_quarantined_and_do_nothing(service, tmp_path):
    mark = tmp_path / "was-here"
    tried = hostile(mark)

    found = {name: upload(service, name, files) for name, (files, _) in tried.items()}

    assert {name: (version["state"], version["format"]) for name, version in found.items()} == dict.fromkeys(
        tried, ("QUARANTINED", "")
    )
    reasons = {name: version["quarantine_reason"] for name, version in found.items()}
    assert {name: reason for name, reason in reasons.items() if tried[name][1] not in reason} == {}
    for name, version in found.items():
        assert {row["path"] for row in version["manifest"]} == set(tried[name][0])
        for path in ("evaluations", "requests"):
            refused = service.scientist.call("POST", path, {"model_version_id": version["id"]})
            assert refused.status == 409, refused.text
    assert not mark.exists()


def test_what_was_uploaded_comes_back_as_it_was_and_never_as_a_page(service):
    planted = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
    files = {"model.txt": trees(NAMES) + b"\n", "page.html": planted, "drawing.svg": planted}

    version = upload(service, "pages", files)

    for name, content in files.items():
        kept = httpx.get(
            f"{service.stack.url}/api/v1/versions/{version['id']}/files/{name}",
            headers={"Authorization": f"Bearer {service.scientist.token}"},
            trust_env=False,
        )
        assert kept.content == content
        assert kept.headers["content-type"] == "application/octet-stream"
        assert kept.headers["content-disposition"].startswith("attachment")
        assert kept.headers["x-content-type-options"] == "nosniff"
        assert kept.headers["content-security-policy"] == "sandbox; default-src 'none'"


def test_honest_models_that_do_not_say_their_columns_are_sealed_with_those_that_a_person_states(service):
    unnamed, matrix = trees(), onnx_files.linear()

    found = [
        upload(service, "unnamed", {"MLmodel": mlmodel("mlflow.lightgbm"), "model.txt": unnamed}, signature=COLUMNS),
        upload(service, "matrix", {"MLmodel": mlmodel("mlflow.onnx"), "model.onnx": matrix}, signature=COLUMNS),
    ]

    assert [(version["state"], version["format"]) for version in found] == [("SEALED", "LIGHTGBM"), ("SEALED", "ONNX")]
    assert [[one["name"] for one in version["signature"]["inputs"]] for version in found] == [NAMES, NAMES]
