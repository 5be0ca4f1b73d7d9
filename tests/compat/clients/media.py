"""Images, figures and tables, by step and by name; and evaluating a model."""

from __future__ import annotations

import json
import sys

import matplotlib
import mlflow
import numpy as np
import pandas as pd

matplotlib.use("agg")


def main() -> None:
    import matplotlib.pyplot as plt
    from PIL import Image
    from sklearn.linear_model import LogisticRegression

    mlflow.set_experiment("compat media")
    figure, axes = plt.subplots()
    axes.plot([1, 2, 3])
    with mlflow.start_run() as run:
        mlflow.log_image(np.zeros((8, 8, 3), dtype="uint8"), "array.png")
        mlflow.log_image(Image.new("RGB", (8, 8), "red"), key="dog", step=3)
        mlflow.log_figure(figure, "figure.png")
        mlflow.log_table({"question": ["a", "b"], "answer": ["c", "d"]}, artifact_file="table.json")
        mlflow.log_table(pd.DataFrame({"question": ["e"], "answer": ["f"]}), artifact_file="table.json")
        # The image of a step is sent in the background.
        mlflow.flush_artifact_async_logging()
    client = mlflow.MlflowClient()
    table = mlflow.load_table("table.json", run_ids=[run.info.run_id])
    image = mlflow.artifacts.load_image(f"runs:/{run.info.run_id}/array.png")
    rng = np.random.default_rng(7)
    frame = pd.DataFrame(rng.normal(size=(120, 2)), columns=["a", "b"])
    frame["y"] = (frame["a"] > 0).astype(int)
    model = LogisticRegression().fit(frame[["a", "b"]], frame["y"])
    with mlflow.start_run() as judged:
        logged = mlflow.sklearn.log_model(model, name="model", pip_requirements=["scikit-learn"])
        result = mlflow.models.evaluate(
            logged.model_uri,
            frame,
            targets="y",
            model_type="classifier",
            evaluator_config={"log_model_explainability": False},
        )
    held = client.get_run(judged.info.run_id)
    said = {
        "files": sorted(file.path for file in client.list_artifacts(run.info.run_id)),
        "stepped": len(client.list_artifacts(run.info.run_id, "images")),
        "table": table["answer"].tolist(),
        "image": list(image.size),
        "evaluated": {
            key: bool(held.data.metrics[key] == value)
            for key, value in result.metrics.items()
            if key in held.data.metrics
        },
        "plots": sorted(file.path for file in client.list_artifacts(judged.info.run_id)),
        "inputs": len(held.inputs.dataset_inputs),
    }
    sys.stdout.write(json.dumps(said) + "\n")


main()
