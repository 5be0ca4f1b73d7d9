"""Experiments and runs from a notebook: what to paste."""

from __future__ import annotations

from apps.experiments.models import Experiment, Run

_HEAD = """import os

import mlflow

os.environ["MLFLOW_TRACKING_TOKEN"] = "<your API token>"
mlflow.set_tracking_uri("{base}")
"""


def run_snippet(base: str, run: Run, files: list[str]) -> str:
    """Read a run with MLflow's client; `base` is the address of this installation without a slash at its end."""
    text = _HEAD.format(base=base) + (
        "client = mlflow.MlflowClient()\n"
        f'run = client.get_run("{run.pk.hex}")\n'
        "print(run.data.params, run.data.metrics)\n"
    )
    if files:
        text += f'path = mlflow.artifacts.download_artifacts(run_id="{run.pk.hex}", artifact_path={files[0]!r})\n'
    return text


def experiment_snippet(base: str, experiment: Experiment) -> str:
    """Read an experiment by the number that clients use."""
    return _HEAD.format(base=base) + (
        "client = mlflow.MlflowClient()\n"
        f'experiment = client.get_experiment("{experiment.number}")\n'
        "print(experiment.name)\n"
    )
