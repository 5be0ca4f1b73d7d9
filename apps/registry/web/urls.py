from django.urls import path

from apps.registry.web import register, views

urlpatterns = [
    path("models/", views.model_list, name="model-list"),
    path("models/<uuid:pk>/", views.model_detail, name="model-detail"),
    path("models/<uuid:pk>/edit/", views.model_edit, name="model-edit"),
    path("models/<uuid:pk>/attach/", views.model_attach, name="model-attach"),
    path("models/<uuid:pk>/archive/", views.model_archive, name="model-archive"),
    path("models/versions/<uuid:pk>/", views.version_detail, name="version-detail"),
    path("models/versions/<uuid:pk>/signature/", register.version_signature, name="version-signature"),
    path("models/from-run/<uuid:pk>/", register.run_register, name="run-register"),
    path("models/versions/<uuid:pk>/lineage/", views.version_lineage, name="version-lineage"),
    path("models/versions/<uuid:pk>/edit/", views.version_edit, name="version-edit"),
    path("models/versions/<uuid:pk>/archive/", views.version_archive, name="version-archive"),
    path("models/versions/<uuid:pk>/quarantine/", views.version_quarantine, name="version-quarantine"),
    path("models/versions/<uuid:pk>/alias/", views.version_alias, name="version-alias"),
    path("models/versions/<uuid:pk>/files/<path:path>", views.version_file, name="version-file"),
]
