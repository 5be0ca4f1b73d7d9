from django.urls import path

from apps.code.web import environments, views

urlpatterns = [
    path("code/", views.code_list, name="code-list"),
    path("code/new/", views.code_create, name="code-create"),
    path("code/<uuid:pk>/", views.code_detail, name="code-detail"),
    path("code/<uuid:pk>/file/", views.code_file, name="code-file"),
    path("code/<uuid:pk>/archive/", views.code_archive, name="code-archive"),
    path("code/<uuid:pk>/restore/", views.code_restore, name="code-restore"),
    path("environments/", environments.environment_list, name="environment-list"),
    path("environments/<uuid:pk>/", environments.environment_detail, name="environment-detail"),
    path("environments/<uuid:pk>/build/", environments.environment_build, name="environment-build"),
    path("environments/<uuid:pk>/delete/", environments.environment_delete, name="environment-delete"),
]
