from django.urls import path

from apps.evaluations.api import predictions, views

urlpatterns = [
    path("evaluations", views.EvaluationListView.as_view(), name="api-evaluation-list"),
    path("evaluations/predictions", predictions.PredictionsView.as_view(), name="api-predictions-judge"),
    path("evaluations/<uuid:pk>", views.EvaluationView.as_view(), name="api-evaluation-detail"),
    path("evaluations/<uuid:pk>/findings", views.FindingsView.as_view(), name="api-evaluation-findings"),
]
