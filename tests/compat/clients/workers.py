"""Processes that log to one run, as distributed training does, and the machine's own metrics meanwhile."""

from __future__ import annotations

import json
import multiprocessing
import sys

import mlflow

PROCESSES = 4


def work(run_id: str, rank: int) -> None:
    client = mlflow.MlflowClient()
    for step in range(50):
        client.log_metric(run_id, f"loss of {rank}", rank + step / 100, step=step)
        client.log_metric(run_id, "shared", rank, step=step)
    client.log_param(run_id, f"rank {rank}", rank)
    client.set_tag(run_id, f"rank.{rank}", "done")
    client.log_text(run_id, str(rank), f"ranks/{rank}.txt")


def main() -> None:
    client = mlflow.MlflowClient()
    mlflow.set_experiment("compat workers")
    mlflow.set_system_metrics_sampling_interval(1)
    mlflow.set_system_metrics_samples_before_logging(1)
    context = multiprocessing.get_context("spawn")
    with mlflow.start_run(log_system_metrics=True) as run:
        workers = [context.Process(target=work, args=(run.info.run_id, rank)) for rank in range(PROCESSES)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    held = client.get_run(run.info.run_id)
    said = {
        "ended": [worker.exitcode for worker in workers],
        "own": [len(client.get_metric_history(run.info.run_id, f"loss of {rank}")) for rank in range(PROCESSES)],
        "shared": len(client.get_metric_history(run.info.run_id, "shared")),
        "params": len(held.data.params),
        "tags": sum(key.startswith("rank.") for key in held.data.tags),
        "files": len(client.list_artifacts(run.info.run_id, "ranks")),
        "system": sorted(key for key in held.data.metrics if key.startswith("system/")),
    }
    sys.stdout.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main()
