from django.urls import path

from apps.training.web import views

urlpatterns = [
    path("training/launch/", views.training_launch, name="training-launch"),
]
