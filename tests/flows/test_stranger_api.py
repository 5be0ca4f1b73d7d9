"""A stranger with a CSV of their own, through the JSON API alone: from a question to a prediction, and back out."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from controlplane.stack.testing import LiveStack
from tests.flows.processes import wait_for
from tests.flows.stack import Answer, Api, Gateway, key, people_make, token_of

TEAM = "Heating service"
ROWS = 30_000
PART = 1024 * 1024

DRAFT: dict[str, Any] = {
    "question": "Will this boiler fail within the next winter?",
    "decision_served": "Whether a fitter visits before the winter.",
    "population": "Boilers under a service contract.",
    "unit_of_prediction": "one boiler",
    "task": "BINARY",
    "target": "failed",
    "positive_label": "yes",
    "positive_word": "fails",
    "negative_word": "holds",
    "risk_class": "MEDIUM",
    "decision_mode": "ASSIST",
    "error_costs": {"currency": "EUR", "false_positive": 9_000, "false_negative": 36_000},
    "label_delay_days": 120,
    "least_support": {"rows": 100, "positives": 15, "negatives": 15},
    "objectives": [
        {
            "name": "Order of risk",
            "metric": "roc_auc",
            "direction": "MAXIMISE",
            "comparison": "ABSOLUTE",
            "scope": "OVERALL",
            "limit": 0.7,
        },
        {
            "name": "Missed failures, any tenant",
            "metric": "fnr",
            "direction": "MINIMISE",
            "comparison": "ABSOLUTE",
            "scope": "PROTECTED",
            "limit": 0.6,
            "critical": True,
        },
    ],
    "segments": [
        {
            "name": "Age",
            "expression": "age",
            "bands": {"edges": [8, 16], "labels": ["new", "used", "old"]},
            "purpose": "PERFORMANCE",
        },
        {
            "name": "Tenancy",
            "expression": "tenancy",
            "purpose": "PROTECTED",
            "legal_note": "Tenants are owed equal care.",
        },
    ],
}


def boilers() -> bytes:
    """Rows in which age, pressure and a missed service raise the risk; region says nothing."""
    draw = random.Random(20)
    lines = ["serial,age,pressure,serviced,region,tenancy,failed"]
    for number in range(ROWS):
        age, pressure = draw.randrange(0, 25), round(draw.gauss(1.6, 0.4), 2)
        serviced, region = draw.choice(["yes", "no"]), draw.choice(["north", "east", "south"])
        tenancy = draw.choice(["rented", "owned"])
        risk = -3.6 + 0.16 * age + 1.8 * abs(pressure - 1.6) + (1.3 if serviced == "no" else 0)
        failed = "yes" if draw.random() < 1 / (1 + math.exp(-risk)) else "no"
        lines.append(f"boiler-{number:06},{age},{pressure},{serviced},{region},{tenancy},{failed}")
    return ("\n".join(lines) + "\n").encode()


@pytest.fixture(scope="module")
def people(live_stack: LiveStack) -> dict[str, Api]:
    """The three accounts, as printed by the first start, in a team of their own; a viewer; somebody of another team."""
    assert live_stack.manage("demo_accounts").returncode == 0
    found = {
        name: Api(live_stack.url, token_of(live_stack, name, "read", "write", "decide", "admin"))
        for name in ("scientist", "owner", "admin")
    }
    team = found["admin"].post("teams", {"name": TEAM}, key=key())
    for name, role in (("scientist", "DATA_SCIENTIST"), ("owner", "PRODUCT_OWNER")):
        person = found[name].get("me")["id"]
        found["admin"].post("grants", {"user_id": person, "team_id": team["id"], "role": role})
    return found | people_make(live_stack, {"viewer": ("VIEWER", TEAM), "outsider": ("DATA_SCIENTIST", "Another team")})


def refused(answer: Answer, status: int) -> dict[str, Any]:
    """The problem details of a refusal."""
    body: dict[str, Any] = answer.expect(status)
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert body["status"] == status
    assert body["detail"]
    return body


@pytest.mark.slow
def test_a_stranger_gets_from_a_csv_to_a_prediction_and_out_again(live_stack, people):
    scientist, owner, admin = people["scientist"], people["owner"], people["admin"]
    viewer, outsider = people["viewer"], people["outsider"]
    team = next(row["id"] for row in scientist.get("teams")["results"] if row["name"] == TEAM)

    problem = problem_accepted(team, scientist, owner, viewer, outsider)
    version = data_uploaded(team, problem, scientist, outsider)
    baseline = model_trained("baseline", problem, version, scientist, viewer)
    model = model_trained("logistic_regression", problem, version, scientist, viewer)
    evaluation = version_evaluated(model, baseline, scientist, viewer)
    request = approval_given(model, evaluation, scientist, owner, admin, outsider)

    deployment = wait_for(lambda: live_deployment(owner, model), 30, "the deployment")
    name = deployment["name"]
    row = {
        "age": ("INT64", 23),
        "pressure": ("FP64", 2.4),
        "serviced": ("BYTES", "no"),
        "region": ("BYTES", "east"),
    }
    token = token_of(live_stack, "scientist", "predict")
    gateway = Gateway(live_stack.gateway_url, token)
    answer = wait_for(lambda: ready_answer(gateway, name, row), 20, "the first prediction")
    outputs = {output["name"]: output["data"][0] for output in answer.body["outputs"]}
    assert "yes" in outputs.values(), answer.text
    wrong = gateway.infer(name, row | {"age": ("BYTES", "old")}).expect(400)
    assert wrong["field"] == "age"
    assert "old" not in wrong["detail"]
    others = Gateway(live_stack.gateway_url, token_of(live_stack, "outsider", "predict"))
    assert others.infer(name, row).status in {401, 404}
    assert Gateway(live_stack.gateway_url, "nobody's").infer(name, row).status == 401
    assert scientist.call("GET", "me").status == 200
    assert Api(live_stack.url, token).call("GET", "problems").expect(200)["results"] == []

    logged = wait_for(lambda: predictions(owner, deployment, 200), 20, "the prediction in the log")[0]
    assert logged["inputs"]["age"] == 23
    assert logged["version_id"] == model
    wait_for(lambda: predictions(owner, deployment, 400), 20, "the refused row in the log")

    refused(outsider.call("POST", f"requests/{request}/withdraw-approval", {"reason": "x"}), 404)
    refused(viewer.call("POST", f"requests/{request}/withdraw-approval", {"reason": "x"}), 403)
    owner.post(f"requests/{request}/withdraw-approval", {"reason": "The sensor was changed."})
    wait_for(lambda: gateway.infer(name, row).status == 503, 10, "the refusal at the door")
    refused(owner.call("POST", f"requests/{request}/withdraw-approval", {"reason": "again"}), 409)

    checked = live_stack.manage("audit_verify")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert admin.post("audit/verification", status=200)["ok"] is True
    refused(scientist.call("POST", "audit/verification"), 403)


def problem_accepted(team: str, scientist: Api, owner: Api, viewer: Api, outsider: Api) -> str:
    body = {"team_id": team, "name": "Boiler failures"}
    refused(viewer.call("POST", "problems", body), 403)
    refused(outsider.call("POST", "problems", body), 404)
    once = key()
    made = scientist.post("problems", body, key=once)
    again = scientist.call("POST", "problems", body, key=once)
    assert again.expect(201)["id"] == made["id"]
    assert again.headers["Idempotent-Replay"] == "true"
    assert refused(scientist.call("POST", "problems", body | {"name": "Other"}, key=once), 409)["code"] == (
        "idempotency_key_reused"
    )
    problem, draft = made["id"], made["open"]["id"]

    missing = refused(scientist.call("POST", f"problem-versions/{draft}/submit"), 409)
    assert len(missing["items"]) > 3
    refused(viewer.call("PATCH", f"problem-versions/{draft}", DRAFT), 403)
    change = DRAFT | {"owner_id": owner.get("me")["id"], "row_version": made["open"]["row_version"]}
    scientist.call("PATCH", f"problem-versions/{draft}", change).expect(200)
    assert refused(scientist.call("PATCH", f"problem-versions/{draft}", change), 409)["items"]
    submitted = scientist.post(f"problem-versions/{draft}/submit", status=200)
    guard = {"row_version": submitted["row_version"]}
    refused(scientist.call("POST", f"problem-versions/{draft}/accept", guard), 403)
    refused(outsider.call("POST", f"problem-versions/{draft}/accept", guard), 404)
    owner.post(f"problem-versions/{draft}/accept", guard, status=200)
    refused(scientist.call("PATCH", f"problem-versions/{draft}", {"question": "Another?"}), 409)
    refused(outsider.call("GET", f"problems/{problem}"), 404)
    assert scientist.get(f"problems/{problem}")["current"]["threshold"] == pytest.approx(0.2)
    return str(problem)


def data_uploaded(team: str, problem: str, scientist: Api, outsider: Api) -> str:
    data = boilers()
    assert len(data) > PART
    fields = {"team_id": team, "name": "Boilers", "problem_id": problem, "source": "our own service book"}
    dataset = scientist.post("datasets", fields, key=key())["id"]
    refused(outsider.call("POST", f"datasets/{dataset}/uploads", {"filename": "b.csv", "size": 1}), 404)

    versions = []
    for same in (False, True):
        upload = scientist.post(f"datasets/{dataset}/uploads", {"filename": "boilers.csv", "size": len(data)})["id"]
        for offset in range(0, len(data), PART):
            part = data[offset : offset + PART]
            scientist.call("PUT", f"uploads/{upload}/parts", data=part, offset=offset).expect(200)
        done = scientist.call("POST", f"uploads/{upload}/complete").expect(200)
        assert done["same"] is same
        versions.append(done["version"]["id"])
        scientist.ended(done["version"]["job_id"])
    assert versions[0] == versions[1]

    version = scientist.get(f"dataset-versions/{versions[0]}")
    assert (version["state"], version["row_count"]) == ("SEALED", ROWS)
    assert {c["name"]: c["type"] for c in version["columns"]}["age"] == "INTEGER"
    support = scientist.get(f"dataset-versions/{versions[0]}/support")
    assert sum(group["n"] for group in support["groups"] if group["segment"] == "Tenancy") == ROWS
    roles = {"failed": "TARGET", "serial": "ID", "tenancy": "SEGMENT"}
    scientist.call("PUT", f"dataset-versions/{versions[0]}/roles", {"roles": roles}).expect(200)
    refused(outsider.call("GET", f"dataset-versions/{versions[0]}/file"), 404)
    return str(versions[0])


def model_trained(recipe: str, problem: str, version: str, scientist: Api, viewer: Api) -> str:
    body = {"dataset_version_id": version, "problem_id": problem, "recipe": recipe, "seed": 1}
    refused(viewer.call("POST", "launches", body), 403)
    wrong = refused(scientist.call("POST", "launches", body | {"params": {"nonsense": 1}}), 400)
    assert "nonsense" in str(wrong["errors"])
    once = key()
    launch = scientist.post("launches", body, key=once)
    assert scientist.post("launches", body, key=once)["id"] == launch["id"]
    scientist.ended(launch["job_id"])
    model = scientist.get(f"launches/{launch['id']}")["model_version_id"]
    found = scientist.get(f"versions/{model}")
    assert found["state"] == "SEALED"
    assert found["signature"]["inputs"]
    return str(model)


def version_evaluated(model: str, baseline: str, scientist: Api, viewer: Api) -> str:
    body = {"model_version_id": model, "baseline_version_id": baseline}
    refused(viewer.call("POST", "evaluations", body), 403)
    launched = scientist.post("evaluations", body, key=key())
    scientist.ended(launched["job_id"])
    evaluation = scientist.get(f"evaluations/{launched['id']}")
    assert evaluation["state"] == "COMPLETE"
    groups = {group["key"]: group for group in evaluation["report"]["groups"]}
    assert groups["overall"]["metrics"]["roc_auc"]["value"] > 0.75
    assert groups["overall"]["paired"]["differences"]
    assert {"Age=old", "Tenancy=rented"} <= set(groups)
    gates = viewer.get(f"evaluations/{launched['id']}/gates")
    assert {row["name"] for row in gates["results"]} == {aim["name"] for aim in DRAFT["objectives"]}
    return str(launched["id"])


def approval_given(model: str, evaluation: str, scientist: Api, owner: Api, admin: Api, outsider: Api) -> str:
    body = {"model_version_id": model, "evaluation_id": evaluation, "message": "Please look at old boilers."}
    refused(outsider.call("POST", "requests", body), 404)
    sent = scientist.post("requests", body, key=key())
    where = f"requests/{sent['id']}"
    vote = {"vote": "APPROVE", "reason": "It finds the old ones.", "evidence_digest": sent["evidence_digest"]}
    refused(scientist.call("POST", f"{where}/decision", vote), 403)
    refused(admin.call("POST", f"{where}/decision", vote), 403)
    refused(outsider.call("POST", f"{where}/decision", vote), 404)
    refused(owner.call("POST", f"{where}/decision", vote | {"reason": ""}), 400)
    refused(owner.call("POST", f"{where}/decision", vote | {"evidence_digest": "0" * 64}), 409)
    vote["override_confirmation"] = "version 2"
    owner.post(f"{where}/decision", vote)
    refused(owner.call("POST", f"{where}/decision", vote), 409)
    assert scientist.get(where)["state"] == "APPROVED"
    return str(sent["id"])


def live_deployment(owner: Api, model: str) -> dict[str, Any] | None:
    for row in owner.get("deployments")["results"]:
        found: dict[str, Any] = owner.get(f"deployments/{row['id']}")
        if any(r["model_version_id"] == model and r["state"] == "LIVE" for r in found["rollouts"]):
            return found
    return None


def ready_answer(gateway: Gateway, name: str, row: dict[str, Any]) -> Answer | None:
    """The first answer that is a prediction: a fresh token reaches the gateway within half a second."""
    answer = gateway.infer(name, row)
    assert answer.status in {200, 401, 503}, answer.text
    return answer if answer.status == 200 else None


def predictions(owner: Api, deployment: dict[str, Any], status: int) -> list[dict[str, Any]]:
    rows = owner.get(f"deployments/{deployment['id']}/predictions")["results"]
    return [row for row in rows if row["status"] == status]
