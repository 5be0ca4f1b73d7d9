"""A stranger's way through the browser, by what can be read on the pages: from a question to an answering model."""

from __future__ import annotations

import json
import math
import random
import re
import secrets
import shlex
import subprocess
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.e2e.browsing import Person
from tests.flows.processes import wait_for

PROBLEM = f"Boilers before winter {secrets.token_hex(2)}"
ROWS = 6_000
LAUNCH_CLICKS = 3
DECISION_CLICKS = 2
SLOW = 60_000


def boilers(path: Path) -> Path:
    """A CSV of one's own: age and a missed service raise the risk of failing; the region says nothing."""
    draw = random.Random(7)
    lines = ["serial,age,serviced,region,tenancy,failed"]
    for number in range(ROWS):
        age, serviced = draw.randrange(25), draw.choice(["yes", "no"])
        region, tenancy = draw.choice(["north", "east", "south"]), draw.choice(["rented", "owned"])
        risk = -3.2 + 0.17 * age + (1.4 if serviced == "no" else 0)
        failed = "yes" if draw.random() < 1 / (1 + math.exp(-risk)) else "no"
        lines.append(f"b{number:05},{age},{serviced},{region},{tenancy},{failed}")
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_stranger_with_a_csv_gets_an_approved_model_that_answers(people, tmp_path):
    scientist, owner = people("fitter"), people("foreman")
    problem_written(scientist)
    problem_accepted(owner)
    data_uploaded(scientist, boilers(tmp_path / "boilers.csv"))
    training_launched(scientist)
    version_evaluated(scientist)
    approval_asked(scientist)
    approval_given(owner)
    model_tried(owner)
    token = token_made(scientist)
    called_by_curl(scientist, token)
    switches_seen(owner)


def heading(page: Page, text: str | re.Pattern[str]) -> None:
    """The page's first heading, awaited."""
    expect(page.get_by_role("heading", level=1, name=text)).to_be_visible()


def problem_written(person: Person) -> None:
    page = person.page
    person.open("/")
    person.follow("Problems")
    person.follow("Register a problem")
    field(page, "Name").fill(PROBLEM)
    person.press("Begin the draft")
    for label, text in {
        "Question": "Will this boiler fail within the next winter?",
        "Decision served": "Whether a fitter visits before the winter.",
        "Population": "Boilers under a service contract.",
        "One row is": "one boiler",
        "Column with the true answer": "failed",
        "Value that counts as positive": "yes",
        "In words, positive": "will fail",
        "In words, negative": "will hold",
        "Wrongly predicted positive costs": "90",
        "Wrongly predicted negative costs": "360",
        "The true answer is known after": "120",
    }.items():
        field(page, label).fill(text)
    field(page, "Product owner").select_option(label="foreman")
    field(page, "Risk class").select_option(label="medium")
    field(page, "Who decides").select_option(index=1)
    person.press("Add a segment")
    segment = page.get_by_role("group", name="Segment 1")
    field(segment, "Name").fill("Tenancy")
    field(segment, "Column or condition").fill("tenancy")
    field(segment, "Purpose").select_option(label="protected")
    person.press("Add an objective")
    objective = page.get_by_role("group", name="Objective 1")
    field(objective, "Measure").select_option(label="ROC AUC")
    field(objective, "Limit").fill("0.7")
    person.press("Save and send for acceptance")
    heading(page, PROBLEM)


def field(where: Page | Locator, label: str) -> Locator:
    """The field of this label, whether or not "optional" stands behind it."""
    return where.get_by_label(re.compile(rf"^{re.escape(label)}( optional)?$"))


def problem_accepted(person: Person) -> None:
    page = person.page
    person.open("/")
    person.follow(re.compile(PROBLEM), within=page.get_by_role("region", name="Waits for you"))
    person.press("Accept version 1")
    person.press("Accept and seal")
    expect(page.get_by_text("accepted", exact=True).first).to_be_visible()


def data_uploaded(person: Person, file: Path) -> None:
    page = person.page
    person.follow("Data")
    person.follow("Register a dataset")
    field(page, "Name").fill(f"Service book {PROBLEM[-4:]}")
    field(page, "Problem").select_option(label=PROBLEM)
    person.press("Register")
    page.get_by_label("File").set_input_files(file)
    person.press("Upload")
    expect(page.get_by_role("button", name="Save roles")).to_be_visible(timeout=SLOW)
    expect(page.get_by_text(f"{ROWS:,}".replace(",", "\u202f")).first).to_be_visible()
    page.get_by_label("Role of failed").select_option(label="target")
    page.get_by_label("Role of serial").select_option(label="id")
    page.get_by_label("Role of tenancy").select_option(label="segment only")
    person.press("Save roles")
    expect(page.get_by_text("The roles are saved.")).to_be_visible()


