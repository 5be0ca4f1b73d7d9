from django.urls import path

from apps.registry.api import views

urlpatterns = [
    path("models", views.ModelListView.as_view(), name="api-model-list"),
    path("models/<uuid:pk>", views.ModelView.as_view(), name="api-model-detail"),
    path("models/<uuid:pk>/versions", views.VersionListView.as_view(), name="api-version-list"),
    path("models/<uuid:pk>/aliases/<str:name>", views.AliasView.as_view(), name="api-alias"),
    path("versions/<uuid:pk>", views.VersionView.as_view(), name="api-version-detail"),
    path("versions/<uuid:pk>/quarantine", views.VersionQuarantineView.as_view(), name="api-version-quarantine"),
    path("versions/<uuid:pk>/files/<path:path>", views.VersionFileView.as_view(), name="api-version-file"),
]
