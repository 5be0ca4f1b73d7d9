"""Addresses below /api/v1/."""

from django.urls import path

from apps.problems.api import behaviour, views

urlpatterns = [
    path("problems", views.ProblemListView.as_view(), name="api-problem-list"),
    path("problems/<uuid:pk>", views.ProblemView.as_view(), name="api-problem-detail"),
    path("problems/<uuid:pk>/suspend", views.ProblemSuspendView.as_view(), name="api-problem-suspend"),
    path("problems/<uuid:pk>/resume", views.ProblemResumeView.as_view(), name="api-problem-resume"),
    path("problems/<uuid:pk>/close", views.ProblemCloseView.as_view(), name="api-problem-close"),
    path("problems/<uuid:pk>/archive", views.ProblemArchiveView.as_view(), name="api-problem-archive"),
    path("problems/<uuid:pk>/restore", views.ProblemRestoreView.as_view(), name="api-problem-restore"),
    path("problems/<uuid:pk>/versions", views.VersionListView.as_view(), name="api-problem-version-list"),
    path("problems/<uuid:pk>/segments", views.SegmentListView.as_view(), name="api-problem-segment-list"),
    path("problems/<uuid:pk>/behaviour-tests", behaviour.BehaviourTestListView.as_view(), name="api-behaviour-list"),
    path("behaviour-tests/<uuid:pk>", behaviour.BehaviourTestView.as_view(), name="api-behaviour-detail"),
    path("problem-versions/<uuid:pk>", views.VersionView.as_view(), name="api-problem-version-detail"),
    path("problem-versions/<uuid:pk>/submit", views.VersionSubmitView.as_view(), name="api-problem-version-submit"),
    path("problem-versions/<uuid:pk>/accept", views.VersionAcceptView.as_view(), name="api-problem-version-accept"),
    path("problem-versions/<uuid:pk>/return", views.VersionReturnView.as_view(), name="api-problem-version-return"),
]