def training_launched(person: Person) -> None:
    page = person.page
    person.clicks = 0
    person.follow("Launch training")
    person.click(page.get_by_role("radio", name="Logistic regression"))
    person.press(re.compile("^Launch training"))
    heading(page, re.compile(r"^Job \d+: "))
    assert person.clicks == LAUNCH_CLICKS
    expect(page.get_by_role("log")).to_contain_text("logistic", ignore_case=True, timeout=SLOW)
    expect(page.get_by_text("It succeeded.")).to_be_visible(timeout=SLOW)
    person.follow("Open", within=page.get_by_role("main"))
    heading(page, re.compile("version 1$"))


def version_evaluated(person: Person) -> None:
    page = person.page
    person.press("Evaluate", within=page.get_by_role("region", name="Evaluation"))
    expect(page.get_by_role("heading", name="Gates")).to_be_visible(timeout=SLOW)
    heading(page, re.compile(r"^Evaluation \d+"))
    expect(page.get_by_text("ROC AUC").first).to_be_visible()


def approval_asked(person: Person) -> None:
    page = person.page
    person.follow("Request approval", within=page.get_by_role("main"))
    field(page, "What the deciders should know").fill("It finds the old boilers; please look at the tenants.")
    person.press("Send request")
    heading(page, re.compile(r"^Request \d+"))
    expect(page.get_by_text("foreman can decide")).to_be_visible()


def approval_given(person: Person) -> None:
    page = person.page
    person.open("/")
    person.clicks = 0
    person.follow(re.compile(PROBLEM), within=page.get_by_role("region", name="Waits for you"))
    field(page, "Reason").fill("It finds the old ones, in rented homes too.")
    person.press("Approve")
    expect(page.get_by_text("approved", exact=True).first).to_be_visible()
    assert person.clicks == DECISION_CLICKS


def model_tried(person: Person) -> None:
    page = person.page
    person.follow("Deployments")
    person.follow(re.compile("boilers-before-winter"))
    expect(page.get_by_role("heading", name="Try it")).to_be_visible(timeout=SLOW)
    field(page, "age").fill("23")
    field(page, "serviced").select_option(label="no")
    field(page, "region").select_option(label="east")
    person.press("Ask the model")
    expect(page.get_by_text("Decided at")).to_be_visible()
    # Who asks by keyboard asks once more from where they are.
    expect(page.get_by_role("button", name="Ask the model")).to_be_focused()


def token_made(person: Person) -> str:
    page = person.page
    person.click(page.get_by_label(re.compile("menu of")))
    person.follow("API tokens")
    person.follow("Create a token")
    field(page, "Name").fill("heating app")
    page.get_by_label(re.compile("redict")).check()
    person.press("Create token")
    heading(page, "Copy heating app now")
    token = page.get_by_text(re.compile("^fw")).inner_text()
    person.follow("I have copied it")
    return token


def called_by_curl(person: Person, token: str) -> None:
    page = person.page
    person.follow("Deployments")
    person.follow(re.compile("boilers-before-winter"))
    command = page.get_by_text(re.compile("^curl ")).first.inner_text()
    words = [word for word in shlex.split(command.replace("\\\n", " ")) if word != "curl"]
    words = [word.replace("$FAIRWAY_TOKEN", token) for word in words]

    def answer() -> dict[str, Any] | None:
        """A fresh token reaches the gateway within a moment."""
        done = subprocess.run(["curl", "-sS", *words], capture_output=True, text=True, timeout=20, check=True)
        body = json.loads(done.stdout)
        return body if "predictions" in body else None

    body = wait_for(answer, 20, "a prediction by the example call")
    assert body["predictions"], body


def switches_seen(person: Person) -> None:
    page = person.page
    expect(page.get_by_role("button", name="Kill switch")).to_be_visible()
    person.press("Kill switch")
    dialog = page.get_by_role("dialog", name="Use the kill switch?")
    expect(dialog.get_by_label("Reason")).to_be_visible()
    person.press("Keep as it is", within=dialog)
    expect(dialog).to_be_hidden()
