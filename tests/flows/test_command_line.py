"""`fairway`, the command line: from a CSV to a prediction without a browser, and every way to be refused."""

from __future__ import annotations

import json
import stat
import uuid
from pathlib import Path

import pytest

from controlplane.stack.ports import ports_free
from controlplane.stack.testing import LiveStack
from tests.flows.processes import wait_for
from tests.flows.shell import Shell
from tests.flows.stack import Api, people_make, token_of
from tests.flows.test_stranger_api import DRAFT, boilers

TEAM = "Shell"


@pytest.fixture(scope="module")
def people(live_stack: LiveStack) -> dict[str, Api]:
    roles = {"shell-ann": "DATA_SCIENTIST", "shell-bob": "PRODUCT_OWNER", "shell-eve": "VIEWER"}
    return people_make(live_stack, {name: (role, TEAM) for name, role in roles.items()})


@pytest.fixture
def ann(live_stack: LiveStack, people: dict[str, Api], tmp_path: Path) -> Shell:
    return Shell(tmp_path, live_stack.url, people["shell-ann"].token)


def test_signing_in_keeps_a_token_that_works_for_its_owner_alone(live_stack, people, tmp_path):
    shell = Shell(tmp_path)
    kept = tmp_path / "login.json"

    assert "Sign in first" in shell.say("whoami", ends=2)
    assert "not valid" in shell.say("login", live_stack.url, "--token-stdin", text="fwy_wrong\n", ends=1)
    assert not kept.exists()
    said = shell.run("login", live_stack.url, "--token-stdin", text=people["shell-ann"].token + "\n")
    assert said.returncode == 0, said.stderr
    assert people["shell-ann"].token not in said.stdout + said.stderr
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert "shell-ann" in shell.say("whoami")
    assert "data scientist of Shell" in shell.say("whoami")

    shell.say("logout")
    assert not kept.exists()


def test_a_kept_token_is_never_sent_to_another_server(live_stack, people, tmp_path):
    shell = Shell(tmp_path)
    shell.say("login", live_stack.url, "--token-stdin", text=people["shell-ann"].token + "\n")

    elsewhere = Shell(tmp_path, "http://127.0.0.1:9")
    said = elsewhere.run("whoami")

    assert said.returncode == 2
    assert "set FAIRWAY_TOKEN" in said.stderr
    assert "no TLS" in shell.say("login", "http://fairway.example", "--token-stdin", text="x\n", ends=2)


def test_each_way_to_fail_has_its_words_and_exit_code(live_stack, people, ann, tmp_path):
    (port,) = ports_free(1)

    refused = ann.say("call", "POST", "datasets", "-d", '{"name": ""}', ends=1)
    assert "team_id: This field is required." in refused
    assert "(reference " in refused
    assert "There is no job" in ann.say("logs", "999999", ends=2)
    assert "neither a number nor an id" in ann.say("cancel", "mine", ends=2)
    assert "not JSON" in ann.say("call", "POST", "jobs", "-d", "{", ends=2)
    viewer = Shell(tmp_path, live_stack.url, people["shell-eve"].token)
    body = json.dumps({"team_id": ann.tell("whoami")["roles"][0]["team_id"], "name": "Mine"})
    assert "data scientist" in viewer.say("call", "POST", "datasets", "-d", body, ends=1)
    nobody = Shell(tmp_path, f"http://127.0.0.1:{port}", "fwy_x")
    assert "cannot be reached" in nobody.say("whoami", ends=3)


def test_a_file_comes_back_as_it_was_and_never_over_another(ann, tmp_path):
    name = f"Shell data {uuid.uuid4().hex[:6]}"
    data = "a,b\n" + "".join(f"{n},{n % 3}\n" for n in range(500))
    (tmp_path / "rows.csv").write_text(data)

    first = ann.tell("upload", name, "rows.csv", "--new", "--team", TEAM, "--role", "b=target")
    again = ann.run("upload", name, "rows.csv")

    assert (first["state"], first["row_count"]) == ("SEALED", 500)
    assert {column["name"]: column["role"] for column in first["columns"]}["b"] == "TARGET"
    assert "These bytes are version 1 already." in again.stderr
    assert name in ann.say("datasets")
    assert "exists" in ann.say("download", name, "-o", "rows.csv", ends=2)
    ann.say("download", f"{name}:1", "-o", "back.csv")
    assert (tmp_path / "back.csv").read_text() == data
    assert "has no version 7" in ann.say("download", f"{name}:7", ends=2)
    assert not list(tmp_path.glob("*.part"))


CODE = """
import csv
from pathlib import Path


def train(data: Path, label: str, rate: float = 0.1) -> dict:
    rows = list(csv.DictReader(open(data)))
    print("label", label)
    Path("outputs").mkdir(exist_ok=True)
    Path("outputs/note.txt").write_text(label)
    return {"rows": len(rows), "rate": rate}
"""


