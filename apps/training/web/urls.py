from django.urls import path

from apps.training.web import code_launch, reproductions, templates, views

urlpatterns = [
    path("training/launch/", views.training_launch, name="training-launch"),
    path("runs/<uuid:pk>/reproduce/", reproductions.run_reproduce, name="run-reproduce"),
    path("code/launch/", code_launch.code_launch, name="code-launch"),
    path("templates/", templates.template_list, name="template-list"),
    path("templates/<uuid:pk>/", templates.template_detail, name="template-detail"),
    path("templates/<uuid:pk>/remove/", templates.template_remove, name="template-remove"),
]
