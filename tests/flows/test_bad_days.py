"""Bad days over HTTP: two deciders, stale forms, wrong hosts and origins, hostile files, secrets in logs."""

from __future__ import annotations

import http.client
import re
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from apps.home.demo.facts import DATASET, PROBLEM
from controlplane.stack.testing import LiveStack
from tests.e2e.product import Product
from tests.flows.processes import wait_for
from tests.flows.stack import Answer, Api, Gateway, people_make, token_of

TEAM = "Pretrial services"
PASSWORD = "a long test password"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><script>document.title = 'run'</script>\n<img src=x onerror=alert(1)>\n"


@pytest.fixture(scope="module")
def live_stack(product: Product) -> LiveStack:
    """The product with the demo, whose waiting request the first test decides."""
    return product.stack


@pytest.fixture(scope="module")
def people(live_stack: LiveStack) -> dict[str, Api]:
    """The demo's three, and a second owner, who may decide too."""
    scopes = ("read", "write", "decide", "admin")
    found = {name: Api(live_stack.url, token_of(live_stack, name, *scopes)) for name in ("scientist", "owner", "admin")}
    return found | people_make(live_stack, {"owner2": ("PRODUCT_OWNER", TEAM), "writer": ("DATA_SCIENTIST", TEAM)})


def browser(stack: LiveStack, username: str) -> httpx.Client:
    """A signed-in session, as a browser keeps it."""
    client = httpx.Client(base_url=stack.url, timeout=30, trust_env=False)
    form = token_in(client.get("/accounts/login/").text)
    fields = {"login": username, "password": PASSWORD, "csrfmiddlewaretoken": form}
    answer = client.post("/accounts/login/", data=fields, headers={"Origin": stack.url})
    assert answer.status_code == 302, answer.text[:1500]
    return client