def test_a_folder_of_ones_own_is_launched_by_its_path(ann, tmp_path):
    name = f"Shell rows {uuid.uuid4().hex[:6]}"
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n3,4\n")
    ann.say("upload", name, "rows.csv", "--new", "--team", TEAM)
    folder = tmp_path / "churn"
    (folder / ".git").mkdir(parents=True)
    (folder / ".git" / "secret").write_text("not for the server")
    (folder / "train.py").write_text(CODE)

    done = ann.run("launch", "./churn", "-p", f"data={name}", "-p", "label=007", "-p", "rate=0.5", "-f", "--json")
    assert done.returncode == 0, done.stderr
    launched = json.loads(done.stdout)
    assert "label 007" in done.stderr
    run = json.loads(ann.say("call", "GET", f"runs/{launched['run_id']}"))
    assert {"rows", "rate"} <= set(run["metrics_latest"])
    assert "note.txt" in ann.say("artifacts", launched["run_id"])
    bundle = json.loads(ann.say("call", "GET", f"code-bundles/{launched['bundle_id']}"))
    assert [file["path"] for file in bundle["files"]] == ["train.py"]

    wrong = ann.say("launch", launched["bundle_id"], "-p", f"data={name}", "-p", "label=x", "-p", "rate=fast", ends=1)
    assert "rate" in wrong
    assert "There is no file or folder" in ann.say("launch", "./nowhere", ends=2)
    assert "--data" in ann.say("launch", "baseline", ends=2)


@pytest.mark.slow
def test_from_a_csv_to_a_prediction_without_a_browser(live_stack, people, ann, tmp_path):
    owner = Shell(tmp_path, live_stack.url, people["shell-bob"].token)
    team = ann.tell("whoami")["roles"][0]["team_id"]
    name = "Boilers by shell"
    draft = json.dumps({**DRAFT, "team_id": team, "name": name, "owner_id": owner.tell("whoami")["id"]})
    begun = json.loads(ann.say("call", "POST", "problems", "-d", draft))["open"]["id"]
    ann.say("call", "POST", f"problem-versions/{begun}/submit")
    owner.say("call", "POST", f"problem-versions/{begun}/accept", "-d", "{}")
    (tmp_path / "boilers.csv").write_bytes(boilers())
    roles = [word for role in ("failed=TARGET", "serial=ID", "tenancy=SEGMENT") for word in ("--role", role)]
    ann.say("upload", "Boilers", "boilers.csv", "--new", "--team", TEAM, "--problem", name, "--source", "us", *roles)

    told = ann.run("launch", "baseline", "--data", "Boilers", "--problem", name, "--follow")
    assert told.returncode == 0, told.stderr
    assert "Logging" in told.stdout or "rows" in told.stdout
    model = ann.tell("models", "--problem", name)[0]["name"]
    made = ann.tell(
        "launch", "logistic_regression", "--data", "Boilers:1", "--problem", name, "-p", "C=0.5", "--follow"
    )
    assert made["params"]["C"] == 0.5
    assert "succeeded" in ann.say("jobs", "--kind", "train")

    judged = ann.run("evaluate", model, "--baseline", f"{model}:1", "--follow")
    assert judged.returncode in (0, 4), judged.stderr
    assert "Order of risk" in judged.stdout
    evaluation = ann.tell("evaluations", "--problem", name)[0]
    ann.say("export", str(evaluation["number"]), "--format", "html", "-o", "report.html")
    assert "<html" in (tmp_path / "report.html").read_text()
    asked = ann.tell("request", model, "--evaluation", str(evaluation["number"]), "-m", "Please look at old boilers.")
    number = str(asked["number"])
    assert "own" in ann.say("decide", number, "approve", "--reason", "Mine is good.", ends=1)
    confirmed = [] if judged.returncode == 0 else ["--override", "version 2"]
    approved = owner.tell("decide", number, "approve", "--reason", "It finds the old ones.", *confirmed)
    assert approved["state"] == "APPROVED"

    live = wait_for(lambda: owner.tell("deployments", "--problem", name), 30, "the deployment")[0]
    asking = Shell(tmp_path, live_stack.url, token_of(live_stack, "shell-ann", "predict", "read"))
    row = json.dumps({"age": 23, "pressure": 2.4, "serviced": "no", "region": "east"})

    def answered() -> str | None:
        done = asking.run("predict", live["name"], text=row)
        return done.stdout if done.returncode == 0 else None

    assert "yes" in wait_for(answered, 30, "the first prediction")
    wrong = asking.say("predict", live["name"], text=row.replace("23", '"old"'), ends=1)
    assert "age" in wrong
    owner.say("pause", live["name"], "--reason", "A look at the sensors.")
    wait_for(lambda: asking.run("predict", live["name"], text=row).returncode != 0, 10, "the pause at the door")
