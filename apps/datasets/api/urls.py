"""Addresses below /api/v1/."""

from django.urls import path

from apps.datasets.api import uploads, views

urlpatterns = [
    path("datasets", views.DatasetListView.as_view(), name="api-dataset-list"),
    path("datasets/<uuid:pk>", views.DatasetView.as_view(), name="api-dataset-detail"),
    path("datasets/<uuid:pk>/delete", views.DatasetDeleteView.as_view(), name="api-dataset-delete"),
    path("datasets/<uuid:pk>/archive", views.DatasetArchiveView.as_view(), name="api-dataset-archive"),
    path("datasets/<uuid:pk>/restore", views.DatasetRestoreView.as_view(), name="api-dataset-restore"),
    path("datasets/<uuid:pk>/versions", views.VersionListView.as_view(), name="api-dataset-version-list"),
    path("datasets/<uuid:pk>/uploads", uploads.UploadListView.as_view(), name="api-upload-list"),
    path("uploads/<uuid:pk>", uploads.UploadView.as_view(), name="api-upload-detail"),
    path("uploads/<uuid:pk>/parts", uploads.UploadPartView.as_view(), name="api-upload-part"),
    path("uploads/<uuid:pk>/complete", uploads.UploadCompleteView.as_view(), name="api-upload-complete"),
    path("dataset-versions/<uuid:pk>", views.VersionView.as_view(), name="api-dataset-version-detail"),
    path("dataset-versions/<uuid:pk>/profile", views.VersionProfileView.as_view(), name="api-dataset-version-profile"),
    path("dataset-versions/<uuid:pk>/support", views.VersionSupportView.as_view(), name="api-dataset-version-support"),
    path("dataset-versions/<uuid:pk>/roles", views.VersionRolesView.as_view(), name="api-dataset-version-roles"),
    path("dataset-versions/<uuid:pk>/split", views.VersionSplitView.as_view(), name="api-dataset-version-split"),
    path(
        "dataset-versions/<uuid:pk>/quarantine",
        views.VersionQuarantineView.as_view(),
        name="api-dataset-version-quarantine",
    ),
    path("dataset-versions/<uuid:pk>/release", views.VersionReleaseView.as_view(), name="api-dataset-version-release"),
    path("dataset-versions/<uuid:pk>/recall", views.VersionRecallView.as_view(), name="api-dataset-version-recall"),
    path("dataset-versions/<uuid:pk>/purge", views.VersionPurgeView.as_view(), name="api-dataset-version-purge"),
    path(
        "dataset-versions/<uuid:pk>/profile-again",
        views.VersionProfileAgainView.as_view(),
        name="api-dataset-version-profile-again",
    ),
    path("dataset-versions/<uuid:pk>/file", views.VersionFileView.as_view(), name="api-dataset-version-file"),
]
