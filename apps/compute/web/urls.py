from django.urls import path

from apps.compute.web import views

urlpatterns = [
    path("admin/compute/", views.compute_list, name="compute-list"),
    path("admin/compute/new/", views.compute_create, name="compute-create"),
    path("admin/compute/<uuid:pk>/", views.compute_detail, name="compute-detail"),
    path("admin/compute/<uuid:pk>/edit/", views.compute_edit, name="compute-edit"),
    path("admin/compute/<uuid:pk>/now/", views.compute_now, name="compute-now"),
    path("admin/compute/<uuid:pk>/test/", views.compute_test, name="compute-test"),
    path("admin/compute/<uuid:pk>/drain/", views.compute_drain, name="compute-drain"),
    path("admin/compute/<uuid:pk>/resume/", views.compute_resume, name="compute-resume"),
    path("admin/compute/<uuid:pk>/remove/", views.compute_remove, name="compute-remove"),
]
