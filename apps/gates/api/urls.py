from django.urls import path

from apps.gates.api import views

urlpatterns = [path("evaluations/<uuid:pk>/gates", views.GateListView.as_view(), name="api-gate-list")]
