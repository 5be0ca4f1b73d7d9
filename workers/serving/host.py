"""One model version in one process: `python -m workers.serving.host --fd N --directory DIR --parent PID`.

Started by the gateway alone. It has one socket, its model and nothing else: no token, no address, no other
file, a clean environment with one thread for every maths library. It puts itself into the sandbox before a
single byte of the model or of a library is read, and ends when the socket closes or the parent is gone.

First the gateway sends the signature; the host loads the model and answers READY, QUARANTINED (the contents are
not of the kinds we load: never tried again) or FAILED; with READY go the classes it knows. Then every frame is
a batch: columns in, numbers out, or one sentence when the model did not take the rows. The stored pipeline
predicts through the same code as in training.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workers.contracts.signature import Signature
from workers.sandbox import SandboxPolicy, readable_paths, sandbox_apply
from workers.serving.frames import FLOATS, FrameReader, frame_encode

if TYPE_CHECKING:
    from workers.runner.model_io import LoadedModel

READY, QUARANTINED, FAILED = "READY", "QUARANTINED", "FAILED"
PARENT_SECONDS = 0.5
ERROR_CHARACTERS = 500
_RECEIVE = 1 << 20
_WORKERS = Path(__file__).resolve().parents[1]


class NotReady(Exception):
    """The model cannot serve; `state` is QUARANTINED or FAILED."""

    def __init__(self, state: str, sentence: str) -> None:
        super().__init__(sentence)
        self.state = state


def model_open(directory: Path) -> LoadedModel:
    """The loaded model. Raises NotReady."""
    from workers.runner.model_io import ModelRefused, model_load

    try:
        return model_load(directory)
    except ModelRefused as refused:
        # Judged by its contents: that does not change, and the control plane quarantines the version for it. A library
        # that raised on a file which looked right (no memory, a missing system library) is no such proof.
        judged = refused.__cause__ is None or type(refused.__cause__).__name__ == "UntrustedTypesFoundException"
        raise NotReady(QUARANTINED if judged else FAILED, str(refused)) from refused


def batch_predict(model: LoadedModel, signature: Signature, header: dict[str, Any], body: bytes) -> bytes:
    """The result frame for one batch: probabilities or values, row after row. Never raises for what the model
    does.
    """
    import numpy as np

    try:
        columns: dict[str, Any] = {}
        start, rows = 0, int(header["rows"])
        for tensor, (kind, values) in zip(signature.inputs, header["columns"], strict=True):
            if kind == FLOATS:
                columns[tensor.name] = np.frombuffer(body, dtype="<f8", count=rows, offset=start)
                start += rows * 8
            else:
                columns[tensor.name] = values
        result = model.predict_columns(columns, signature)
        width = 1 if result.ndim == 1 else result.shape[1]
        if result.shape[0] != rows:
            raise ValueError(f"the model answered {result.shape[0]} rows for {rows}")
        if not np.isfinite(result).all():
            raise ValueError("the model answered a number that is not finite")
        return frame_encode({"rows": rows, "width": width}, np.ascontiguousarray(result, dtype="<f8").tobytes())
    except Exception as error:  # noqa: BLE001 - a stored pipeline raises whatever it likes; the host must go on
        return frame_encode({"error": f"{type(error).__name__}: {error}"[:ERROR_CHARACTERS]})


def warm_up(model: LoadedModel, signature: Signature) -> None:
    """One prediction before the first request, so that no caller pays for late imports. A failure says nothing."""
    columns: list[list[Any]] = []
    for tensor in signature.inputs:
        if tensor.datatype == "BYTES":
            columns.append(["json", [str(tensor.levels[0]) if tensor.levels else ""]])
        else:
            columns.append(["json", [0.0]])
    batch_predict(model, signature, {"rows": 1, "columns": columns}, b"")


def serve(link: socket.socket, directory: Path) -> None:
    """Loads, says so, and answers batches until the socket closes."""
    frames = _frames(link)
    signature = Signature.from_json(next(frames)[0]["signature"])
    try:
        model = model_open(directory)
    except NotReady as reason:
        link.sendall(frame_encode({"state": reason.state, "error": str(reason)}))
        next(frames, None)  # the gateway has read it when it hangs up
        return
    warm_up(model, signature)
    classes = None if model.classes is None else [str(label) for label in model.classes]
    link.sendall(frame_encode({"state": READY, "classes": classes}))
    for header, body in frames:
        link.sendall(batch_predict(model, signature, header, body))


def _frames(link: socket.socket) -> Iterator[tuple[dict[str, Any], bytes]]:
    reader = FrameReader()
    while data := link.recv(_RECEIVE):
        yield from reader.feed(data)


def _leave_with(parent: int) -> None:
    """Ends this process when its parent is gone, also while a model computes and on systems without a death
    signal.
    """
    while os.getppid() == parent:
        time.sleep(PARENT_SECONDS)
    os._exit(0)


def main() -> None:
    """The process. Ends without Python's shutdown: nothing here needs it, and a drain should not wait for it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--memory-bytes", type=int)
    options = parser.parse_args()
    # Whatever else was inherited (the process library leaves copies of the pipes behind) is closed.
    os.closerange(3, options.fd)
    os.closerange(options.fd + 1, 1024)
    policy = SandboxPolicy(
        read=readable_paths(_WORKERS, options.directory),
        write=(),
        connect_ports=(),
        data_bytes=options.memory_bytes,
        file_bytes=0,
        open_files=256,
    )
    sandbox_apply(policy, options.parent)
    # After the sandbox, which binds the calling thread and those it starts.
    threading.Thread(target=_leave_with, args=(options.parent,), daemon=True).start()
    link = socket.socket(fileno=options.fd)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the gateway is gone
        serve(link, options.directory)
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
