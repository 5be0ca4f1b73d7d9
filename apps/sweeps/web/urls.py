from django.urls import path

from apps.sweeps.web import launch, views

urlpatterns = [
    path("sweeps/", views.sweep_list, name="sweep-list"),
    path("sweeps/launch/", launch.sweep_launch, name="sweep-launch"),
    path("sweeps/<uuid:pk>/", views.sweep_detail, name="sweep-detail"),
    path("sweeps/<uuid:pk>/cancel/", views.sweep_cancel, name="sweep-cancel"),
]
