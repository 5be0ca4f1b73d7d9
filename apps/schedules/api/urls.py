from django.urls import path

from apps.schedules.api import views

urlpatterns = [
    path("schedules", views.ScheduleListView.as_view(), name="api-schedule-list"),
    path("schedules/times", views.ScheduleTimesView.as_view(), name="api-schedule-times"),
    path("schedules/<uuid:pk>", views.ScheduleView.as_view(), name="api-schedule-detail"),
    path("schedules/<uuid:pk>/runs", views.ScheduleRunsView.as_view(), name="api-schedule-runs"),
    path("schedules/<uuid:pk>/pause", views.SchedulePauseView.as_view(), name="api-schedule-pause"),
    path("schedules/<uuid:pk>/resume", views.ScheduleResumeView.as_view(), name="api-schedule-resume"),
    path("schedules/<uuid:pk>/take", views.ScheduleTakeView.as_view(), name="api-schedule-take"),
    path("schedules/<uuid:pk>/start", views.ScheduleStartView.as_view(), name="api-schedule-start"),
]
