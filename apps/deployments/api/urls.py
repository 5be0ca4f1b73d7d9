from django.urls import path

from apps.deployments.api import batches, views

urlpatterns = [
    path("deployments", views.DeploymentListView.as_view(), name="api-deployment-list"),
    path("deployments/<uuid:pk>", views.DeploymentView.as_view(), name="api-deployment-detail"),
    path("deployments/<uuid:pk>/splits", views.SplitListView.as_view(), name="api-deployment-splits"),
    path("deployments/<uuid:pk>/traffic", views.TrafficView.as_view(), name="api-deployment-traffic"),
    path("deployments/<uuid:pk>/predictions", views.PredictionListView.as_view(), name="api-deployment-predictions"),
    path("deployments/<uuid:pk>/rollback", views.RollbackView.as_view(), name="api-deployment-rollback"),
    path("deployments/<uuid:pk>/kill", views.KillView.as_view(), name="api-deployment-kill"),
    path("deployments/<uuid:pk>/pause", views.PauseView.as_view(), name="api-deployment-pause"),
    path("deployments/<uuid:pk>/resume", views.ResumeView.as_view(), name="api-deployment-resume"),
    path("deployments/<uuid:pk>/retire", views.RetireView.as_view(), name="api-deployment-retire"),
    path("deployments/<uuid:pk>/mask", views.MaskView.as_view(), name="api-deployment-mask"),
    path("deployments/<uuid:pk>/batch-scores", batches.BatchScoreListView.as_view(), name="api-batch-score-list"),
    path(
        "deployments/<uuid:pk>/batch-scores/<uuid:batch>",
        batches.BatchScoreView.as_view(),
        name="api-batch-score-detail",
    ),
    path(
        "deployments/<uuid:pk>/batch-scores/<uuid:batch>/file",
        batches.BatchScoreFileView.as_view(),
        name="api-batch-score-file",
    ),
]
