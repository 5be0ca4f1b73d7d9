"""Versions of prompts and issues that traces are linked to, and finding traces by them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apps.core.actors import Role
from apps.mlflow_api.tests.conftest import ROOT_3, Caller, Person, person_make
from apps.traces.models import Assessment, TracePrompt
from apps.traces.services.traces import PROMPTS_LIMIT
from apps.traces.tests.factories import trace_make


def found(caller: Caller, person: Person, filter_text: str) -> Any:
    place = {"mlflow_experiment": {"experiment_id": str(person.experiment.number)}}
    status, body = caller.post("traces/search", locations=[place], filter=filter_text)
    return [trace["trace_id"] for trace in body.get("traces", [])] if status == 200 else (status, body["message"])


@pytest.mark.django_db
def test_traces_are_linked_to_versions_of_prompts_and_found_by_them(person: Person):
    caller = Caller(person, ROOT_3)
    one, other = (trace_make(person.actor, person.experiment) for _ in range(2))
    refs = [{"name": "greeting", "version": "2"}, {"name": "closing", "version": "1"}]

    linked = caller.post("traces/link-prompts", trace_id=one.key, prompt_versions=refs)
    again = caller.post("traces/link-prompts", trace_id=one.key, prompt_versions=refs[:1] * 2)

    assert linked == again == (200, {})
    assert TracePrompt.objects.count() == 2
    assert found(caller, person, 'prompt = "greeting/2"') == [one.key]
    assert found(caller, person, "attributes.prompt = 'greeting/1'") == []
    assert set(found(caller, person, f"prompt = 'closing/1' OR trace_id = '{other.key}'")) == {one.key, other.key}


@pytest.mark.django_db
def test_traces_are_found_by_an_issue_that_they_show(person: Person):
    caller = Caller(person, ROOT_3)
    one, _ = (trace_make(person.actor, person.experiment) for _ in range(2))
    issue = {
        "assessment_name": "iss-1",
        "issue": {"issue_name": "Answers in French"},
        "source": {"source_type": "LLM_JUDGE", "source_id": "judge"},
    }

    status, made = caller.post(f"traces/{one.key}/assessments", assessment=issue)
    told = caller.get(f"traces/{one.key}")[1]["trace"]["trace_info"]["assessments"]

    assert (status, Assessment.objects.get().kind) == (200, "ISSUE")
    assert made["assessment"]["issue"] == {"issue_name": "Answers in French"}
    assert "feedback" not in told[0] and "expectation" not in told[0]  # noqa: PT018 - one thought
    assert found(caller, person, "issue.id = 'iss-1'") == [one.key]
    assert found(caller, person, "issue.id = 'iss-2'") == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "prompt LIKE 'a/1'",
            "Invalid comparator 'LIKE' for prompts filter. Only '=' is supported with format: "
            'prompt = "name/version"',
        ),
        ("prompt = 'a'", "Invalid prompts filter value 'a'. Expected format: prompt = \"name/version\""),
        ("issue.id != 'a'", "issue.id comparator '!=' not one of '{'='}'"),
        ("issue.name = 'a'", "'issue' has no 'name'"),
    ],
)
def test_filters_that_mlflow_refuses_are_refused_in_its_words(person: Person, text: str, message: str):
    status, said = found(Caller(person, ROOT_3), person, text)

    assert status == 400
    assert message in said


@pytest.mark.django_db
@pytest.mark.parametrize("order", ["prompt", "text"])
def test_nothing_is_sorted_by_what_has_no_order(person: Person, order: str):
    place = {"mlflow_experiment": {"experiment_id": str(person.experiment.number)}}

    answer = Caller(person, ROOT_3).post("traces/search", locations=[place], order_by=[order])

    assert (answer[0], answer[1]["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "refs",
    [
        [],
        [{"name": "a"}],
        [{"version": "1"}],
        [{"name": "a", "version": "one"}],
        [{"name": "a/b", "version": "1"}],
        ["a/1"],
        [{"name": f"p{n}", "version": 1} for n in range(PROMPTS_LIMIT + 1)],
    ],
    ids=range(7),
)
def test_what_names_no_version_of_a_prompt_is_refused(person: Person, refs: Any):
    trace = trace_make(person.actor, person.experiment)

    answer = Caller(person, ROOT_3).post("traces/link-prompts", trace_id=trace.key, prompt_versions=refs)

    assert (answer[0], answer[1]["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert not TracePrompt.objects.exists()


@pytest.mark.django_db
def test_a_trace_has_so_many_prompts_and_strangers_and_viewers_link_none(person: Person, stranger: Person):
    caller, trace = Caller(person, ROOT_3), trace_make(person.actor, person.experiment)
    full = [{"name": f"p{n}", "version": 1} for n in range(PROMPTS_LIMIT)]
    one_more = {"trace_id": trace.key, "prompt_versions": [{"name": "more", "version": 1}]}

    filled = caller.post("traces/link-prompts", trace_id=trace.key, prompt_versions=full)
    over = caller.post("traces/link-prompts", **one_more)
    viewer = Caller(person_make(Role.VIEWER, person.team), ROOT_3).post("traces/link-prompts", **one_more)
    foreign = Caller(stranger, ROOT_3).post("traces/link-prompts", **one_more)

    assert [answer[0] for answer in (filled, over, viewer, foreign)] == [200, 400, 403, 404]
    assert TracePrompt.objects.count() == PROMPTS_LIMIT


@pytest.mark.feature("tracing", "linking traces to versions of prompts; `search_traces` by prompt and issue")
@pytest.mark.django_db(transaction=True)
def test_the_client_links_prompts_and_finds_by_them(
    mlflow_client: Callable[[str], Any], person: Person, monkeypatch: pytest.MonkeyPatch
):
    mlflow = pytest.importorskip("mlflow")
    from mlflow.entities.model_registry import PromptVersion

    client = mlflow_client(person.token)
    one, other = (trace_make(person.actor, person.experiment).key for _ in range(2))
    place = [str(person.experiment.number)]

    client.link_prompt_versions_to_trace([PromptVersion(name="greeting", version=3, template="Hi")], one)
    by_prompt = mlflow.search_traces(locations=place, filter_string="prompt = 'greeting/3'", return_type="list")

    assert [trace.info.trace_id for trace in by_prompt] == [one]
    assert "greeting" in by_prompt[0].info.tags["mlflow.linkedPrompts"]
    assert other != one
