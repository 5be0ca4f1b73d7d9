from django.urls import path

from apps.evaluations.web import behaviour, exports, fairness, flips, launch, slices, threshold, views, wear

urlpatterns = [
    path("evaluations/", views.evaluation_list, name="evaluation-list"),
    path("evaluations/launch/", launch.evaluation_launch, name="evaluation-launch"),
    path("evaluations/<uuid:pk>/", views.evaluation_detail, name="evaluation-detail"),
    path("evaluations/<uuid:pk>/group/", views.evaluation_group, name="evaluation-group"),
    path("evaluations/<uuid:pk>/archive/", views.evaluation_archive, name="evaluation-archive"),
    path("evaluations/<uuid:pk>/report.csv", exports.report_csv, name="evaluation-csv"),
    path("evaluations/<uuid:pk>/report.json", exports.report_json, name="evaluation-json"),
    path("evaluations/<uuid:pk>/curves.csv", exports.curves_csv, name="evaluation-curves-csv"),
    path("evaluations/<uuid:pk>/slices/", slices.evaluation_slices, name="evaluation-slices"),
    path("evaluations/<uuid:pk>/slices.csv", slices.slices_csv, name="evaluation-slices-csv"),
    path("evaluations/<uuid:pk>/flips/", flips.evaluation_flips, name="evaluation-flips"),
    path("evaluations/<uuid:pk>/flips/rows/", flips.flip_rows, name="evaluation-flip-rows"),
    path("evaluations/<uuid:pk>/flips.csv", flips.flips_csv, name="evaluation-flips-csv"),
    path("evaluations/<uuid:pk>/fairness/", fairness.evaluation_fairness, name="evaluation-fairness"),
    path("evaluations/<uuid:pk>/fairness.csv", fairness.fairness_csv, name="evaluation-fairness-csv"),
    path("evaluations/<uuid:pk>/behaviour/", behaviour.evaluation_behaviour, name="evaluation-behaviour"),
    path("evaluations/<uuid:pk>/behaviour.csv", behaviour.behaviour_csv, name="evaluation-behaviour-csv"),
    path("evaluations/<uuid:pk>/leakage.csv", wear.leakage_csv, name="evaluation-leakage-csv"),
    path("evaluations/<uuid:pk>/threshold/", threshold.evaluation_threshold, name="evaluation-threshold"),
]
