"""A model in service on a live product: versions to approve, callers, and what the log and the disk hold."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import httpx
import psutil
import psycopg

from controlplane.stack.embedded import embedded_urls
from controlplane.stack.testing import LiveStack
from tests.flows.processes import wait_for
from tests.flows.stack import Api, key, people_make

TEAM = "Water works"
PEOPLE = {
    "pump-scientist": ("DATA_SCIENTIST", TEAM),
    "pump-owner": ("PRODUCT_OWNER", TEAM),
    "pump-operator": ("OPERATOR", TEAM),
    "pump-caller": ("OPERATOR", TEAM),
    "pump-admin": ("ADMINISTRATOR", ""),
}
DRAFT: dict[str, Any] = {
    "question": "Will this pump fail within a month?",
    "decision_served": "Whether a fitter looks at it.",
    "population": "Pumps of the water works.",
    "unit_of_prediction": "one pump",
    "task": "BINARY",
    "target": "failed",
    "positive_label": "yes",
    "positive_word": "fails",
    "negative_word": "holds",
    "risk_class": "LOW",
    "decision_mode": "ASSIST",
    "error_costs": {"currency": "EUR", "false_positive": 10_000, "false_negative": 30_000},
    "label_delay_days": 30,
    "least_support": {"rows": 50, "positives": 5, "negatives": 5},
    "objectives": [
        {
            "name": "Order of risk",
            "metric": "roc_auc",
            "direction": "MAXIMISE",
            "comparison": "ABSOLUTE",
            "scope": "OVERALL",
            "limit": 0.6,
        }
    ],
    "segments": [
        {
            "name": "Age",
            "expression": "age",
            "bands": {"edges": [10], "labels": ["new", "old"]},
            "purpose": "PERFORMANCE",
        }
    ],
}
ROW: dict[str, Any] = {"age": 21, "pressure": 2.25, "kind": "screw"}


def pumps(rows: int = 3_000) -> bytes:
    """Pumps that fail by age and pressure."""
    draw = random.Random(7)
    lines = ["number,age,pressure,kind,failed"]
    for number in range(rows):
        age, pressure, kind = draw.randrange(0, 25), round(draw.gauss(1.6, 0.4), 2), draw.choice(["screw", "rotor"])
        failed = draw.random() < (0.05 + 0.03 * age if pressure < 2 else 0.9)
        lines.append(f"p{number},{age},{pressure},{kind},{'yes' if failed else 'no'}")
    return ("\n".join(lines) + "\n").encode()


@dataclass
class Service:
    """A problem with evaluated versions of one model, and the deployment once one is approved."""

    stack: LiveStack
    people: dict[str, Api]
    team: str
    problem: str
    versions: list[str]
    evaluations: list[str]
    deployment: dict[str, Any] = field(default_factory=dict)

    @property
    def owner(self) -> Api:
        return self.people["pump-owner"]

    @property
    def scientist(self) -> Api:
        return self.people["pump-scientist"]

    @property
    def name(self) -> str:
        return str(self.deployment["name"])

    def look(self) -> dict[str, Any]:
        """The deployment as it is now."""
        self.deployment = self.owner.get(f"deployments/{self.deployment['id']}")
        return self.deployment

    def approve(self, index: int) -> str:
        """Ask for a version and approve it; the request's id. Its rollout has begun then."""
        sent = self.request(self.versions[index], self.evaluations[index])
        self.decide(sent, index + 1)
        return str(sent["id"])

    def request(self, version: str, evaluation: str) -> dict[str, Any]:
        """Ask for a version on the evidence of an evaluation."""
        body = {"model_version_id": version, "evaluation_id": evaluation}
        return dict(self.scientist.post("requests", body, key=key()))

    def decide(self, sent: dict[str, Any], number: int) -> None:
        """The owner approves what was asked for; its rollout has begun then."""
        vote = {
            "vote": "APPROVE",
            "reason": "It is good enough.",
            "evidence_digest": sent["evidence_digest"],
            "override_confirmation": f"version {number}",
        }
        self.owner.post(f"requests/{sent['id']}/decision", vote)
        rows = self.owner.get("deployments", problem=self.problem)["results"]
        self.deployment = next(row for row in rows if row["state"] != "RETIRED")

    def switch(self, verb: str) -> dict[str, Any]:
        """Press a switch, with a reason."""
        return dict(self.owner.post(f"deployments/{self.deployment['id']}/{verb}", {"reason": "a test"}, status=200))

    def wait_live(self, index: int, seconds: float = 60) -> None:
        """Wait until the version is live and answers at the door."""
        wait_for(lambda: self.live() == self.versions[index], seconds, f"version {index + 1} to be live")
        wait_for(lambda: self.answered_by() == index + 1, 20, f"an answer of version {index + 1}")

    def live(self) -> str | None:
        rows = self.look()["rollouts"]
        return next((str(row["model_version_id"]) for row in rows if row["state"] == "LIVE"), None)

    def live_make(self, index: int) -> None:
        """Make a version live by whatever way is open: an approval that stands, or a new one."""
        if self.deployment and self.live() == self.versions[index]:
            return
        rows = self.look()["rollouts"] if self.deployment else []
        for row in rows:
            if row["model_version_id"] == self.versions[index]:
                answer = self.people["pump-operator"].call(
                    "POST", "deployments", {"request_id": row["request_id"]}, key=key()
                )
                if answer.status == 201:
                    break
        else:
            self.approve(index)
        self.wait_live(index)

    def ask(self, row: dict[str, Any] | None = None, *, token: str = "", rows: int = 1) -> httpx.Response:
        """One call of /invocations."""
        return httpx.post(
            f"{self.stack.gateway_url}/{self.name}/invocations",
            json={"dataframe_records": [row or ROW] * rows},
            headers={"Authorization": f"Bearer {token or self.people['pump-caller'].token}"},
            timeout=10,
            trust_env=False,
        )

    def infer(self, client: httpx.Client) -> httpx.Response:
        """One call of the inference protocol, which says the version that answered."""
        tensors = [
            {"name": "age", "datatype": "INT64", "shape": [1], "data": [ROW["age"]]},
            {"name": "pressure", "datatype": "FP64", "shape": [1], "data": [ROW["pressure"]]},
            {"name": "kind", "datatype": "BYTES", "shape": [1], "data": [ROW["kind"]]},
        ]
        headers = {"Authorization": f"Bearer {self.people['pump-caller'].token}"}
        return client.post(f"/v2/models/{self.name}/infer", json={"inputs": tensors}, headers=headers)

    def answered_by(self) -> int | None:
        """The number of the version that answers now; None when nobody does."""
        with httpx.Client(base_url=self.stack.gateway_url, timeout=10, trust_env=False) as client:
            try:
                answer = self.infer(client)
            except httpx.TransportError:
                return None
        return int(answer.json()["model_version"]) if answer.status_code == 200 else None

    def stored(self, query: str, *values: Any) -> Any:
        """The first column of the first row of a question to the database."""
        with psycopg.connect(embedded_urls(self.stack.config)[0]) as source:
            row = source.execute(query, values).fetchone()
        return row[0] if row else None

    def count(self, status: int | None = None) -> int:
        """How many rows of the deployment the log holds."""
        query = "SELECT count(*) FROM deployments_predictionlog WHERE deployment_id = %s"
        values: list[Any] = [self.deployment["id"]]
        if status is not None:
            query, values = f"{query} AND status = %s", [*values, status]
        return int(self.stored(query, *values))

    def log_quiet(self) -> bool:
        """Whether nothing waits in the gateway's spool: what was asked is in the database."""
        return not any(path.suffix in (".open", ".rows") for path in (self.stack.home / "gateway" / "spool").iterdir())

    def serial(self) -> int:
        """The serial of the routes that the gateway follows; 0 while it does not answer."""
        try:
            return int(httpx.get(f"{self.stack.gateway_url}/health/ready", trust_env=False).json().get("serial", 0))
        except (httpx.TransportError, ValueError):
            return 0

    def hosts(self) -> list[psutil.Process]:
        """The host processes of the gateway."""
        found = []
        for process in self.stack.family():
            try:
                if "workers.serving.host" in process.cmdline():
                    found.append(process)
            except psutil.Error:
                continue
        return found


