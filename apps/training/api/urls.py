from django.urls import path

from apps.training.api import code_views, views

urlpatterns = [
    path("recipes", views.RecipeListView.as_view(), name="api-recipe-list"),
    path("launches", views.LaunchListView.as_view(), name="api-launch-list"),
    path("launches/<uuid:pk>", views.LaunchView.as_view(), name="api-launch-detail"),
    path("runs/<uuid:pk>/reproductions", views.ReproductionListView.as_view(), name="api-reproduction-list"),
    path("code-launches", code_views.CodeLaunchListView.as_view(), name="api-code-launch-list"),
    path("code-launches/<uuid:pk>", code_views.CodeLaunchView.as_view(), name="api-code-launch-detail"),
    path("launch-templates", code_views.TemplateListView.as_view(), name="api-template-list"),
    path("launch-templates/<uuid:pk>", code_views.TemplateView.as_view(), name="api-template-detail"),
    path("launch-templates/<uuid:pk>/launch", code_views.TemplateLaunchView.as_view(), name="api-template-launch"),
]
