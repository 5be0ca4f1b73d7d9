"""Addresses of the JSON API."""

from django.urls import path

from apps.stores.api import views

urlpatterns = [
    path("storage-backends", views.StoresView.as_view(), name="api-storage-backends"),
    path("storage-backends/<uuid:pk>", views.StoreView.as_view(), name="api-storage-backend"),
    path("storage-backends/<uuid:pk>/test", views.StoreTestView.as_view(), name="api-storage-backend-test"),
    path("storage-backends/<uuid:pk>/read-only", views.StoreCloseView.as_view(), name="api-storage-backend-close"),
    path("storage-backends/<uuid:pk>/writable", views.StoreReopenView.as_view(), name="api-storage-backend-reopen"),
    path("storage-backends/<uuid:pk>/teams", views.StoreTeamsView.as_view(), name="api-storage-backend-teams"),
    path("storage-backends/<uuid:pk>/use", views.StoreUseView.as_view(), name="api-storage-backend-use"),
    path(
        "storage-backends/<uuid:pk>/retention", views.StoreRetentionView.as_view(), name="api-storage-backend-retention"
    ),
    path("storage-tests/<uuid:pk>", views.TestView.as_view(), name="api-storage-test"),
    path("storage-moves", views.MovesView.as_view(), name="api-storage-moves"),
    path("storage-moves/<uuid:pk>", views.MoveView.as_view(), name="api-storage-move"),
    path("storage-moves/<uuid:pk>/cancel", views.MoveCancelView.as_view(), name="api-storage-move-cancel"),
]
