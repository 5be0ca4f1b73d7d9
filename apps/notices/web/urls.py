"""Addresses of the pages."""

from django.urls import path

from apps.notices.web import views

urlpatterns = [
    path("notices/", views.notice_list, name="notice-list"),
    path("notices/read-all/", views.notices_read_all, name="notices-read-all"),
    path("notices/<uuid:pk>/open/", views.notice_open, name="notice-open"),
    path("notices/<uuid:pk>/read/", views.notice_read, name="notice-read"),
]
