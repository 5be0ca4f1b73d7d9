from django.urls import path

from apps.schedules.web import create, views

urlpatterns = [
    path("schedules/", views.schedule_list, name="schedule-list"),
    path("schedules/create/", create.schedule_create, name="schedule-create"),
    path("schedules/times/", create.schedule_times, name="schedule-times"),
    path("schedules/<uuid:pk>/", views.schedule_detail, name="schedule-detail"),
    path("schedules/<uuid:pk>/edit/", create.schedule_edit, name="schedule-edit"),
    path("schedules/<uuid:pk>/pause/", views.schedule_pause, name="schedule-pause"),
    path("schedules/<uuid:pk>/resume/", views.schedule_resume, name="schedule-resume"),
    path("schedules/<uuid:pk>/take/", views.schedule_take, name="schedule-take"),
    path("schedules/<uuid:pk>/start/", views.schedule_start, name="schedule-start"),
    path("schedules/<uuid:pk>/remove/", views.schedule_remove, name="schedule-remove"),
]
