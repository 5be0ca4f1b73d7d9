from django.urls import path

from apps.experiments.web import views

urlpatterns = [
    path("experiments/", views.experiment_list, name="experiment-list"),
    path("experiments/<uuid:pk>/", views.experiment_detail, name="experiment-detail"),
    path("experiments/<uuid:pk>/edit/", views.experiment_edit, name="experiment-edit"),
    path("experiments/<uuid:pk>/archive/", views.experiment_archive, name="experiment-archive"),
    path("runs/compare/", views.run_compare, name="run-compare"),
    path("runs/<uuid:pk>/", views.run_detail, name="run-detail"),
    path("runs/<uuid:pk>/curves/", views.run_curves, name="run-curves"),
    path("runs/<uuid:pk>/notes/", views.run_notes, name="run-notes"),
    path("runs/<uuid:pk>/tags/", views.run_tag, name="run-tag"),
    path("runs/<uuid:pk>/archive/", views.run_archive, name="run-archive"),
    path("runs/<uuid:pk>/files/<path:path>", views.run_file, name="run-file"),
    path("runs/<uuid:pk>/models/<uuid:model_id>/<path:path>", views.run_model_file, name="run-model-file"),
]
