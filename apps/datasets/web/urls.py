"""Addresses of the data pages."""

from django.urls import path

from apps.datasets.web import edit, versions, views

urlpatterns = [
    path("data/", views.dataset_list_view, name="dataset-list"),
    path("data/new/", edit.dataset_create_view, name="dataset-create"),
    path("data/versions/<uuid:pk>/", versions.version_detail_view, name="dataset-version-detail"),
    path("data/versions/<uuid:pk>/roles/", versions.version_roles_view, name="dataset-version-roles"),
    path("data/versions/<uuid:pk>/split/", versions.version_split_view, name="dataset-version-split"),
    path("data/versions/<uuid:pk>/profile.csv", versions.version_profile_csv_view, name="dataset-version-profile-csv"),
    path("data/versions/<uuid:pk>/file/", versions.version_file_view, name="dataset-version-file"),
    path("data/versions/<uuid:pk>/<slug:verb>/", versions.version_act_view, name="dataset-version-act"),
    path("data/<uuid:pk>/", views.dataset_detail_view, name="dataset-detail"),
    path("data/<uuid:pk>/edit/", edit.dataset_edit_view, name="dataset-edit"),
    path("data/<uuid:pk>/upload/", edit.dataset_upload_view, name="dataset-upload"),
    path("data/<uuid:pk>/delete/", edit.dataset_delete_view, name="dataset-delete"),
    path("data/<uuid:pk>/<slug:verb>/", edit.dataset_act_view, name="dataset-act"),
]
