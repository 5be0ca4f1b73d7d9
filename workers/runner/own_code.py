"""People's own code in a job: unpack it, fetch its inputs, run it as a process of its own, keep what it left.

What of a job's spec is read: "code" {sha256, size, filename, kind, root}, "entry" (`apps.code.contracts.Entry` as
JSON), "command" (words instead of an entry), "values", "inputs" {parameter: {"kind", "files": [{sha256, size, path}]}},
"seed", "checkpoint" (the folder whose files are kept to go on from).
The process runs with the job's environment (FAIRWAY_ENVIRONMENT, a virtual environment) or this interpreter. It gets
the run token as MLFLOW_TRACKING_TOKEN, so that MLflow's client in it writes to its own run.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, Any

from workers.contracts.parameters import argv_of, text_of
from workers.runner.bar_telling import BarTeller
from workers.runner.bars import OpenLine
from workers.runner.checkpoints import Keeper, folder_fill
from workers.runner.client import PATIENCE_SECONDS, ApiError, Cancelled
from workers.runner.errors import BadInput
from workers.runner.job import Job

OUTPUTS = "outputs"
OUTPUTS_TAG = "fairway.outputs"
MAX_OUTPUTS = 1_000
TAIL = 64 * 1024
GRACE_SECONDS = 4.0
_RAISED = re.compile(r"^([A-Za-z_][\w.]*)(: .*)?$")
_CELL = re.compile(r"^[A-Za-z_][\w.]*: .*\(cell \d+\)$")
_PLACE = re.compile(r'^ +File "(?P<file>[^"]+)", line (?P<line>\d+)')
_NOTEBOOK = Path(__file__).with_name("notebook.py")
_CALLING = Path(__file__).with_name("calling.py")


def run(job: Job) -> None:
    """Does the job. Raises BadInput with the cause when the code fails, ApiError, Cancelled."""
    home = job.directory / "code"
    job.progress(None, "Fetching the code")
    shipped = code_unpack(job, home)
    root = home / str(job.spec["code"]["root"]) if job.spec["code"]["root"] else home
    values = {**job.spec["values"], **_inputs(job)}
    (root / OUTPUTS).mkdir(exist_ok=True)
    line = OpenLine()
    keeper = keeper_of(job, root, lambda text: job.say(line.before() + text))
    result = job.directory / "result.json"
    words = _words(job, values, result)
    entry = job.spec.get("entry")
    doing = "Running " + (str(entry["target"]) if entry else " ".join(job.spec["command"]))
    job.progress(None, doing)
    told = BarTeller(job.client.twin(), doing)

    def heard(data: bytes) -> None:
        line.take(data)
        told.take(data)

    try:
        code, tail = process_run(words, root, environment_of(job, root), heard)
    finally:
        if line.before():
            job.say("")  # ends what the code left open
        told.close()
        if keeper is not None:
            keeper.close()
        _keep(job, root, shipped)
    if code != 0:
        raise BadInput("code_failed", cause_of(code, tail, root))
    _measure(job, result)
    job.client.results({})
    job.progress(1.0, "The code ended well")


def code_unpack(job: Job, home: Path) -> set[Path]:
    """Unpacks the bundle below `home`; returns the files that came with it."""
    code = job.spec["code"]
    home.mkdir(mode=0o700)
    if code["kind"] in ("SCRIPT", "NOTEBOOK"):
        path = home / PurePosixPath(code["filename"]).name
        job.client.fetch(str(code["sha256"]), path)
        return {path}
    packed = job.client.fetch(str(code["sha256"]), job.directory / "code.zip")
    found = set()
    with zipfile.ZipFile(packed) as archive:
        for info in archive.infolist():
            parts = PurePosixPath(info.filename).parts
            # Judged before it was stored; what is stored may still have been read by an older release.
            if info.filename.startswith("/") or ".." in parts:
                raise BadInput("bad_archive", f"The entry “{info.filename}” leads out of the archive.")
            target = home.joinpath(*parts)
            if info.is_dir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(info) as source, open(target, "xb") as file:
                while chunk := source.read(1024 * 1024):
                    file.write(chunk)
            found.add(target)
    packed.unlink()
    return found


def keeper_of(job: Job, root: Path, say: Callable[[str], None]) -> Keeper | None:
    """What keeps the code's checkpoints, with those that it goes on from in their place; None when it declares none."""
    folder = root / str(job.spec.get("checkpoint") or "")
    if folder == root:
        return None
    begun = job.begun
    folder_fill(folder, begun, job.client.fetch)
    if begun:
        job.say(f"Going on from the checkpoint of {resumed_words(begun)}")
    sent = [str(one["sha256"]) for one in begun["files"]] if begun else []
    keeper = Keeper(job.client.twin(PATIENCE_SECONDS), folder, say, sent=sent)
    keeper.start()
    return keeper


