"""One flavor of model, named by the argument: logged, loaded by its run, by its own address and from the registry."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import mlflow
import numpy as np
from mlflow.models import infer_signature

ROWS = np.random.default_rng(7).normal(size=(120, 4)).astype("float32")
TRUTH = (ROWS[:, 0] + ROWS[:, 1] > 0).astype(int)


def sklearn():
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit(ROWS, TRUTH)
    return mlflow.sklearn, {"sk_model": model}, model.predict(ROWS)


def lightgbm():
    import lightgbm

    settings = {"objective": "binary", "verbose": -1, "num_threads": 1}
    model = lightgbm.train(settings, lightgbm.Dataset(ROWS, TRUTH), num_boost_round=5)
    return mlflow.lightgbm, {"lgb_model": model}, model.predict(ROWS)


def xgboost():
    import xgboost

    model = xgboost.train({"objective": "binary:logistic", "nthread": 1}, xgboost.DMatrix(ROWS, label=TRUTH), 5)
    return mlflow.xgboost, {"xgb_model": model}, model.predict(xgboost.DMatrix(ROWS))


def keras():
    import keras

    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1, activation="sigmoid")])
    model.compile(optimizer="sgd", loss="binary_crossentropy")
    model.fit(ROWS, TRUTH, epochs=1, verbose=0)
    return mlflow.keras, {"model": model}, model.predict(ROWS, verbose=0)


def onnx():
    from skl2onnx import to_onnx
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit(ROWS, TRUTH)
    converted = to_onnx(model, ROWS[:1], options={"zipmap": False})
    return mlflow.onnx, {"onnx_model": converted}, model.predict(ROWS)


def code():
    Path("adding.py").write_text(
        "import mlflow\n\n\nclass Adding(mlflow.pyfunc.PythonModel):\n"
        "    def predict(self, context, model_input, params=None):\n        return model_input.sum(axis=1)\n\n\n"
        "mlflow.models.set_model(Adding())\n"
    )
    return mlflow.pyfunc, {"python_model": "adding.py"}, ROWS.sum(axis=1)


def answer_of(address: str) -> np.ndarray:
    found = mlflow.pyfunc.load_model(address).predict(ROWS)
    if isinstance(found, dict):
        found = found["label"]
    return np.asarray(getattr(found, "to_numpy", lambda: found)()).squeeze()


def main(name: str) -> None:
    makers = {"sklearn": sklearn, "lightgbm": lightgbm, "xgboost": xgboost, "keras": keras, "onnx": onnx, "code": code}
    flavor, given, wanted = makers[name]()
    mlflow.set_experiment("compat flavors")
    with mlflow.start_run() as run:
        logged = flavor.log_model(
            **given, name="model", signature=infer_signature(ROWS, wanted), pip_requirements=["mlflow"]
        )
    version = mlflow.register_model(logged.model_uri, f"compat {name}")
    version = mlflow.MlflowClient().get_model_version(version.name, version.version)
    addresses = {"run": f"runs:/{run.info.run_id}/model", "model": logged.model_uri}
    said = {key: bool(np.allclose(answer_of(a), wanted.squeeze(), atol=1e-5)) for key, a in addresses.items()}
    try:
        registered = f"models:/{version.name}/{version.version}"
        said["registered"] = bool(np.allclose(answer_of(registered), wanted.squeeze(), atol=1e-5))
    except mlflow.MlflowException as error:
        said["registered"] = str(error)
    said |= {"status": version.status, "message": version.status_message or ""}
    sys.stdout.write(json.dumps(said) + "\n")


main(sys.argv[1])
