"""Addresses of the problem pages."""

from django.urls import path

from apps.problems.web import behaviour, edit, views

urlpatterns = [
    path("problems/", views.problem_list_view, name="problem-list"),
    path("problems/new/", edit.problem_create_view, name="problem-create"),
    path("problems/<uuid:pk>/", views.problem_detail_view, name="problem-detail"),
    path("problems/<uuid:pk>/edit/", edit.problem_edit_view, name="problem-edit"),
    path("problems/<uuid:pk>/objectives/", views.problem_objectives_view, name="problem-objectives"),
    path("problems/<uuid:pk>/strip/", views.problem_strip_view, name="problem-strip"),
    path("problems/<uuid:pk>/segments/", edit.segment_list_view, name="problem-segment-list"),
    path("problems/<uuid:pk>/behaviour/", behaviour.behaviour_list_view, name="problem-behaviour-list"),
    path(
        "problems/<uuid:pk>/behaviour/<uuid:test>/archive/",
        behaviour.behaviour_archive_view,
        name="problem-behaviour-archive",
    ),
    path("problems/<uuid:pk>/versions/new/", edit.version_new_view, name="problem-version-new"),
    path("problems/<uuid:pk>/versions/<int:number>/", views.version_detail_view, name="problem-version-detail"),
    path("problems/<uuid:pk>/<slug:verb>/", views.problem_act_view, name="problem-act"),
]