def resumed_words(begun: Mapping[str, Any]) -> str:
    """Which attempt kept the checkpoint that this one begins with."""
    return f"job {begun['job_number']}, attempt {begun['attempt']}"


def _inputs(job: Job) -> dict[str, str]:
    """{parameter: path} of the downloaded inputs: a file for data, a folder for a model."""
    found: dict[str, str] = {}
    for name, one in job.spec["inputs"].items():
        job.say(f"Fetching {one['label']} for “{name}”")
        folder = Path("inputs") / name
        for file in one["files"]:
            job.fetch(file, str(folder.joinpath(*PurePosixPath(file["path"]).parts)))
        where = job.directory / folder
        found[name] = str(where / one["files"][0]["path"] if one["kind"] == "dataset" else where)
    return found


def python_of() -> str:
    """The interpreter that the code runs with."""
    environment = os.environ.get("FAIRWAY_ENVIRONMENT", "")
    return str(Path(environment) / "bin" / "python") if environment else sys.executable


def _words(job: Job, values: Mapping[str, Any], result: Path) -> list[str]:
    """The command of the process."""
    if job.spec.get("command"):
        words = [_filled(str(word), values) for word in job.spec["command"]]
        return [python_of(), *words[1:]] if words[0] in ("python", "python3") else words
    entry = job.spec["entry"]
    if entry["how"] == "script":
        return [python_of(), str(entry["target"]), *entry["before"], *argv_of(entry["schema"], values)]
    if entry["how"] == "notebook":
        told_file = job.directory / "call.json"
        executed = f"{OUTPUTS}/{Path(entry['target']).name}"
        told_file.write_text(json.dumps({"target": entry["target"], "values": dict(values), "result": executed}))
        return [python_of(), "-P", str(_NOTEBOOK), str(told_file)]
    told: dict[str, Any] = {"target": entry["target"], "how": entry["how"], "result": str(result)}
    if entry["how"] == "program":
        told["argv"] = [str(entry["id"]), *argv_of(entry["schema"], values)]
    else:
        told["values"] = dict(values)
    told_file = job.directory / "call.json"
    told_file.write_text(json.dumps(told))
    return [python_of(), "-P", str(_CALLING), str(told_file)]


def _filled(word: str, values: Mapping[str, Any]) -> str:
    """A word of a command with {name} replaced by that value; other braces stay."""
    return re.sub(r"\{(\w+)\}", lambda match: text_of(values[match[1]]) if match[1] in values else match[0], word)


def environment_of(job: Job, root: Path) -> dict[str, str]:
    """The variables of the process: the child's own, where MLflow finds run and experiment, seed and paths."""
    seed = int(job.spec["seed"])
    values = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(root), *([str(root / "src")] if (root / "src").is_dir() else [])]),
        "PYTHONHASHSEED": str(seed % 2**32),
        "FAIRWAY_SEED": str(seed),
        "FAIRWAY_OUTPUTS": str(root / OUTPUTS),
        "GIT_PYTHON_REFRESH": "quiet",
    }
    if job.spec.get("checkpoint"):
        values["FAIRWAY_CHECKPOINT"] = str(root / str(job.spec["checkpoint"]))
        values["FAIRWAY_RESUMED_FROM"] = resumed_words(job.begun) if job.begun else ""
    if job.run_id:
        values["MLFLOW_EXPERIMENT_ID"] = str(job.client.run(job.run_id)["info"]["experiment_id"])
    environment = os.environ.get("FAIRWAY_ENVIRONMENT", "")
    if environment:
        values["VIRTUAL_ENV"] = environment
        values["PATH"] = os.pathsep.join([str(Path(environment) / "bin"), values.get("PATH", "")])
    return values


