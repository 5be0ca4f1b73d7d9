from django.urls import path

from apps.evaluations.api import exports, predictions, proposals, tables, views

urlpatterns = [
    path("evaluations", views.EvaluationListView.as_view(), name="api-evaluation-list"),
    path("evaluations/predictions", predictions.PredictionsView.as_view(), name="api-predictions-judge"),
    path("runs/<uuid:pk>/evaluation-tables", tables.TableListView.as_view(), name="api-evaluation-tables"),
    path("evaluation-tables/<uuid:pk>", tables.TableView.as_view(), name="api-evaluation-table"),
    path("evaluations/<uuid:pk>", views.EvaluationView.as_view(), name="api-evaluation-detail"),
    path("evaluations/<uuid:pk>/exports", exports.ExportListView.as_view(), name="api-evaluation-exports"),
    path(
        "evaluations/<uuid:pk>/exports/<uuid:export>/file",
        exports.ExportFileView.as_view(),
        name="api-evaluation-export-file",
    ),
    path("evaluations/<uuid:pk>/findings", views.FindingsView.as_view(), name="api-evaluation-findings"),
    path(
        "evaluations/<uuid:pk>/threshold-proposals",
        proposals.ProposalListView.as_view(),
        name="api-threshold-proposals",
    ),
    path("threshold-proposals/<uuid:pk>", proposals.ProposalView.as_view(), name="api-threshold-proposal"),
    path("threshold-proposals/<uuid:pk>/apply", proposals.ProposalApplyView.as_view(), name="api-threshold-apply"),
]
