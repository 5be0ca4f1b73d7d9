from django.urls import path

from apps.home.web import docs, health, storage, views

urlpatterns = [
    path("", views.home, name="home"),
    path("home/tasks", views.tasks, name="home-tasks"),
    path("home/live", views.live, name="home-live"),
    path("api/docs", docs.api_docs, name="api-docs"),
    path("admin/health/", health.health, name="health"),
    path("admin/health/now/", health.health_now, name="health-now"),
    path("admin/health/workers/<uuid:pk>/drain/", health.worker_drain, name="worker-drain"),
    path("admin/health/workers/<uuid:pk>/resume/", health.worker_resume, name="worker-resume"),
    path("admin/storage/", storage.storage_usage, name="storage-usage"),
    path("admin/storage/check/", storage.storage_check, name="storage-check"),
    path("admin/storage/files/", storage.storage_file_list, name="storage-file-list"),
    path("admin/storage/files/<slug:sha256>/", storage.storage_file, name="storage-file"),
    path("purge/data/<uuid:pk>/", storage.purge_dataset_version, name="purge-dataset-version"),
    path("purge/run/<uuid:pk>/", storage.purge_run, name="purge-run"),
    path("search", views.search, name="home-search"),
    path("summary", views.summary, name="home-summary"),
]
