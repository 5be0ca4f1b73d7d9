from django.urls import path

from apps.sweeps.api import views

urlpatterns = [
    path("sweeps", views.SweepListView.as_view(), name="api-sweep-list"),
    path("sweeps/<uuid:pk>", views.SweepView.as_view(), name="api-sweep-detail"),
    path("sweeps/<uuid:pk>/trials", views.TrialListView.as_view(), name="api-sweep-trials"),
    path("sweeps/<uuid:pk>/cancel", views.SweepCancelView.as_view(), name="api-sweep-cancel"),
]
