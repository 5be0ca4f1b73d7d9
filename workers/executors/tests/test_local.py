"""The local executor: the shared contract, and what is its own."""

import json
import os
import signal
import statistics
import time
from pathlib import Path

import pytest

from analysis import compiled
from workers.contracts.jobspec import JobSpec, JobState, child_argv
from workers.executors.base import ExecutorError
from workers.executors.local import LocalExecutor
from workers.executors.registry import executor_get
from workers.executors.tests.contract import *  # noqa: F403 - the shared tests
from workers.executors.tests.contract import ExecutorKit, alive, ended, pid_said, texts, wait_for


@pytest.fixture
def executor_kit(tmp_path: Path) -> ExecutorKit:
    return ExecutorKit(LocalExecutor(), LocalExecutor, tmp_path)


def _parent_pid(handle: str) -> int:
    return int(json.loads((Path(handle) / "parent.json").read_text())["pid"])


def test_killed_parent_is_lost_and_its_child_dies(executor_kit: ExecutorKit) -> None:
    grandchild = "import os, time; os.setsid(); time.sleep(60)"
    program = (
        "import os, subprocess, sys, time\n"
        f"print('grandchild', subprocess.Popen([sys.executable, '-c', {grandchild!r}]).pid)\n"
        "print('pid', os.getpid(), flush=True); time.sleep(60)"
    )
    handle = executor_kit.executor.submit(executor_kit.spec(program))
    pids = [pid_said(executor_kit, handle, "pid"), pid_said(executor_kit, handle, "grandchild")]

    os.kill(_parent_pid(handle), signal.SIGKILL)

    status = ended(executor_kit, handle)
    assert status.state is JobState.LOST
    assert status.cause
    wait_for(lambda: not any(alive(pid) for pid in pids))


def test_a_restarted_worker_adopts_a_running_job(executor_kit: ExecutorKit) -> None:
    program = "import sys, os\nprint('ready', flush=True)\nwhile not os.path.exists('go'): pass\nprint('done')"
    handle = executor_kit.executor.submit(executor_kit.spec(program))
    wait_for(lambda: "ready" in texts(executor_kit.executor, handle))
    other = executor_kit.restarted()

    assert other.status(handle).state is JobState.RUNNING
    (Path(handle) / "work" / "go").touch()

    wait_for(lambda: other.status(handle).state is JobState.EXITED)
    assert other.status(handle).succeeded
    assert texts(other, handle) == ["ready", "done"]


def test_status_shows_processor_and_memory(executor_kit: ExecutorKit) -> None:
    program = "x = bytearray(50_000_000)\nprint('ready', flush=True)\nwhile True: pass"
    handle = executor_kit.executor.submit(executor_kit.spec(program))

    status = wait_for(lambda: _busy(executor_kit, handle))

    assert status
    executor_kit.executor.stop(handle, 0)
    ended(executor_kit, handle)


def _busy(kit: ExecutorKit, handle: str) -> bool:
    status = kit.executor.status(handle)
    return status.cpu_seconds > 0.3 and status.rss_bytes > 50_000_000


def test_the_token_is_in_no_file_and_no_command_line(executor_kit: ExecutorKit) -> None:
    program = "import time; print('ready', flush=True); time.sleep(60)"
    handle = executor_kit.executor.submit(executor_kit.spec(program, token="fwr_secret", base_url="http://x:1"))
    wait_for(lambda: "ready" in texts(executor_kit.executor, handle))

    held = [path.read_bytes() for path in Path(handle).rglob("*") if path.is_file()]
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    parent = Path(f"/proc/{_parent_pid(handle)}/environ").read_bytes()
    executor_kit.executor.stop(handle, 0)
    ended(executor_kit, handle)

    assert not any(b"fwr_secret" in data for data in (*held, *commands, parent))
    assert (Path(handle).stat().st_mode & 0o777) == 0o700


def test_a_directory_serves_one_attempt_only(executor_kit: ExecutorKit) -> None:
    spec = executor_kit.spec("print(1)")
    handle = executor_kit.executor.submit(spec)
    ended(executor_kit, handle)

    with pytest.raises(ExecutorError, match="its own"):
        executor_kit.executor.submit(spec)


def test_a_handle_nobody_knows_is_lost(executor_kit: ExecutorKit, tmp_path: Path) -> None:
    assert executor_kit.executor.status(str(tmp_path / "never")).state is JobState.LOST
    executor_kit.executor.stop(str(tmp_path / "never"))


def test_a_directory_that_cannot_be_made(executor_kit: ExecutorKit, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")

    with pytest.raises(ExecutorError, match="could not be started"):
        executor_kit.executor.submit(JobSpec("j", 1, "train", child_argv(), str(tmp_path / "file" / "job")))


@pytest.mark.slow
def test_a_job_finds_the_machine_code_of_the_evaluation_and_may_not_write_it(executor_kit: ExecutorKit) -> None:
    compiled.warm()
    place = Path(compiled.__file__).parent / "segment_metrics" / "__pycache__"
    program = f"""
from analysis import compiled
print("compiled", compiled.warm())
try:
    open({str(place / "probe")!r}, "w")
except OSError as error:
    print("refused")
"""

    handle = executor_kit.executor.submit(executor_kit.spec(program))

    assert ended(executor_kit, handle, 120).exit_code == 0
    assert texts(executor_kit.executor, handle) == ["compiled 0", "refused"]


def test_the_registry_imports_late_and_names_what_it_knows() -> None:
    assert isinstance(executor_get("local", {"sandboxed": False}), LocalExecutor)
    with pytest.raises(ExecutorError, match="local"):
        executor_get("moon")
    with pytest.raises(ExecutorError, match="not installed"):
        executor_get("far", {"class": "workers.executors.nowhere.Executor"})


def test_first_line_comes_quickly(executor_kit: ExecutorKit) -> None:
    """A regression of seconds shows here; the exact figure is a benchmark's business."""
    times = []
    for _ in range(3):
        start = time.monotonic()
        handle = executor_kit.executor.submit(executor_kit.spec("print('hello', flush=True)"))
        wait_for(lambda handle=handle: texts(executor_kit.executor, handle))  # type: ignore[misc]
        times.append(time.monotonic() - start)

    assert statistics.median(times) < 1.0
