"""An evaluation table that MLflow's client logged, judged from the page of its run; what it lacks is said there."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from tests.e2e.looking import THEMES, faults
from tests.flows.processes import wait_for
from tests.flows.stack import token_of


@pytest.fixture(scope="module")
def run(product) -> str:
    """A run with a table that lacks the truth."""
    token = token_of(product.stack, "scientist")
    client = httpx.Client(base_url=product.url, headers={"Authorization": f"Bearer {token}"}, timeout=60)

    def call(path: str, **body: Any) -> dict[str, Any]:
        answer = client.post(f"/api/2.0/mlflow/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    number = call("experiments/create", name=f"Notebooks on bail {secrets.token_hex(2)}")["experiment_id"]
    made = call("runs/create", experiment_id=number, start_time=int(time.time() * 1000))["run"]["info"]
    table = {"columns": ["age", "outputs"], "data": [[20 + n % 40, n % 10 / 10] for n in range(200)]}
    place = made["artifact_uri"].partition(":/")[2].lstrip("/")
    put = client.put(f"/api/2.0/mlflow-artifacts/artifacts/{place}/eval_results_table.json", content=json.dumps(table))
    assert put.status_code == 200, put.text
    key = made["run_id"]
    return f"{key[:8]}-{key[8:12]}-{key[12:16]}-{key[16:20]}-{key[20:]}"


def test_a_table_is_judged_from_the_page_of_its_run(people, run, request):
    looks = request.config.getoption("--looks", default=None)
    person, viewer = people("scientist"), people("viewer")
    form = f"/evaluations/tables/?run={run}"
    found = faults(person, form, looks / "table-judge" if looks else None, THEMES)
    found += faults(viewer, form, None, THEMES)

    person.open(f"/runs/{run}/")
    person.follow("Evaluate by segment")
    page = person.page
    page.get_by_label("It answers the question of").select_option(label="Release on recognisance, Toronto arrests")
    page.get_by_role("button", name="Evaluate by segment").click()
    expect(page.locator("#tables")).to_be_visible()

    def settled() -> bool:
        page.reload()
        return page.locator("#tables").get_by_text("not judged").count() > 0

    wait_for(settled, 60, "the table to be read")
    expect(page.locator("#tables")).to_contain_text("The table has no column “released”, which holds the truth")
    expect(page.locator("#tables")).to_contain_text("It has “age”, “outputs”.")
    found += faults(person, f"/runs/{run}/", looks / "run-tables" if looks else None, THEMES)

    assert not found, "\n".join(found)
