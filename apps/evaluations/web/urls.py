from django.urls import path

from apps.evaluations.web import exports, launch, views

urlpatterns = [
    path("evaluations/", views.evaluation_list, name="evaluation-list"),
    path("evaluations/launch/", launch.evaluation_launch, name="evaluation-launch"),
    path("evaluations/<uuid:pk>/", views.evaluation_detail, name="evaluation-detail"),
    path("evaluations/<uuid:pk>/group/", views.evaluation_group, name="evaluation-group"),
    path("evaluations/<uuid:pk>/archive/", views.evaluation_archive, name="evaluation-archive"),
    path("evaluations/<uuid:pk>/report.csv", exports.report_csv, name="evaluation-csv"),
    path("evaluations/<uuid:pk>/report.json", exports.report_json, name="evaluation-json"),
    path("evaluations/<uuid:pk>/curves.csv", exports.curves_csv, name="evaluation-curves-csv"),
]
