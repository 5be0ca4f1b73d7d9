from django.urls import path

from apps.stores.web import moves, views

urlpatterns = [
    path("admin/storage/backends/", views.store_list, name="store-list"),
    path("admin/storage/backends/new/", views.store_create, name="store-create"),
    path("admin/storage/backends/<uuid:pk>/", views.store_detail, name="store-detail"),
    path("admin/storage/backends/<uuid:pk>/edit/", views.store_edit, name="store-edit"),
    path("admin/storage/backends/<uuid:pk>/now/", views.store_now, name="store-now"),
    path("admin/storage/backends/<uuid:pk>/use/", views.store_use, name="store-use"),
    path("admin/storage/backends/<uuid:pk>/test/", views.store_test, name="store-test"),
    path("admin/storage/backends/<uuid:pk>/pause/", views.store_pause, name="store-pause"),
    path("admin/storage/backends/<uuid:pk>/resume/", views.store_resume, name="store-resume"),
    path("admin/storage/backends/<uuid:pk>/remove/", views.store_remove, name="store-remove"),
    path("admin/storage/backends/<uuid:pk>/teams/attach/", views.store_team_attach, name="store-team-attach"),
    path("admin/storage/moves/", moves.move_list, name="store-move-list"),
    path("admin/storage/moves/new/", moves.move_create, name="store-move-create"),
    path("admin/storage/moves/<uuid:pk>/", moves.move_detail, name="store-move-detail"),
    path("admin/storage/moves/<uuid:pk>/now/", moves.move_now, name="store-move-now"),
    path("admin/storage/moves/<uuid:pk>/cancel/", moves.move_cancel, name="store-move-cancel"),
]
