from django.urls import path

from apps.reviews.web import views

urlpatterns = [path("reviews/<uuid:pk>/", views.review_detail, name="review-detail")]
