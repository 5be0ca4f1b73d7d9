from django.urls import path

from apps.reviews.api import views

urlpatterns = [
    path("requests", views.RequestListView.as_view(), name="api-request-list"),
    path("requests/<uuid:pk>", views.RequestView.as_view(), name="api-request-detail"),
    path("requests/<uuid:pk>/decision", views.DecisionView.as_view(), name="api-request-decide"),
    path("requests/<uuid:pk>/renew", views.RequestRenewView.as_view(), name="api-request-renew"),
    path("requests/<uuid:pk>/withdraw", views.RequestWithdrawView.as_view(), name="api-request-withdraw"),
    path("requests/<uuid:pk>/withdraw-approval", views.ApprovalWithdrawView.as_view(), name="api-approval-withdraw"),
    path("requests/<uuid:pk>/messages", views.MessageView.as_view(), name="api-request-message"),
]
