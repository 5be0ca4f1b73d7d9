"""Addresses of all pages with ids that exist, for tests and benchmarks that visit every one of them."""

from __future__ import annotations

import re

from django.db import connection

from tests.architecture.test_routes import Route, routes_all

# Where an address takes an id: the table of that id, by the beginning of the route's name.
TABLES = {
    "person": "accounts_user",
    "grant-create": "accounts_user",
    "team": "accounts_team",
    "audit": "audit_auditevent",
    "notice": "notices_notice",
    "problem": "problems_problem",
    "dataset-version": "datasets_datasetversion",
    "dataset": "datasets_dataset",
    "job": "jobs_job",
    "quota": "accounts_team",
    "code": "code_bundle",
    "environment": "code_environment",
    "template": "training_launchtemplate",
    "schedule": "schedules_schedule",
    "sweep": "sweeps_sweep",
    "experiment": "experiments_experiment",
    "run": "experiments_run",
    "trace": "traces_trace",
    "model": "registry_model",
    "version": "registry_modelversion",
    "evaluation": "evaluations_evaluation",
    "evaluation-dataset": "experiments_evaluationdataset",
    "evaluation-record": "experiments_evaluationrecord",
    "review": "reviews_approvalrequest",
    "request": "reviews_approvalrequest",
    "deployment": "deployments_deployment",
    "batch": "deployments_batchscore",
    "purge-dataset": "datasets_datasetversion",
    "purge-run": "experiments_run",
    "storage-file": "core_storedblob",
    "compute": "compute_computetarget",
    "store": "stores_storagebackend",
    "store-move": "stores_storagemove",
    "webhook": "webhooks_webhook",
    "webhook-delivery": "webhooks_delivery",
}
# What a page needs in its query to show anything.
QUERIES = {
    "run-compare": "SELECT string_agg('run=' || id::text, '&') FROM (SELECT id FROM experiments_run LIMIT 5) r",
    "training-launch": "SELECT 'version=' || id::text FROM datasets_datasetversion LIMIT 1",
    "request-create": "SELECT 'version=' || id::text FROM registry_modelversion ORDER BY number DESC LIMIT 1",
    "evaluation-launch": "SELECT 'version=' || id::text FROM registry_modelversion ORDER BY number DESC LIMIT 1",
    "evaluation-group": "SELECT 'key=overall'",
    "predictions-judge": "SELECT 'data=' || id::text FROM datasets_datasetversion LIMIT 1",
    "table-judge": "SELECT 'run=' || id::text FROM experiments_run LIMIT 1",
    "code-launch": "SELECT 'dataset_version=' || id::text FROM datasets_datasetversion LIMIT 1",
    "home-search": "SELECT 'q=logistic'",
}


def one(query: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(query)
        row = cursor.fetchone()
    return str(row[0]) if row else ""


def address(route: Route) -> str:
    """The route's address with ids of the newest rows."""
    path = re.sub(r"<int:\w+>", "1", route.pattern)
    if "<uuid:" in path or "<slug:sha256>" in path:
        begin = max((name for name in TABLES if route.name.startswith(name)), key=len, default="")
        if not begin:
            return ""
        key = "sha256" if "<slug:sha256>" in path else "id"
        found = one(f'SELECT "{key}"::text FROM "{TABLES[begin]}" ORDER BY "{key}" DESC LIMIT 1')  # noqa: S608
        path = re.sub(r"<(?:uuid:\w+|slug:sha256)>", found, path)
    if "<" in path or "(?" in path:
        return ""
    query = QUERIES.get(route.name)
    return f"/{path}" + (f"?{one(query)}" if query else "")


def pages_all() -> dict[str, Route]:
    """Every route that may be a page, by name."""
    outside = ("/api/v1/", "/internal/", "/ajax-api/", "/health/")
    return {route.name: route for route in routes_all() if route.name and not route.path.startswith(outside)}
