"""A threshold is proposed on the evaluation, and a version made of it decides from there on."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.accounts.services import token_create
from apps.accounts.tests.factories import actor_make, team_make, user_make
from apps.audit.models import AuditEvent
from apps.core.actors import Role
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.evaluations import services
from apps.evaluations.models import ThresholdProposal
from apps.evaluations.tests.factories import evaluation_complete, stage_make
from apps.registry.models import ModelVersion

pytestmark = pytest.mark.django_db


def propose(stage, evaluation, threshold=0.42, reason="Fewer people are wrongly held."):
    return services.proposal_save(
        actor=stage.ground.owner, evaluation_id=evaluation.pk, threshold=threshold, reason=reason
    )


def test_a_proposal_is_kept_once_and_a_version_made_of_it_decides_from_there_on():
    stage = stage_make()
    evaluation = evaluation_complete(stage)

    proposal = propose(stage, evaluation)
    again = propose(stage, evaluation, reason="For another reason.")
    version = services.proposal_apply(actor=stage.ground.scientist, proposal_id=proposal.pk)
    same = services.proposal_apply(actor=stage.ground.scientist, proposal_id=proposal.pk)

    candidate = stage.candidate
    assert again.pk == proposal.pk
    assert (version.threshold, version.state, version.model_id) == (0.42, "SEALED", candidate.model_id)
    assert (version.manifest, version.signature, version.classes) == (
        candidate.manifest,
        candidate.signature,
        candidate.classes,
    )
    assert version.number > candidate.number
    assert same.pk == version.pk
    assert ModelVersion.objects.get(pk=candidate.pk).threshold == candidate.threshold
    assert AuditEvent.objects.filter(action="threshold.propose").count() == 1
    # Whoever trained it trained this too: the two-person rule goes on.
    assert version.trained_by_id == candidate.trained_by_id


def test_a_version_made_of_one_is_judged_by_its_threshold():
    stage = stage_make()
    proposal = propose(stage, evaluation_complete(stage))
    version = services.proposal_apply(actor=stage.ground.scientist, proposal_id=proposal.pk)

    evaluation = services.evaluation_launch(actor=stage.ground.scientist, model_version_id=version.pk)

    assert evaluation.job.spec["candidate"]["threshold"] == 0.42


def test_what_cannot_be_proposed_is_said_at_its_field():
    stage = stage_make()
    evaluation = evaluation_complete(stage)

    for threshold in (-0.1, 1.1, float("nan"), True):
        with pytest.raises(Invalid) as refused:
            propose(stage, evaluation, threshold)
        assert list(refused.value.fields) == ["threshold"]
    for reason in ("", "  ", "x" * 2001, "a\x00b"):
        with pytest.raises(Invalid) as refused:
            propose(stage, evaluation, reason=reason)
        assert list(refused.value.fields) == ["reason"]
    assert not ThresholdProposal.objects.exists()


def test_only_who_works_here_proposes_and_only_who_registers_makes_the_version():
    stage = stage_make()
    evaluation = evaluation_complete(stage)
    viewer = actor_make(Role.VIEWER, stage.ground.team)
    stranger = actor_make(Role.DATA_SCIENTIST, team_make())

    with pytest.raises(Forbidden):
        services.proposal_save(actor=viewer, evaluation_id=evaluation.pk, threshold=0.4, reason="so")
    with pytest.raises(NotFound):
        services.proposal_save(actor=stranger, evaluation_id=evaluation.pk, threshold=0.4, reason="so")
    proposal = propose(stage, evaluation)
    with pytest.raises(Forbidden):
        services.proposal_apply(actor=stage.ground.owner, proposal_id=proposal.pk)
    with pytest.raises(NotFound):
        services.proposal_apply(actor=stranger, proposal_id=proposal.pk)
    with pytest.raises(Forbidden):
        services.proposal_archive(actor=viewer, proposal_id=proposal.pk)


def test_one_that_was_taken_back_is_not_applied_and_none_is_rewritten():
    stage = stage_make()
    proposal = propose(stage, evaluation_complete(stage))

    services.proposal_archive(actor=stage.ground.owner, proposal_id=proposal.pk)

    with pytest.raises(Conflict):
        services.proposal_apply(actor=stage.ground.scientist, proposal_id=proposal.pk)
    with pytest.raises(IntegrityError), transaction.atomic():
        ThresholdProposal.objects.filter(pk=proposal.pk).update(threshold=0.9)


def test_the_tab_takes_lists_applies_and_withdraws():
    stage = stage_make()
    evaluation = evaluation_complete(stage)
    owner, scientist = Client(), Client()
    owner.force_login(User.objects.get(pk=stage.ground.owner.id))
    scientist.force_login(User.objects.get(pk=stage.ground.scientist.id))
    tab = reverse("evaluation-threshold", args=[evaluation.pk])
    create = reverse("proposal-save", args=[evaluation.pk])

    refused = owner.post(create, {"threshold": "lots", "reason": "so"}, follow=True).content.decode()
    owner.post(create, {"threshold": "0,42", "reason": "Fewer wrong <b>holds</b>"})
    shown, other = owner.get(tab).content.decode(), scientist.get(tab).content.decode()
    proposal = ThresholdProposal.objects.get()
    made = scientist.post(reverse("proposal-apply", args=[proposal.pk]))

    assert "A threshold is a number from 0 to 1" in refused
    assert "Fewer wrong &lt;b&gt;holds&lt;/b&gt;" in shown
    assert "Make a version with 0.420" not in shown
    assert "Make a version with 0.420" in other
    version = ModelVersion.objects.order_by("-id")[0]
    assert made.url == reverse("version-detail", args=[version.pk])
    assert version.threshold == 0.42
    owner.post(reverse("proposal-withdraw", args=[proposal.pk]))
    assert "None yet" in owner.get(tab).content.decode()
    stranger = Client()
    stranger.force_login(User.objects.get(pk=getattr(user_make(), "pk", None)))
    assert stranger.post(create, {"threshold": "0.5", "reason": "so"}).status_code == 404


def test_the_api_does_the_same():
    stage = stage_make()
    evaluation = evaluation_complete(stage)
    user = User.objects.get(pk=stage.ground.scientist.id)
    _, secret = token_create(actor=stage.ground.scientist, user=user, name="t", scopes=["read", "write"], days=1)
    client = Client(headers={"Authorization": f"Bearer {secret}"})
    url = f"/api/v1/evaluations/{evaluation.pk}/threshold-proposals"

    made = client.post(url, {"threshold": 0.3, "reason": "so"}, content_type="application/json")
    listed = client.get(url).json()["results"]
    applied = client.post(f"/api/v1/threshold-proposals/{made.json()['id']}/apply")

    assert made.status_code == 201
    assert [one["threshold"] for one in listed] == [0.3]
    assert applied.status_code == 201
    assert applied.json()["threshold"] == 0.3
    assert client.delete(f"/api/v1/threshold-proposals/{made.json()['id']}").status_code == 204
    assert client.get(url).json()["results"] == []
    assert client.post(url, {"threshold": "x"}, content_type="application/json").status_code == 400
