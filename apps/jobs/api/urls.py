from django.urls import path

from apps.jobs.api import attempt, queues, quotas, views

urlpatterns = [
    path("jobs", views.JobListView.as_view(), name="api-job-list"),
    path("quotas", quotas.QuotaListView.as_view(), name="api-quotas"),
    path("quotas/<uuid:pk>", quotas.QuotaView.as_view(), name="api-quota"),
    path("queues", queues.QueueListView.as_view(), name="api-queues"),
    path("queues/<uuid:pk>", queues.QueueView.as_view(), name="api-queue"),
    path("jobs/cancel", queues.JobsCancelView.as_view(), name="api-jobs-cancel"),
    path("forecasts", queues.ForecastView.as_view(), name="api-forecast"),
    path("jobs/<uuid:pk>/queue", queues.JobQueueView.as_view(), name="api-job-queue"),
    path("jobs/<uuid:pk>", views.JobView.as_view(), name="api-job"),
    path("jobs/<uuid:pk>/log", views.JobLogView.as_view(), name="api-job-log"),
    path("jobs/<uuid:pk>/log.txt", views.JobLogTextView.as_view(), name="api-job-log-text"),
    path("jobs/<uuid:pk>/events", views.JobEventsView.as_view(), name="api-job-events"),
    path("jobs/<uuid:pk>/cancel", views.JobCancelView.as_view(), name="api-job-cancel"),
    path("jobs/<uuid:pk>/priority", views.JobPriorityView.as_view(), name="api-job-priority"),
    path("jobs/<uuid:pk>/retry", views.JobRetryView.as_view(), name="api-job-retry"),
    path("jobs/<uuid:pk>/resume", views.JobResumeView.as_view(), name="api-job-resume"),
    path("attempt", attempt.AttemptView.as_view(), name="api-attempt"),
    path("attempt/files/<str:sha256>", attempt.AttemptFileView.as_view(), name="api-attempt-file"),
    path("attempt/progress", attempt.AttemptProgressView.as_view(), name="api-attempt-progress"),
    path("attempt/outputs/<str:name>", attempt.AttemptOutputView.as_view(), name="api-attempt-output"),
    path("attempt/checkpoint", attempt.AttemptCheckpointView.as_view(), name="api-attempt-checkpoint"),
    path("attempt/results", attempt.AttemptResultsView.as_view(), name="api-attempt-results"),
]
