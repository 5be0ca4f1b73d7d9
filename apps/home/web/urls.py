from django.urls import path

from apps.home.web import docs, views

urlpatterns = [
    path("", views.home, name="home"),
    path("home/tasks", views.tasks, name="home-tasks"),
    path("home/live", views.live, name="home-live"),
    path("api/docs", docs.api_docs, name="api-docs"),
    path("search", views.search, name="home-search"),
    path("summary", views.summary, name="home-summary"),
]
