"""Problems, their versions and segments for scripts and services."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.idempotency import idempotent
from apps.core.api.paging import KeyPagination
from apps.core.api.views import ApiView
from apps.problems import selectors, services
from apps.problems.api import serializers as s
from apps.problems.models import Problem, ProblemVersion


def _problem(actor: Any, problem: Problem) -> dict[str, Any]:
    body: dict[str, Any] = s.ProblemDetail(selectors.problem_get(actor, problem.pk)).data
    return body


def _version(actor: Any, version: ProblemVersion) -> dict[str, Any]:
    body: dict[str, Any] = s.ProblemVersionDetail(selectors.version_get(actor, version.pk)).data
    return body


class ProblemListView(ApiView):
    pagination_class = KeyPagination

    @extend_schema(operation_id="problem_list", parameters=[s.ProblemQuery], responses=s.ProblemRow(many=True))
    def get(self, request: Request) -> Response:
        """Problems that you may see, newest first."""
        query = self.query(s.ProblemQuery)
        rows = selectors.problem_list(
            self.actor,
            team_id=query["team"],
            state=query["state"],
            text=query["text"],
            archived=query["archived"],
        )
        return self.page(rows, s.ProblemRow)

    @extend_schema(operation_id="problem_create", request=s.ProblemInput, responses={201: s.ProblemDetail})
    @idempotent
    def post(self, request: Request) -> Response:
        """Register a problem; team and name are enough, everything else may come later."""
        problem = services.problem_create(actor=self.actor, **self.input(s.ProblemInput))
        return Response(_problem(self.actor, problem), status=201)


class ProblemView(ApiView):
    @extend_schema(operation_id="problem_get", responses=s.ProblemDetail)
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """One problem with the version in force and the open one."""
        return Response(s.ProblemDetail(selectors.problem_get(self.actor, pk)).data)

    @extend_schema(operation_id="problem_rename", request=s.ProblemName, responses=s.ProblemDetail)
    def patch(self, request: Request, pk: uuid.UUID) -> Response:
        """Give it another name."""
        problem = services.problem_rename(actor=self.actor, problem_id=pk, **self.input(s.ProblemName))
        return Response(_problem(self.actor, problem))

    @extend_schema(operation_id="problem_delete", responses={204: None})
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """Remove a problem that was never accepted and that nothing refers to."""
        services.problem_delete(actor=self.actor, problem_id=pk)
        return Response(status=204)


class ProblemSuspendView(ApiView):
    @extend_schema(operation_id="problem_suspend", request=s.ProblemReason, responses=s.ProblemDetail)
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Stop work on a problem for a time."""
        problem = services.problem_suspend(actor=self.actor, problem_id=pk, **self.input(s.ProblemReason))
        return Response(_problem(self.actor, problem))


class ProblemResumeView(ApiView):
    @extend_schema(operation_id="problem_resume", request=s.ProblemReason, responses=s.ProblemDetail)
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Take a suspended problem up again."""
        problem = services.problem_resume(actor=self.actor, problem_id=pk, **self.input(s.ProblemReason))
        return Response(_problem(self.actor, problem))


class ProblemCloseView(ApiView):
    @extend_schema(operation_id="problem_close", request=s.ProblemReason, responses=s.ProblemDetail)
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """End a problem for good."""
        problem = services.problem_close(actor=self.actor, problem_id=pk, **self.input(s.ProblemReason))
        return Response(_problem(self.actor, problem))


class ProblemArchiveView(ApiView):
    @extend_schema(operation_id="problem_archive", request=None, responses=s.ProblemDetail)
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Put it out of the lists."""
        return Response(_problem(self.actor, services.problem_archive(actor=self.actor, problem_id=pk)))


class ProblemRestoreView(ApiView):
    @extend_schema(operation_id="problem_restore", request=None, responses=s.ProblemDetail)
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Bring an archived problem back."""
        return Response(_problem(self.actor, services.problem_restore(actor=self.actor, problem_id=pk)))


class VersionListView(ApiView):
    pagination_class = KeyPagination

    @extend_schema(operation_id="problem_version_list", responses=s.ProblemVersionRow(many=True))
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Versions of a problem, newest first."""
        problem = selectors.problem_get(self.actor, pk)
        return self.page(selectors.version_list(problem), s.ProblemVersionRow)

    @extend_schema(
        operation_id="problem_version_create", request=s.ProblemReason, responses={201: s.ProblemVersionDetail}
    )
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Begin the next version as a copy of the accepted one."""
        version = services.problem_version_new(actor=self.actor, problem_id=pk, **self.input(s.ProblemReason))
        return Response(_version(self.actor, version), status=201)


class VersionView(ApiView):
    @extend_schema(operation_id="problem_version_get", responses=s.ProblemVersionDetail)
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """One version with objectives, segments and what is missing."""
        return Response(s.ProblemVersionDetail(selectors.version_get(self.actor, pk)).data)

    @extend_schema(
        operation_id="problem_version_update", request=s.ProblemVersionChange, responses=s.ProblemVersionDetail
    )
    def patch(self, request: Request, pk: uuid.UUID) -> Response:
        """Change a draft; fields that are left out stay."""
        version = services.problem_version_edit(actor=self.actor, version_id=pk, **self.input(s.ProblemVersionChange))
        return Response(_version(self.actor, version))


class VersionSubmitView(ApiView):
    @extend_schema(operation_id="problem_version_submit", request=s.ProblemRowVersion, responses=s.ProblemVersionDetail)
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Send a draft for acceptance; 409 with `items` lists what is missing."""
        version = services.problem_submit(actor=self.actor, version_id=pk, **self.input(s.ProblemRowVersion))
        return Response(_version(self.actor, version))


class VersionAcceptView(ApiView):
    @extend_schema(operation_id="problem_version_accept", request=s.ProblemRowVersion, responses=s.ProblemVersionDetail)
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Accept a version in review; never by one of its writers."""
        version = services.problem_accept(actor=self.actor, version_id=pk, **self.input(s.ProblemRowVersion))
        return Response(_version(self.actor, version))


class VersionReturnView(ApiView):
    @extend_schema(operation_id="problem_version_return", request=s.ProblemReturn, responses=s.ProblemVersionDetail)
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Give a version in review back to its writers."""
        version = services.problem_return(actor=self.actor, version_id=pk, **self.input(s.ProblemReturn))
        return Response(_version(self.actor, version))


class SegmentListView(ApiView):
    pagination_class = KeyPagination

    @extend_schema(operation_id="problem_segment_list", responses=s.SegmentVersionRow(many=True))
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Every version of every segment of a problem, newest first."""
        problem = selectors.problem_get(self.actor, pk)
        return self.page(selectors.segment_list(self.actor, problem), s.SegmentVersionRow)

    @extend_schema(operation_id="problem_segment_save", request=s.SegmentSave, responses={201: s.SegmentVersionRow})
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Write a segment by name; the same definition again gives the version that stands."""
        saved = services.segment_save(actor=self.actor, problem_id=pk, **self.input(s.SegmentSave))
        return Response(s.SegmentVersionRow(saved).data, status=201)
