from django.urls import path

from apps.live.web import views

urlpatterns = [path("live/replay", views.replay, name="live-replay")]
