from django.urls import path

from apps.traces.web import views

urlpatterns = [
    path("experiments/<uuid:pk>/traces/", views.experiment_traces, name="experiment-traces"),
    path("experiments/<uuid:pk>/traces/filter-words/", views.experiment_filter_words, name="experiment-traces-words"),
    path("runs/<uuid:pk>/traces/filter-words/", views.run_filter_words, name="run-traces-words"),
    path("runs/<uuid:pk>/traces/", views.run_traces, name="run-traces"),
    path("traces/<uuid:pk>/", views.trace_detail, name="trace-detail"),
    path("traces/<uuid:pk>/assess/", views.trace_change, name="trace-change"),
    path("traces/<uuid:pk>/delete/", views.trace_delete, name="trace-delete"),
    path("traces/<uuid:pk>/files/<path:path>", views.trace_file, name="trace-file"),
]
