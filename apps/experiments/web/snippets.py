"""Experiments and runs from a notebook: what to paste."""

from __future__ import annotations

from apps.experiments.models import EvaluationDataset, Experiment, Run

_HEAD = """import os

import mlflow

os.environ["MLFLOW_TRACKING_TOKEN"] = "<your API token>"
mlflow.set_tracking_uri("{base}")
"""


_DATASETS = _HEAD.replace("import mlflow\n", "import mlflow\nfrom mlflow.genai import datasets\n")


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


def evaluation_dataset_snippet(base: str, dataset: EvaluationDataset) -> str:
    """Read the records of an evaluation dataset."""
    return _DATASETS.format(base=base) + (
        f'\ndataset = datasets.get_dataset(dataset_id="d-{dataset.pk.hex}")\n'
        'print(dataset.to_df()[["inputs", "expectations"]])\n'
    )


def evaluation_dataset_example(base: str) -> str:
    """Make an evaluation dataset and put a first record into it."""
    return _DATASETS.format(base=base) + (
        '\ndataset = datasets.create_dataset("questions", experiment_id="0")\n'
        "dataset.merge_records([{\n"
        '    "inputs": {"question": "What is bail?"},\n'
        '    "expectations": {"answer": "A security for release."},\n'
        "}])\n"
    )
