from django.urls import path

from apps.jobs.web import views

urlpatterns = [
    path("jobs/", views.job_list, name="job-list"),
    path("jobs/<uuid:pk>/", views.job_detail, name="job-detail"),
    path("jobs/<uuid:pk>/now/", views.job_now, name="job-now"),
    path("jobs/<uuid:pk>/log.txt", views.job_log, name="job-log"),
    path("jobs/<uuid:pk>/cancel/", views.job_cancel, name="job-cancel"),
    path("jobs/<uuid:pk>/prioritise/", views.job_prioritise, name="job-prioritise"),
    path("jobs/<uuid:pk>/retry/", views.job_retry, name="job-retry"),
]