def token_in(page: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert found, page[:1500]
    return found[1]


def raw(url: str, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> tuple[int, dict[str, str]]:
    """A request line exactly as written; libraries would tidy the path."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=20)
    connection.putrequest(method, path, skip_host="Host" in headers, skip_accept_encoding=True)
    for name, value in {**headers, "Content-Length": str(len(body))}.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}


def test_two_people_decide_at_once_and_one_of_them_is_told(people):
    first, second = people["owner"], people["owner2"]
    (request,) = [row for row in first.get("requests")["results"] if row["state"] == "OPEN"]
    vote = {"reason": "We do not agree.", "evidence_digest": request["evidence_digest"]}
    votes = {"APPROVE": first, "REFUSE": second}
    start, answers = threading.Barrier(2), dict[str, Answer]()

    def decide(word: str, person: Api) -> None:
        body = vote | {"vote": word, "override_confirmation": "version 3"}
        start.wait(10)
        answers[word] = person.call("POST", f"requests/{request['id']}/decision", body)

    threads = [threading.Thread(target=decide, args=entry) for entry in votes.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(answer.status for answer in answers.values()) == [201, 409], answers
    (winner,) = [word for word, answer in answers.items() if answer.status == 201]
    told = next(answer for answer in answers.values() if answer.status == 409)
    assert told.body["code"] == "request_ended"
    after = first.get(f"requests/{request['id']}")
    assert after["state"] == {"APPROVE": "APPROVED", "REFUSE": "REJECTED"}[winner]
    assert [row["vote"] for row in after["decisions"]] == [winner]
    entries = people["admin"].get("audit", object_id=request["id"])["results"]
    assert len([row for row in entries if row["action"] in {"approval.approve", "approval.refuse"}]) == 1


def test_a_stale_form_shows_both_versions_and_changes_nothing(live_stack, people):
    scientist = people["writer"]
    team = next(row["id"] for row in scientist.get("teams")["results"] if row["name"] == TEAM)
    problem = scientist.post("problems", {"team_id": team, "name": "Stale form", "question": "As it began?"})
    draft, where = problem["open"]["id"], f"/problems/{problem['id']}/edit/"
    client = browser(live_stack, "writer")
    form = client.get(where).text
    fields = {
        name: value
        for name, value in re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', form)
        if name != "csrfmiddlewaretoken"
    }
    fields |= {"question": "As I would have it?", "action": "save", "csrfmiddlewaretoken": token_in(form)}
    scientist.call("PATCH", f"problem-versions/{draft}", {"question": "As somebody else wrote?"}).expect(200)

    answer = client.post(where, data=fields)

    assert answer.status_code == 409
    assert "Both versions" in answer.text
    assert "As somebody else wrote?" in answer.text
    assert "As I would have it?" in answer.text
    assert scientist.get(f"problem-versions/{draft}")["question"] == "As somebody else wrote?"


def test_a_wrong_host_is_a_400_whatever_the_page(live_stack):
    for path in ("/", "/accounts/login/", "/api/v1/me"):
        status, _ = raw(live_stack.url, "GET", path, {"Host": "evil.example"})
        assert status == 400, path


def test_another_site_cannot_ride_a_session(live_stack, people):
    client = browser(live_stack, "writer")
    team = next(row["id"] for row in people["writer"].get("teams")["results"] if row["name"] == TEAM)
    before = len(people["writer"].get("problems", page_size=200)["results"])
    form = token_in(client.get("/problems/new/").text)
    evil = {"Origin": "http://evil.example"}

    by_json = client.post("/api/v1/problems", json={"team_id": team, "name": "Ridden"}, headers=evil)
    known = {"X-CSRFToken": form, **evil}
    by_json_with_token = client.post("/api/v1/problems", json={"team_id": team, "name": "Ridden"}, headers=known)
    without_token = client.post("/api/v1/problems", json={"team_id": team, "name": "Ridden"})
    by_form = client.post("/problems/new/", data={"name": "Ridden", "csrfmiddlewaretoken": form}, headers=evil)

    statuses = [answer.status_code for answer in (by_json, by_json_with_token, without_token, by_form)]
    assert statuses == [403] * 4
    assert len(people["writer"].get("problems", page_size=200)["results"]) == before


def test_hostile_files_do_nothing_and_come_back_as_attachments(live_stack, people):
    scientist = people["writer"]
    dataset = next(row["id"] for row in scientist.get("datasets")["results"] if row["name"] == DATASET)
    version = scientist.get(f"datasets/{dataset}/versions")["results"][0]["id"]
    problem = next(row["id"] for row in scientist.get("problems")["results"] if row["name"] == PROBLEM)
    slow = {"max_iter": 5000, "learning_rate": 0.001, "early_stopping": False}
    launch = scientist.post(
        "launches",
        {"dataset_version_id": version, "problem_id": problem, "recipe": "hist_gradient_boosting", "params": slow},
    )
    experiment = scientist.get(f"experiments/{launch['experiment_id']}")["number"]
    run = f"{experiment}/{launch['run_id'].replace('-', '')}/artifacts"
    bearer = {"Authorization": f"Bearer {scientist.token}"}
    files = set(all_files(live_stack.home))

    for path in ("../../evil.txt", "%2e%2e/%2e%2e/evil.txt", "a/../../../evil.txt", "..%2f..%2fevil.txt", "/evil.txt"):
        status, _ = raw(live_stack.url, "PUT", f"/api/2.0/mlflow-artifacts/artifacts/{run}/{path}", bearer, b"x")
        assert 400 <= status < 500, path
    for name, data in (("page.html", HTML), ("picture.svg", SVG)):
        where = f"/api/2.0/mlflow-artifacts/artifacts/{run}/{name}"
        assert raw(live_stack.url, "PUT", where, bearer, data)[0] == 200
        for address in (where, f"/api/v1/runs/{launch['run_id']}/artifacts/{name}"):
            status, headers = raw(live_stack.url, "GET", address, bearer)
            assert status == 200, address
            assert headers["content-disposition"].startswith("attachment"), address
            assert headers["content-type"].startswith("application/octet-stream"), address
            assert headers["x-content-type-options"] == "nosniff"
            assert "sandbox" in headers["content-security-policy"]
    scientist.call("POST", f"jobs/{launch['job_id']}/cancel", {"reason": "only a run to write to"}).expect(200)
    assert not [name for name in set(all_files(live_stack.home)) - files if name.endswith("evil.txt")]

    team = scientist.get(f"datasets/{dataset}")["team_id"]
    mine = scientist.post("datasets", {"team_id": team, "name": "Hostile files"})["id"]
    for filename, data, code in (
        ("../../evil.csv", b"a,b\n1,2\n", 201),
        ("page.html", HTML, 400),
        ("picture.svg", SVG, 400),
        ("table.csv", HTML, 201),
    ):
        begun = scientist.call("POST", f"datasets/{mine}/uploads", {"filename": filename, "size": len(data)})
        assert begun.status == code, (filename, begun.text)
        if code == 201:
            upload = begun.body["id"]
            assert ".." not in begun.body["filename"]
            scientist.call("PUT", f"uploads/{upload}/parts", data=data, offset=0).expect(200)
            done = scientist.call("POST", f"uploads/{upload}/complete")
            assert done.status in {200, 400}, done.text
            if done.status == 200:
                where = f"/api/v1/dataset-versions/{done.body['version']['id']}/file"
                _, headers = raw(live_stack.url, "GET", where, bearer)
                assert headers["content-disposition"].startswith("attachment")
                assert "sandbox" in headers["content-security-policy"]
    assert not [name for name in all_files(live_stack.home) if name.endswith(("evil.csv", "evil.txt"))]
    wait_for(lambda: scientist.get(f"jobs/{launch['job_id']}")["state"] == "CANCELLED", 30, "the cancelled job")


def test_no_secret_stands_in_any_log(live_stack, people):
    predict = token_of(live_stack, "scientist", "predict")
    Gateway(live_stack.gateway_url, predict).infer("nothing", {"age": ("INT64", 1)})
    wrong = Api(live_stack.url, "fwt_" + "wrong" * 8)
    assert wrong.call("GET", "me").status == 401
    for person in people.values():
        person.call("POST", "problems", {"nonsense": person.token})
    client = browser(live_stack, "writer")
    cookies = list(client.cookies.jar)
    assert client.get("/").status_code == 200

    secrets = [predict, wrong.token, PASSWORD, *(person.token for person in people.values())]
    secrets += [cookie.value or "" for cookie in cookies]
    secrets += [path.read_text().strip() for path in (live_stack.home / "secrets").iterdir()]
    logs = [path for path in all_files(live_stack.home) if path.endswith((".log", "output.txt")) or "/logs/" in path]
    assert len(logs) > 5
    for path in logs:
        text = Path(path).read_text(errors="replace")
        assert not [secret for secret in secrets if len(secret) > 8 and secret in text], path
        assert not re.search(r"\bfw[rt]_[A-Za-z0-9_-]{24,}", text), path


def all_files(home: Path) -> list[str]:
    """Every file below the home, and beside it."""
    found: list[Any] = [path for path in home.rglob("*") if path.is_file()]
    return [str(path) for path in [*found, *home.parent.glob("*.txt"), *home.parent.glob("*.csv")]]
