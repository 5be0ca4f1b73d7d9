"""The pages of traces: what they show, to whom, and what may be done on them."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.tests.factories import user_make
from apps.audit.models import AuditEvent
from apps.core.actors import Actor, Role
from apps.experiments.models import Experiment
from apps.experiments.tests.factories import experiment_make, run_make, scientist
from apps.traces import services
from apps.traces.contracts import AssessmentDraft
from apps.traces.models import Assessment, Trace
from apps.traces.selectors import branches_ordered, span_tree
from apps.traces.tests.factories import MS, START_NS, span_make, trace_make

pytestmark = pytest.mark.django_db


@pytest.fixture
def author() -> Actor:
    return scientist()[0]


@pytest.fixture
def experiment(author: Actor) -> Experiment:
    from apps.accounts.models import Team

    return experiment_make(author, Team.objects.get(pk=next(iter(author.team_ids() or ()))))


def browser(experiment: Experiment, role: Role = Role.DATA_SCIENTIST) -> Client:
    client = Client()
    client.force_login(user_make(role=role, team=experiment.team))
    return client


def page_of(client: Client, name: str, pk: object, **query: object) -> str:
    answer = client.get(reverse(name, args=[pk]), query)
    assert answer.status_code == 200, answer.status_code
    return str(answer.content.decode())


def test_a_list_says_what_each_trace_did(author: Actor, experiment: Experiment):
    trace = trace_make(author, experiment)
    trace_make(
        author,
        experiment,
        state="ERROR",
        tags={"mlflow.traceName": "broken"},
        metadata={"mlflow.trace.tokenUsage": '{"total_tokens": 4321}'},
    )
    draft = AssessmentDraft(name="correct", kind="FEEDBACK", value=True)
    services.assessment_create(actor=author, trace_id=trace.pk, draft=draft)
    client = browser(experiment, Role.VIEWER)

    told = page_of(client, "experiment-traces", experiment.pk)
    failed = page_of(client, "experiment-traces", experiment.pk, state="ERROR")
    found = page_of(client, "experiment-traces", experiment.pk, q="judge answer", slow="1000")
    csv = client.get(reverse("experiment-traces", args=[experiment.pk]), {"format": "csv"})

    assert "who decides?" in told
    assert "correct yes" in told
    assert re.search(r"4\s?321", told)
    assert "broken" in failed
    assert "answer" not in re.findall(r"<tbody.*</tbody>", failed, re.S)[0]
    assert str(trace.pk) in found
    assert csv.status_code == 200


def test_an_empty_list_says_why(experiment: Experiment):
    client = browser(experiment)

    where = reverse("experiment-traces", args=[experiment.pk])

    assert "No trace yet" in page_of(client, "experiment-traces", experiment.pk)
    assert where not in page_of(client, "experiment-detail", experiment.pk)


def test_an_experiment_and_a_run_lead_to_their_traces(author: Actor, experiment: Experiment):
    run = run_make(author, experiment)
    trace = trace_make(author, experiment, metadata={"mlflow.sourceRun": run.pk.hex})
    client = browser(experiment, Role.VIEWER)

    assert reverse("experiment-traces", args=[experiment.pk]) in page_of(client, "experiment-detail", experiment.pk)
    assert reverse("run-traces", args=[run.pk]) in page_of(client, "run-detail", run.pk)
    assert str(trace.pk) in page_of(client, "run-traces", run.pk)
    assert reverse("run-detail", args=[run.pk]) in page_of(client, "trace-detail", trace.pk)


def test_a_trace_shows_its_spans_in_time_and_one_of_them_whole(author: Actor, experiment: Experiment):
    trace = trace_make(author, experiment)
    client = browser(experiment, Role.VIEWER)

    first = page_of(client, "trace-detail", trace.pk)
    third = page_of(client, "trace-detail", trace.pk, span=f"{3:016x}")
    odd = page_of(client, "trace-detail", trace.pk, **{"span": "nonsense", "from": "9" * 30})

    # 3 spans of 20 ms, each 10 ms after the other: the last begins in the middle.
    assert re.findall(r'<rect x="([\d.]+)" y="2" width="([\d.]+)"', first) == [
        ("0.0", "500.0"),
        ("250.0", "500.0"),
        ("500.0", "500.0"),
    ]
    assert "out 1" in first
    assert "out 3" in third
    assert "out 1" in odd
    assert "style=" not in re.sub(r"<head>.*</head>", "", first, flags=re.S)
    assert "Give feedback" not in first


def test_a_failure_is_said_first(author: Actor, experiment: Experiment):
    trace = trace_make(author, experiment, state="ERROR")
    exception = {
        "name": "exception",
        "time_ns": START_NS + 5 * MS,
        "attributes": {
            "exception.type": "ValueError",
            "exception.message": "<b>no judge</b>",
            "exception.stacktrace": "Traceback: here",
        },
    }
    failed = span_make(trace.key, 9, 1, name="ask", status="ERROR", message="no judge", events=[exception])
    services.spans_store(actor=author, experiment_id=experiment.pk, drafts=[failed])

    told = page_of(browser(experiment), "trace-detail", trace.pk, span=failed.key)

    assert "ask failed." in told
    assert "ValueError: &lt;b&gt;no judge&lt;/b&gt;" in told
    assert "Traceback: here" in told


def test_a_person_gives_feedback_and_takes_it_back(author: Actor, experiment: Experiment):
    trace, client = trace_make(author, experiment), browser(experiment)
    where = reverse("trace-change", args=[trace.pk])

    for value in ("yes", "0.5", "too long"):
        client.post(where, {"name": "correct", "value": value, "rationale": "So it is."})
    refused = client.post(where, {"name": "", "value": "yes"}, follow=True)
    held = list(Assessment.objects.order_by("id"))
    client.post(where, {"remove": f"a-{held[0].pk.hex}"})

    assert [one.value for one in held] == [True, 0.5, "too long"]
    assert {(one.source_type, one.rationale) for one in held} == {("HUMAN", "So it is.")}
    assert "Give a name" in refused.content.decode()
    assert Assessment.objects.count() == 2
    assert AuditEvent.objects.filter(action="trace.assess").count() == 3
    assert AuditEvent.objects.filter(action="trace.assessment_delete").count() == 1


def test_those_who_read_change_nothing(author: Actor, experiment: Experiment):
    trace = trace_make(author, experiment)
    elsewhere = browser(experiment_make(*scientist()))
    names = ("trace-change", "trace-delete")

    read = [browser(experiment, Role.VIEWER).post(reverse(name, args=[trace.pk]), {"name": "a"}) for name in names]
    foreign = [elsewhere.post(reverse(name, args=[trace.pk]), {"name": "a"}) for name in names]
    seen = [
        elsewhere.get(reverse(name, args=[pk]))
        for name, pk in (("trace-detail", trace.pk), ("experiment-traces", experiment.pk))
    ]

    assert [answer.status_code for answer in read] == [403, 403]
    assert [answer.status_code for answer in foreign + seen] == [404] * 4
    assert Trace.objects.exists()
    assert not Assessment.objects.exists()


def test_a_trace_is_deleted_for_good(author: Actor, experiment: Experiment):
    trace = trace_make(author, experiment)

    answer = browser(experiment).post(reverse("trace-delete", args=[trace.pk]))

    assert answer.status_code == 302
    assert not Trace.objects.exists()
    assert AuditEvent.objects.get(action="trace.delete").after["traces"] == [trace.key]


def test_many_spans_come_in_parts(author: Actor, experiment: Experiment):
    trace, client = trace_make(author, experiment, spans=450), browser(experiment)

    first = page_of(client, "trace-detail", trace.pk)
    last = page_of(client, "trace-detail", trace.pk, span=f"{450:016x}")

    assert first.count("<rect") - first.count('class="fw-art"') <= 201
    assert "1 to 200 of 450" in re.sub(r"\s+", " ", first)
    assert "401 to 450 of 450" in re.sub(r"\s+", " ", last)


def test_a_tree_has_every_span_once_whatever_their_parents(author: Actor, experiment: Experiment):
    """A parent that has not come, a ring of two, a span that is its own parent."""
    key = "tr-" + "0" * 31 + "1"
    parents = {1: 0, 2: 1, 3: 2, 4: 99, 5: 6, 6: 5, 7: 7}
    drafts = [span_make(key, number, parent) for number, parent in parents.items()]
    services.spans_store(actor=author, experiment_id=experiment.pk, drafts=drafts)

    branches = span_tree(Trace.objects.get())

    assert [(int(branch.key, 16), branch.depth) for branch in branches] == [
        (1, 0),
        (2, 1),
        (3, 2),
        (4, 0),
        (5, 0),
        (6, 1),
        (7, 0),
    ]
    assert branches_ordered([]) == []


def test_the_list_is_filtered_in_words_and_says_what_it_cannot_read(author: Actor, experiment: Experiment):
    slow = trace_make(author, experiment, duration_ms=5000, tags={"mlflow.traceName": "slow one", "env": "prod"})
    trace_make(author, experiment, duration_ms=10, tags={"mlflow.traceName": "quick one"})
    run = run_make(author, experiment)
    slow.runs.add(run)
    client = browser(experiment, Role.VIEWER)

    by_words = page_of(client, "experiment-traces", experiment.pk, filter="execution_time > 1000 AND tags.env = 'prod'")
    of_run = page_of(client, "run-traces", run.pk, filter="span.name = 'step 2'")
    wrong = page_of(client, "experiment-traces", experiment.pk, filter="execution_time >> 1")

    assert "slow one" in by_words
    assert "quick one" not in by_words
    assert "slow one" in of_run
    assert "Invalid filter, character 16" in wrong
    assert "slow one" not in wrong


def test_the_filter_bar_proposes_what_these_traces_have(author: Actor, experiment: Experiment):
    trace = trace_make(author, experiment, tags={"mlflow.traceName": "answer", "deploy env": "prod"})
    services.prompts_link(actor=author, trace_id=trace.pk, prompts=["greeting/2"])
    for kind, name in (("FEEDBACK", "correct"), ("ISSUE", "iss-1")):
        draft = AssessmentDraft(name=name, kind=kind, value="yes")
        services.assessment_create(actor=author, trace_id=trace.pk, draft=draft)
    other = experiment_make(author, experiment.team, name="Other")
    trace_make(author, other, tags={"secret": "1"})
    run = run_make(author, experiment)
    trace.runs.add(run)
    client = browser(experiment, Role.VIEWER)

    def proposed(text: str, name: str = "experiment-traces-words", pk: object = experiment.pk) -> list[str]:
        answer = client.get(reverse(name, args=[pk]), {"text": text})
        return [one["text"] for one in answer.json()["options"]]

    assert proposed("env") == ["tags.`deploy env`"]
    assert proposed("secret") == []
    assert proposed("corr") == ["feedback.correct"]
    assert proposed("tags.`deploy env` = ") == ['"prod"']
    assert proposed("span.type = ") == ['"TOOL"']
    assert proposed("prompt = ") == ['"greeting/2"']
    assert proposed("issue.id = ") == ['"iss-1"']
    assert proposed("status = 'ER") == ["'ERROR'"]
    assert proposed("name = ", "run-traces-words", run.pk) == ['"answer"']
    stranger = browser(experiment_make(*scientist()))
    for name, pk in (("experiment-traces-words", experiment.pk), ("run-traces-words", run.pk)):
        assert stranger.get(reverse(name, args=[pk])).status_code == 404


def test_the_page_of_a_trace_names_its_prompts_and_issues(author: Actor, experiment: Experiment):
    trace = trace_make(author, experiment)
    services.prompts_link(actor=author, trace_id=trace.pk, prompts=["greeting/2"])
    draft = AssessmentDraft(name="iss-1", kind="ISSUE", value="Answers in French")
    services.assessment_create(actor=author, trace_id=trace.pk, draft=draft)

    page = page_of(browser(experiment, Role.VIEWER), "trace-detail", trace.pk)

    assert "greeting/2" in page
    assert "Answers in French" in page
