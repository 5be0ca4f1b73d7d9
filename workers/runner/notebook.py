"""Runs a notebook from its first cell to its last with nbclient and ipykernel of the job's environment. Run by path
with that environment's interpreter: nothing of this project is imported.

argv[1] is a JSON file: "target", "values" (set in a cell of their own after the one tagged “parameters”), and "result",
where the executed notebook is written, also when a cell fails. FAIRWAY_KERNEL_PORTS names the five ports that the
kernel may listen on; it is reached over the loopback address, signed with a key that only this process and it know.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

_PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")


def say(text: str) -> None:
    """A piece of the job's log."""
    sys.stdout.write(text)
    sys.stdout.flush()


def parameters_set(notebook: Any, values: "dict[str, Any]", make: Any) -> None:
    """Puts the values into a cell after the one that is tagged “parameters”, else before all."""
    if not values:
        return
    text = "# Parameters of this job\n" + "\n".join(f"{name} = {value!r}" for name, value in values.items())
    cell = make(text, metadata={"tags": ["injected-parameters"]})
    tagged = [at for at, one in enumerate(notebook.cells) if "parameters" in one.metadata.get("tags", [])]
    notebook.cells.insert(tagged[0] + 1 if tagged else 0, cell)


def main() -> int:
    """Runs what the file names; returns the exit code."""
    told = json.loads(Path(sys.argv[1]).read_text())
    # The kernel asks for a port that a job does not have, says so, and does without: output of a cell's own
    # subprocesses is not shown.
    os.environ["PYTHONWARNINGS"] = "ignore:Couldn't bind IOPub Pipe:UserWarning"
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    notebook = nbformat.read(told["target"], as_version=4)
    parameters_set(notebook, told["values"], nbformat.v4.new_code_cell)
    count = len(notebook.cells)

    def begun(cell: Any, cell_index: int) -> None:
        say(f"Cell {cell_index + 1} of {count}\n")

    def ended(cell: Any, cell_index: int, execute_reply: Any) -> None:
        for output in cell.get("outputs", []):
            if output.get("output_type") == "stream":
                say(output["text"])

    client = NotebookClient(
        notebook,
        timeout=None,
        kernel_name="python3",
        resources={"metadata": {"path": os.getcwd()}},
        extra_arguments=["--log-level=50"],
        on_cell_execute=begun,
        on_cell_executed=ended,
    )
    manager = client.create_kernel_manager()
    manager.ip, manager.cache_ports = "127.0.0.1", False
    for name, port in zip(_PORTS, os.environ["FAIRWAY_KERNEL_PORTS"].split(",")):  # noqa: B905 - Python 3.9
        setattr(manager, name, int(port))
    try:
        client.execute()
    except CellExecutionError as error:
        number = next(at for at, one in enumerate(notebook.cells, start=1) if failed(one))
        say(f"{error.ename}: {error.evalue} (cell {number})\n")
        return 1
    finally:
        nbformat.write(notebook, told["result"])
    return 0


def failed(cell: Any) -> bool:
    """Did the cell end with an error?"""
    return any(output.get("output_type") == "error" for output in cell.get("outputs", []))


if __name__ == "__main__":
    sys.exit(main())
