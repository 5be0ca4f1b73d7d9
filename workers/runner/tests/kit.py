"""Runs jobs of the child through the real local executor, and makes small tables for them."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from workers.contracts.jobspec import JobLimits, JobSpec, JobStatus, child_argv
from workers.executors.local import LocalExecutor
from workers.executors.tests.contract import ExecutorKit, ended, texts
from workers.runner.tests.peer import RUN_ID, TOKEN, Peer

SPLIT = {"seed": 3, "fractions": {"train": 0.5, "validation": 0.2, "test": 0.3}, "by": None}
FEATURES = [
    {"name": "age", "type": "INTEGER"},
    {"name": "income", "type": "NUMBER"},
    {"name": "colour", "type": "STRING"},
    {"name": "member", "type": "BOOLEAN"},
]


def people(rows: int = 900, seed: int = 1) -> pa.Table:
    """Generated people with missing values, a two-class, a three-class and a numeric target."""
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 80, rows)
    income = rng.normal(30, 10, rows)
    colour = rng.choice(["red", "green", "blue"], rows, p=[0.5, 0.3, 0.2])
    member = rng.random(rows) < 0.4
    push = (age - 45) / 12 + (income - 30) / 8 + (colour == "red") * 1.2 - member * 0.7 + rng.normal(0, 1, rows)
    return pa.table(
        {
            "age": pa.array(age),
            "income": pa.array(income, mask=rng.random(rows) < 0.1),
            "colour": pa.array(colour, mask=rng.random(rows) < 0.05),
            "member": pa.array(member),
            "held": pa.array(np.where(push > 0.5, "no", "yes")),
            "band": pa.array(np.select([push < -0.7, push < 0.7], ["low", "middle"], "top")),
            "amount": pa.array(push * 10 + 100),
            "__row__": pa.array(range(rows), pa.int64()),
        }
    )


def parquet(table: pa.Table) -> bytes:
    """The table as Parquet bytes."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def job_run(root: Path, peer: Peer, name: str = "job", limits: JobLimits | None = None) -> tuple[JobStatus, list[str]]:
    """Runs the peer's job to its end; returns its status and its lines."""
    kit = ExecutorKit(LocalExecutor(), LocalExecutor, root)
    spec = JobSpec(
        job_id=name,
        attempt=1,
        kind=peer.kind,
        argv=child_argv(),
        directory=str(root / name),
        base_url=peer.url,
        token=TOKEN,
        run_id=RUN_ID,
        limits=limits or JobLimits(),
    )
    handle = kit.executor.submit(spec)
    status = ended(kit, handle, 60)
    return status, texts(kit.executor, handle)


def train_spec(task: str, recipe: str, params: dict[str, Any], table: dict[str, Any]) -> dict[str, Any]:
    """A train spec over `people`."""
    target = {"BINARY": "held", "MULTICLASS": "band", "REGRESSION": "amount", "RANKING": "relevance"}[task]
    return {
        "recipe": recipe,
        "params": params,
        "seed": 5,
        "task": task,
        "target": target,
        "positive_label": "no" if task == "BINARY" else None,
        "features": FEATURES,
        "id_column": None,
        "table": {**table, "format": "parquet"},
        "split": SPLIT,
        "costs": {"false_positive": 1200, "false_negative": 400} if task == "BINARY" else None,
    }
