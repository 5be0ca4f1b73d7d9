from django.urls import path

from apps.reviews.web import asking, decision, views

urlpatterns = [
    path("reviews/", views.review_list, name="review-list"),
    path("reviews/new/", asking.request_create, name="request-create"),
    path("reviews/<uuid:pk>/", decision.review_detail, name="review-detail"),
    path("reviews/<uuid:pk>/decision/", decision.review_decide, name="review-decide"),
    path("reviews/<uuid:pk>/messages/", views.message_add, name="request-message"),
    path("reviews/<uuid:pk>/withdraw/", views.request_withdraw, name="request-withdraw"),
    path("reviews/<uuid:pk>/renew/", views.request_renew, name="request-renew"),
    path("reviews/<uuid:pk>/withdraw-approval/", views.approval_withdraw, name="approval-withdraw"),
]