def service_make(
    stack: LiveStack, name: str = "Pump failures", strengths: tuple[float, ...] = (1.0, 0.1, 0.01)
) -> Service:
    """From nothing to evaluated versions, one for each strength, by the API."""
    people = people_make(stack, PEOPLE)
    scientist, owner = people["pump-scientist"], people["pump-owner"]
    team = next(row["id"] for row in scientist.get("teams")["results"] if row["name"] == TEAM)
    made = scientist.post("problems", {"team_id": team, "name": name}, key=key())
    problem, draft = made["id"], made["open"]["id"]
    change = DRAFT | {"owner_id": owner.get("me")["id"], "row_version": made["open"]["row_version"]}
    scientist.call("PATCH", f"problem-versions/{draft}", change).expect(200)
    submitted = scientist.post(f"problem-versions/{draft}/submit", status=200)
    guard = {"row_version": submitted["row_version"]}
    owner.post(f"problem-versions/{draft}/accept", guard, status=200)
    data = _data_make(scientist, team, problem, f"Data of {name}")
    launches = [
        scientist.post(
            "launches",
            {
                "dataset_version_id": data,
                "problem_id": problem,
                "recipe": "logistic_regression",
                "params": {"C": strength},
            },
            key=key(),
        )
        for strength in strengths
    ]
    found = {}
    for launch in launches:
        scientist.ended(launch["job_id"])
        version = scientist.get(f"launches/{launch['id']}")["model_version_id"]
        found[scientist.get(f"versions/{version}")["number"]] = str(version)
    versions = [found[number] for number in sorted(found)]
    evaluations = [scientist.post("evaluations", {"model_version_id": pk}, key=key()) for pk in versions]
    for evaluation in evaluations:
        scientist.ended(evaluation["job_id"])
    return Service(stack, people, team, problem, versions, [str(row["id"]) for row in evaluations])


def _data_make(scientist: Api, team: str, problem: str, name: str) -> str:
    fields = {"team_id": team, "name": name, "problem_id": problem, "source": "the works' own book"}
    dataset = scientist.post("datasets", fields, key=key())["id"]
    data = pumps()
    upload = scientist.post(f"datasets/{dataset}/uploads", {"filename": "pumps.csv", "size": len(data)})["id"]
    scientist.call("PUT", f"uploads/{upload}/parts", data=data, offset=0).expect(200)
    version = scientist.call("POST", f"uploads/{upload}/complete").expect(200)["version"]
    scientist.ended(version["job_id"])
    roles = {"failed": "TARGET", "number": "ID"}
    scientist.call("PUT", f"dataset-versions/{version['id']}/roles", {"roles": roles}).expect(200)
    return str(version["id"])
