from django.urls import path

from apps.training.web import reproductions, views

urlpatterns = [
    path("training/launch/", views.training_launch, name="training-launch"),
    path("runs/<uuid:pk>/reproduce/", reproductions.run_reproduce, name="run-reproduce"),
]
