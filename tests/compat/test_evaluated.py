"""The evaluation table of MLflow's client, judged by segment by the live product with a real worker."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from controlplane.stack.testing import LiveStack
from tests.compat.programs import Client
from tests.flows.processes import wait_for
from tests.flows.stack import Api, people_make

pytestmark = pytest.mark.slow
QUESTION = {
    "question": "How many checks will there be?",
    "decision_served": "How many people are on duty.",
    "population": "Visitors.",
    "unit_of_prediction": "one visitor",
    "task": "REGRESSION",
    "target": "checks",
    "risk_class": "LOW",
    "decision_mode": "ASSIST",
    "error_costs": {"currency": "EUR", "per_unit": 1_000},
    "label_delay_days": 1,
    "least_support": {"rows": 20, "positives": 5, "negatives": 5},
    "objectives": [{"metric": "mae", "comparison": "ABSOLUTE", "scope": "OVERALL", "limit": 3.0}],
    "segments": [
        {
            "name": "Age",
            "expression": "age",
            "bands": {"edges": [40], "labels": ["under 40", "40 and over"]},
            "purpose": "PERFORMANCE",
        }
    ],
}


def _problem(scientist: Api, owner: Api) -> str:
    team = owner.get("teams")["results"][0]["id"]
    made = scientist.post("problems", {"team_id": team, "name": "Checks of visitors"})
    draft = made["open"]["id"]
    change = QUESTION | {"owner_id": owner.get("me")["id"], "row_version": made["open"]["row_version"]}
    scientist.call("PATCH", f"problem-versions/{draft}", change).expect(200)
    submitted = scientist.post(f"problem-versions/{draft}/submit", status=200)
    owner.post(f"problem-versions/{draft}/accept", {"row_version": submitted["row_version"]}, status=200)
    return str(made["id"])


@pytest.mark.feature(
    "evaluation", "`mlflow.models.evaluate` with a metric per row: its table, judged by segment with intervals"
)
def test_an_evaluation_table_is_judged_by_segment(client: Client, live_stack: LiveStack):
    said = client.run("evaluated", environment="mlflow-3")
    scientist = Api(client.url, client.token)
    owner = people_make(live_stack, {"compat-eve": ("PRODUCT_OWNER", "Compat")})["compat-eve"]
    problem = _problem(scientist, owner)
    assert "eval_results_table.json" in said["files"]

    made = scientist.post(
        f"runs/{uuid.UUID(said['run'])}/evaluation-tables",
        {"problem_id": problem, "name": "From a notebook", "column": "said"},
    )

    def settled() -> dict[str, Any] | None:
        one: dict[str, Any] = scientist.get(f"evaluation-tables/{made['id']}")
        return one if one["state"] != "WAITING" else None

    one = wait_for(settled, 120, "the table to be read")
    assert one["state"] == "JUDGED", one["cause"]
    scientist.ended(scientist.get(f"evaluations/{one['evaluation_id']}")["job_id"])
    report = scientist.get(f"evaluations/{one['evaluation_id']}")["report"]
    groups = {group["key"]: group for group in report["groups"]}
    assert report["n"] == 150
    assert {"overall", "Age=under 40", "Age=40 and over"} <= set(groups)
    assert 0.5 < groups["overall"]["metrics"]["mae"]["value"] < 1.2