def process_run(
    words: list[str], root: Path, environment: Mapping[str, str], heard: Callable[[bytes], None] = lambda data: None
) -> tuple[int, str]:
    """Runs the words in `root`, passing its output on, also to `heard`; returns (exit code, the last of the output).

    Raises BadInput when there is no such program, Cancelled after the process had its grace.
    """
    try:
        process = subprocess.Popen(
            words,
            cwd=root,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except OSError as error:
        name = words[0]
        raise BadInput("no_program", f"The program “{name}” could not be started: {error.strerror}.") from error
    tail = bytearray()
    reader = threading.Thread(target=_pass_on, args=(process.stdout, tail, heard), daemon=True)
    reader.start()
    try:
        code = process.wait()
    except Cancelled:
        process.terminate()
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
        raise
    reader.join(2.0)  # a process that it left behind may hold the pipe open; it ends with the job
    return code, tail.decode(errors="replace")


def _pass_on(source: IO[bytes] | None, tail: bytearray, heard: Callable[[bytes], None]) -> None:
    if source is None:
        return
    out = sys.stdout.buffer
    while chunk := os.read(source.fileno(), 65536):
        out.write(chunk)
        out.flush()
        tail += chunk
        del tail[:-TAIL]
        heard(chunk)


def cause_of(code: int, tail: str, root: Path) -> str:
    """Why the code ended badly, as a person would say it: the exception with its place, else its last line."""
    lines = [line.rstrip() for line in tail.splitlines() if line.strip()]
    if lines and _CELL.match(lines[-1]):
        return lines[-1][:700]
    begin = max((index for index, line in enumerate(lines) if line.startswith("Traceback (most recent")), default=None)
    if begin is not None:
        raised, place = "", ""
        for line in lines[begin + 1 :]:
            found = _PLACE.match(line)
            if found and found["file"].startswith(str(root)):
                place = f" ({os.path.relpath(found['file'], root)}, line {found['line']})"
            elif not line.startswith(" ") and _RAISED.match(line):
                raised = line
        if raised:
            return f"{raised[:600]}{place}"
    last = f": {lines[-1][:400]}" if lines else "; it printed nothing"
    if code < 0:
        return f"The code was ended by signal {-code}{last}"
    return f"The code ended with exit code {code}{last}"


def _keep(job: Job, root: Path, shipped: set[Path]) -> None:
    """Uploads what lies below outputs/, whether the code ended well or not: it may say why not."""
    found = [path for path in sorted((root / OUTPUTS).rglob("*")) if path not in shipped and _plain(path)]
    if not found or not job.run_id:
        return
    for path in found[MAX_OUTPUTS:]:
        job.say(f"Not kept: {path.relative_to(root)}; at most {MAX_OUTPUTS} files of outputs/ are.")
    kept, count = 0, min(len(found), MAX_OUTPUTS)
    try:
        run = job.client.run(job.run_id)
        experiment = str(run["info"]["experiment_id"])
        for path in found[:MAX_OUTPUTS]:
            job.client.artifact(experiment, job.run_id, path.relative_to(root / OUTPUTS).as_posix(), path)
            kept += 1
        if any(tag.get("key") == OUTPUTS_TAG for tag in run.get("data", {}).get("tags", [])):
            job.client.log_batch(job.run_id, tags={OUTPUTS_TAG: f"complete: {count} kept"})  # an earlier attempt's not
    except ApiError as error:
        told = f"incomplete: {kept} of {count} kept"
        job.say(f"The outputs of this run are {told}. {error}")
        with contextlib.suppress(ApiError):
            job.client.log_batch(job.run_id, tags={OUTPUTS_TAG: told})
        return
    job.say(f"Kept {count} {'file' if count == 1 else 'files'} of outputs/ with the run")


def _plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _measure(job: Job, result: Path) -> None:
    """What the called function returned, as metrics of the run."""
    if not result.exists() or not job.run_id:
        return
    numbers = json.loads(result.read_bytes())
    if numbers:
        now = int(time.time() * 1000)
        points = [{"key": key, "value": value, "timestamp": now, "step": 0} for key, value in numbers.items()]
        job.client.log_batch(job.run_id, points)
        job.say("Measured " + ", ".join(f"{key} = {value:g}" for key, value in numbers.items()))
