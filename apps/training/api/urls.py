from django.urls import path

from apps.training.api import views

urlpatterns = [
    path("recipes", views.RecipeListView.as_view(), name="api-recipe-list"),
    path("launches", views.LaunchListView.as_view(), name="api-launch-list"),
    path("launches/<uuid:pk>", views.LaunchView.as_view(), name="api-launch-detail"),
    path("runs/<uuid:pk>/reproductions", views.ReproductionListView.as_view(), name="api-reproduction-list"),
]
