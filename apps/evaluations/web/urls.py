from django.urls import path

from apps.evaluations.web import (
    exports,
    fairness,
    files,
    flips,
    history,
    launch,
    predictions,
    slices,
    threshold,
    views,
)

urlpatterns = [
    path("evaluations/", views.evaluation_list, name="evaluation-list"),
    path("evaluations/launch/", launch.evaluation_launch, name="evaluation-launch"),
    path("evaluations/predictions/", predictions.predictions_judge, name="predictions-judge"),
    path("evaluations/<uuid:pk>/", views.evaluation_detail, name="evaluation-detail"),
    path("evaluations/<uuid:pk>/group/", views.evaluation_group, name="evaluation-group"),
    path("evaluations/<uuid:pk>/group/history.csv", history.history_csv, name="evaluation-group-history-csv"),
    path("evaluations/<uuid:pk>/archive/", views.evaluation_archive, name="evaluation-archive"),
    path("evaluations/<uuid:pk>/report.csv", exports.report_csv, name="evaluation-csv"),
    path("evaluations/<uuid:pk>/report.json", exports.report_json, name="evaluation-json"),
    path("evaluations/<uuid:pk>/curves.csv", exports.curves_csv, name="evaluation-curves-csv"),
    path("evaluations/<uuid:pk>/exports/", files.evaluation_exports, name="evaluation-exports"),
    path("evaluations/<uuid:pk>/exports/make/", files.export_create, name="evaluation-export-create"),
    path("evaluations/<uuid:pk>/exports/<uuid:export>/file/", files.export_file, name="evaluation-export-file"),
    path("evaluations/<uuid:pk>/slices/", slices.evaluation_slices, name="evaluation-slices"),
    path("evaluations/<uuid:pk>/slices.csv", slices.slices_csv, name="evaluation-slices-csv"),
    path("evaluations/<uuid:pk>/flips/", flips.evaluation_flips, name="evaluation-flips"),
    path("evaluations/<uuid:pk>/flips/rows/", flips.flip_rows, name="evaluation-flip-rows"),
    path("evaluations/<uuid:pk>/flips.csv", flips.flips_csv, name="evaluation-flips-csv"),
    path("evaluations/<uuid:pk>/fairness/", fairness.evaluation_fairness, name="evaluation-fairness"),
    path("evaluations/<uuid:pk>/fairness.csv", fairness.fairness_csv, name="evaluation-fairness-csv"),
    path("evaluations/<uuid:pk>/threshold/", threshold.evaluation_threshold, name="evaluation-threshold"),
]
