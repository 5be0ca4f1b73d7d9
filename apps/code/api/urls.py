from django.urls import path

from apps.code.api import views

urlpatterns = [
    path("code-bundles", views.BundleListView.as_view(), name="api-code-list"),
    path("code-bundles/fetch", views.BundleFetchView.as_view(), name="api-code-fetch"),
    path("code-bundles/<uuid:pk>", views.BundleView.as_view(), name="api-code-detail"),
    path("code-bundles/<uuid:pk>/file", views.BundleFileView.as_view(), name="api-code-file"),
    path("code-bundles/<uuid:pk>/archive", views.BundleArchiveView.as_view(), name="api-code-archive"),
    path("code-bundles/<uuid:pk>/restore", views.BundleRestoreView.as_view(), name="api-code-restore"),
    path("environments", views.EnvironmentListView.as_view(), name="api-environment-list"),
    path("environments/<uuid:pk>", views.EnvironmentView.as_view(), name="api-environment-detail"),
    path("environments/<uuid:pk>/build", views.EnvironmentBuildView.as_view(), name="api-environment-build"),
    path("environments/<uuid:pk>/delete", views.EnvironmentDeleteView.as_view(), name="api-environment-delete"),
]
