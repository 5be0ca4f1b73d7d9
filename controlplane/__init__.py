"""Wiring only. Empty on purpose: the supervisor lives in this package and must load neither Celery nor Django."""
