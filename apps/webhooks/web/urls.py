from django.urls import path

from apps.webhooks.web import views

urlpatterns = [
    path("admin/webhooks/", views.webhook_list, name="webhook-list"),
    path("admin/webhooks/new/", views.webhook_create, name="webhook-create"),
    path("admin/webhooks/<uuid:pk>/", views.webhook_detail, name="webhook-detail"),
    path("admin/webhooks/<uuid:pk>/edit/", views.webhook_edit, name="webhook-edit"),
    path("admin/webhooks/<uuid:pk>/test/", views.webhook_test, name="webhook-test"),
    path("admin/webhooks/<uuid:pk>/pause/", views.webhook_pause, name="webhook-pause"),
    path("admin/webhooks/<uuid:pk>/resume/", views.webhook_resume, name="webhook-resume"),
    path("admin/webhooks/<uuid:pk>/resend/", views.webhook_resend, name="webhook-resend"),
    path("admin/webhooks/<uuid:pk>/remove/", views.webhook_remove, name="webhook-remove"),
    path("admin/webhooks/deliveries/<uuid:pk>/", views.webhook_delivery, name="webhook-delivery"),
    path("admin/webhooks/deliveries/<uuid:pk>/resend/", views.webhook_delivery_resend, name="webhook-delivery-resend"),
]
