from django.urls import path

from apps.experiments.web import views

urlpatterns = [
    path("experiments/", views.experiment_list, name="experiment-list"),
    path("experiments/ledger/", views.ledger, name="ledger"),
    path("experiments/evaluation-datasets/", views.evaluation_dataset_list, name="evaluation-dataset-list"),
    path(
        "experiments/evaluation-datasets/<uuid:pk>/", views.evaluation_dataset_detail, name="evaluation-dataset-detail"
    ),
    path(
        "experiments/evaluation-datasets/<uuid:pk>/archive/",
        views.evaluation_dataset_archive,
        name="evaluation-dataset-archive",
    ),
    path(
        "experiments/evaluation-datasets/records/<uuid:pk>/",
        views.evaluation_record_detail,
        name="evaluation-record-detail",
    ),
    path("experiments/<uuid:pk>/", views.experiment_detail, name="experiment-detail"),
    path("experiments/<uuid:pk>/trade-off/", views.experiment_trade_off, name="experiment-trade-off"),
    path("experiments/<uuid:pk>/filter-words/", views.experiment_filter_words, name="experiment-filter-words"),
    path("experiments/<uuid:pk>/views/", views.experiment_views, name="experiment-views"),
    path("experiments/<uuid:pk>/views/save/", views.experiment_view_save, name="experiment-view-save"),
    path("experiments/views/<uuid:pk>/change/", views.view_change, name="view-change"),
    path("experiments/views/<uuid:pk>/delete/", views.view_delete, name="view-delete"),
    path("experiments/<uuid:pk>/edit/", views.experiment_edit, name="experiment-edit"),
    path("experiments/<uuid:pk>/archive/", views.experiment_archive, name="experiment-archive"),
    path("runs/many/tag/", views.runs_tag, name="runs-tag"),
    path("runs/many/archive/", views.runs_archive, name="runs-archive"),
    path("runs/many/restore/", views.runs_restore, name="runs-restore"),
    path("runs/many/purge/", views.runs_purge, name="runs-purge"),
    path("runs/compare/", views.run_compare, name="run-compare"),
    path("runs/<uuid:pk>/", views.run_detail, name="run-detail"),
    path("runs/<uuid:pk>/curves/", views.run_curves, name="run-curves"),
    path("runs/<uuid:pk>/difference/", views.run_difference, name="run-difference"),
    path("runs/<uuid:pk>/notes/", views.run_notes, name="run-notes"),
    path("runs/<uuid:pk>/lesson/", views.run_lesson, name="run-lesson"),
    path("runs/<uuid:pk>/lesson/remove/", views.run_lesson_remove, name="run-lesson-remove"),
    path("runs/<uuid:pk>/tags/", views.run_tag, name="run-tag"),
    path("runs/<uuid:pk>/archive/", views.run_archive, name="run-archive"),
    path("runs/<uuid:pk>/artifacts/", views.run_artifacts, name="run-artifacts"),
    *(
        path(f"runs/<uuid:pk>/{kind}s/<path:path>", view, name=f"run-{kind}")
        for kind, view in (("file", views.run_file), ("picture", views.run_picture), ("frame", views.run_frame))
    ),
    path("runs/<uuid:pk>/models/<uuid:model_id>/files/<path:path>", views.run_file, name="run-model-file"),
    path("runs/<uuid:pk>/models/<uuid:model_id>/pictures/<path:path>", views.run_picture, name="run-model-picture"),
    path("runs/<uuid:pk>/models/<uuid:model_id>/frames/<path:path>", views.run_frame, name="run-model-frame"),
]
