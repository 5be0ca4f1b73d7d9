from django.urls import path

from apps.jobs.web import board, quotas, views
from apps.jobs.web import forecast as views_forecast

urlpatterns = [
    path("admin/quotas/", quotas.quota_list, name="quota-list"),
    path("admin/quotas/<uuid:pk>/", quotas.quota_edit, name="quota-edit"),
    path("jobs/", views.job_list, name="job-list"),
    path("jobs/board/", board.job_board, name="job-board"),
    path("jobs/cancel/", board.jobs_cancel, name="jobs-cancel"),
    path("jobs/forecast/", views_forecast.job_forecast, name="job-forecast"),
    path("jobs/<uuid:pk>/", views.job_detail, name="job-detail"),
    path("jobs/<uuid:pk>/now/", views.job_now, name="job-now"),
    path("jobs/<uuid:pk>/log.txt", views.job_log, name="job-log"),
    path("jobs/<uuid:pk>/cancel/", views.job_cancel, name="job-cancel"),
    path("jobs/<uuid:pk>/prioritise/", views.job_prioritise, name="job-prioritise"),
    path("jobs/<uuid:pk>/resume/", views.job_resume, name="job-resume"),
    path("jobs/<uuid:pk>/retry/", views.job_retry, name="job-retry"),
]
