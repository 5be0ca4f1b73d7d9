"""An evaluation dataset as MLflow's client makes it, looked at in the browser."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from tests.e2e.looking import THEMES, faults
from tests.flows.stack import token_of

NAME = f"Questions on bail {secrets.token_hex(2)}"
LONG = "Who decides whether somebody is released, and on what grounds? " * 40


@dataclass
class Made:
    """The pages of a dataset with records and of one without any."""

    full: str
    empty: str


@pytest.fixture(scope="module")
def made(product) -> Made:
    token = token_of(product.stack, "scientist")
    client = httpx.Client(base_url=product.url, headers={"Authorization": f"Bearer {token}"}, timeout=60)

    def call(path: str, **body: Any) -> dict[str, Any]:
        answer = client.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def page(name: str, experiment: str) -> str:
        tags = json.dumps({"stage": "draft", "language": "en"})
        told = call("/api/3.0/mlflow/datasets/create", name=name, experiment_ids=[experiment], tags=tags)["dataset"]
        key = told["dataset_id"].removeprefix("d-")
        return f"{key[:8]}-{key[8:12]}-{key[12:16]}-{key[16:20]}-{key[20:]}"

    number = call("/api/2.0/mlflow/experiments/create", name=f"Advice on bail {secrets.token_hex(2)}")["experiment_id"]
    full, empty = page(NAME, number), page(f"{NAME}, none yet", number)
    trace = {"source_type": "TRACE", "source_data": {"trace_id": "tr-" + secrets.token_hex(16)}}
    records = [
        {"inputs": {"question": "What is bail?"}, "expectations": {"answer": "A security for release."}},
        {"inputs": {"question": "Who decides?"}, "outputs": "A judge.", "tags": {"kind": "role"}, "source": trace},
        {"inputs": {"question": LONG}, "expectations": {"answer": LONG, "facts": ["one", "two"]}},
        *({"inputs": {"question": f"Question {n}?"}, "expectations": {"answer": f"{n}"}} for n in range(60)),
    ]
    call(f"/api/3.0/mlflow/datasets/d-{full.replace('-', '')}/records", records=json.dumps(records))
    return Made(f"/experiments/evaluation-datasets/{full}/", f"/experiments/evaluation-datasets/{empty}/")


def test_the_pages_of_evaluation_datasets_are_whole(people, made, request):
    looks = request.config.getoption("--looks", default=None)
    person = people("scientist")
    paths = {"list": "/experiments/evaluation-datasets/", "full": made.full, "empty": made.empty}

    found = [
        fault for name, path in paths.items() for fault in faults(person, path, looks / name if looks else None, THEMES)
    ]
    person.open(made.full)
    person.follow(re.compile("Who decides whether"), within=person.page.get_by_role("table"))
    record = person.page.url.removeprefix(person.product.url)
    found += faults(person, record, looks / "record" if looks else None, THEMES)
    newcomer = people("newcomer")
    found += faults(newcomer, paths["list"], looks / "none" if looks else None, THEMES)
    expect(newcomer.page.get_by_role("heading", name="No evaluation dataset yet")).to_be_visible()

    assert not found, "\n".join(found)


def test_a_person_finds_a_record_puts_the_dataset_away_and_brings_it_back(people, made):
    person = people("scientist")
    page = person.page
    person.open("/experiments/")
    person.follow("Evaluation datasets", within=page.get_by_role("main"))
    person.follow(NAME, within=page.get_by_role("table"))
    expect(page.get_by_role("heading", level=1, name=NAME)).to_be_visible()
    page.get_by_role("searchbox", name="Find in the records").fill("judge")
    expect(page.locator("#table-records tbody tr")).to_have_count(1)
    person.follow(re.compile("Who decides\\?"), within=page.get_by_role("table"))
    expect(page.get_by_role("region", name="Outputs of the record")).to_have_text("A judge.")
    expect(page.get_by_role("link", name="find it")).to_be_visible()

    person.open(made.full)
    page.get_by_label("More actions").click()
    person.press("Use in Python")
    expect(page.get_by_role("dialog")).to_contain_text("datasets.get_dataset")
    person.press("Close")
    page.get_by_label("More actions").click()
    person.press("Archive")
    expect(page.get_by_text("clients do not find it any more")).to_be_visible()
    person.open("/experiments/evaluation-datasets/")
    expect(page.get_by_role("link", name=NAME, exact=True)).to_have_count(0)
    person.follow("Archived")
    person.follow(NAME)
    assert faults(person, made.full) == []
    page.get_by_label("More actions").click()
    person.press("Restore")
    expect(page.get_by_text("Back in the lists.")).to_be_visible()
