"""What every executor promises, as test functions over a fixture `executor_kit`. Import them into an
executor's tests.

What one cannot keep as the others do it says in `about.keeps`, as a sentence that people read too; a test that meets
such a sentence holds the executor to what it says instead.

Waiting is done on the thing awaited, with a deadline: `wait_for` polls a condition and blocks in `select`,
not in sleep.
"""

import os
import select
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from workers.contracts.jobspec import JobLimits, JobSpec, JobState, JobStatus, Line
from workers.executors.base import Executor

MIB = 1024 * 1024
T = TypeVar("T")


@dataclass
class ExecutorKit:
    """An executor under test, a second one as a restarted worker would make it, and a place for attempts."""

    executor: Executor
    restarted: Callable[[], Executor]
    root: Path
    count: int = 0

    def spec(self, program: str, limits: JobLimits | None = None, **more: Any) -> JobSpec:
        """A spec that runs a Python program."""
        self.count += 1
        return JobSpec(
            job_id=f"{self.root.name}-{self.count}",
            attempt=1,
            kind="train",
            argv=(sys.executable, "-P", "-c", program),
            directory=str(self.root / f"attempt-{self.count}"),
            limits=limits or JobLimits(),
            **more,
        )


def wait_for(condition: Callable[[], T], seconds: float = 30.0) -> T:
    """The first truthy answer of the condition. Fails when there is none in time."""
    end = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        assert time.monotonic() < end, "not in time"
        select.select([], [], [], 0.02)


def ended(kit: ExecutorKit, handle: str, seconds: float = 30.0) -> JobStatus:
    """The status once the attempt has ended."""

    def look() -> JobStatus | None:
        status = kit.executor.status(handle)
        return None if status.state is JobState.RUNNING else status

    result = wait_for(look, seconds)
    assert result is not None
    return result


def all_lines(executor: Executor, handle: str) -> list[Line]:
    """Every line so far."""
    lines: list[Line] = []
    while more := executor.lines(handle, lines[-1].offset_end if lines else 0):
        lines += more
    return lines


def texts(executor: Executor, handle: str) -> list[str]:
    """The text of every line so far."""
    return [line.text for line in all_lines(executor, handle)]


def alive(pid: int) -> bool:
    """Whether the process lives; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat[stat.rindex(")") + 2] != "Z"


def pid_said(kit: ExecutorKit, handle: str, word: str) -> int:
    """The number that the program printed as `word number`."""

    def look() -> int:
        for text in texts(kit.executor, handle):
            if text.startswith(word + " "):
                return int(text.split()[1])
        return 0

    return wait_for(look)


def test_exit_code_zero_is_success(executor_kit: ExecutorKit) -> None:
    handle = executor_kit.executor.submit(executor_kit.spec("print('one'); print('two')"))

    status = ended(executor_kit, handle)

    assert (status.state, status.exit_code, status.signal, status.cause) == (JobState.EXITED, 0, None, "")
    assert status.succeeded
    assert texts(executor_kit.executor, handle) == ["one", "two"]


def test_exit_code_is_kept(executor_kit: ExecutorKit) -> None:
    handle = executor_kit.executor.submit(executor_kit.spec("raise SystemExit(65)"))

    status = ended(executor_kit, handle)

    assert (status.exit_code, status.succeeded) == (65, False)


def test_lines_are_dated_and_neither_lost_nor_doubled(executor_kit: ExecutorKit) -> None:
    before = time.time()
    program = "import sys\nfor i in range(20000): print('line', i)\nprint('no end', end='')"
    handle = executor_kit.executor.submit(executor_kit.spec(program))

    seen: list[Line] = []
    while executor_kit.executor.status(handle).state is JobState.RUNNING:
        seen += executor_kit.executor.lines(handle, seen[-1].offset_end if seen else 0)
    while more := executor_kit.restarted().lines(handle, seen[-1].offset_end if seen else 0):
        seen += more

    assert [line.text for line in seen] == [f"line {i}" for i in range(20000)] + ["no end"]
    assert all(before - 1 <= line.at <= time.time() + 1 for line in seen)


def test_a_line_written_in_halves_is_one_line(executor_kit: ExecutorKit) -> None:
    program = "import sys, select\nw=sys.stdout\nw.write('hel'); w.flush(); select.select([],[],[],.3); print('lo')"
    handle = executor_kit.executor.submit(executor_kit.spec(program))

    ended(executor_kit, handle)

    assert texts(executor_kit.executor, handle) == ["hello"]


def test_output_that_is_not_text_is_shown(executor_kit: ExecutorKit) -> None:
    program = "import os; os.write(1, b'\\xff\\x00 caf\\xc3\\xa9\\n' + b'x' * 100000 + b'\\n10%\\r20%\\n')"
    handle = executor_kit.executor.submit(executor_kit.spec(program))

    ended(executor_kit, handle)

    lines = texts(executor_kit.executor, handle)
    assert lines[0] == "\ufffd\ufffd café"
    assert "".join(lines[1:-1]) == "x" * 100000
    assert lines[-1] == "20%"


def test_killed_child_is_told_with_signal_and_cause(executor_kit: ExecutorKit) -> None:
    program = "import os, time; print('pid', os.getpid(), flush=True); time.sleep(60)"
    handle = executor_kit.executor.submit(executor_kit.spec(program))
    pid = pid_said(executor_kit, handle, "pid")

    os.kill(pid, signal.SIGKILL)

    status = ended(executor_kit, handle)
    assert (status.state, status.exit_code, status.signal) == (JobState.EXITED, None, 9)
    assert "signal 9" in status.cause


def test_stop_ends_the_whole_tree(executor_kit: ExecutorKit) -> None:
    grandchild = "import os,time,signal; signal.signal(15, signal.SIG_IGN); os.setsid(); time.sleep(60)"
    program = (
        "import os, signal, subprocess, sys, time\n"
        "signal.signal(15, signal.SIG_IGN)\n"
        f"p = subprocess.Popen([sys.executable, '-c', {grandchild!r}])\n"
        "print('grandchild', p.pid, flush=True)\n"
        "print('pid', os.getpid(), flush=True)\n"
        "time.sleep(60)"
    )
    handle = executor_kit.executor.submit(executor_kit.spec(program))
    pids = [pid_said(executor_kit, handle, "pid"), pid_said(executor_kit, handle, "grandchild")]

    executor_kit.restarted().stop(handle, grace=0.3)

    status = ended(executor_kit, handle)
    assert status.cause == "Stopped on request."
    assert not status.succeeded
    assert not any(alive(pid) for pid in pids)


def test_a_polite_stop_lets_the_program_finish(executor_kit: ExecutorKit) -> None:
    program = (
        "import signal, sys, time\n"
        "signal.signal(15, lambda *a: (print('bye', flush=True), sys.exit(75)))\n"
        "print('ready', flush=True); time.sleep(60)"
    )
    handle = executor_kit.executor.submit(executor_kit.spec(program))
    wait_for(lambda: "ready" in texts(executor_kit.executor, handle))

    executor_kit.executor.stop(handle, grace=20)

    status = ended(executor_kit, handle)
    assert (status.exit_code, status.cause) == (75, "Stopped on request.")
    assert texts(executor_kit.executor, handle)[-1] == "bye"


def test_a_left_over_grandchild_ends_with_the_job(executor_kit: ExecutorKit) -> None:
    program = (
        "import subprocess, sys\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True)\n"
        "print('grandchild', p.pid, flush=True)"
    )
    handle = executor_kit.executor.submit(executor_kit.spec(program))
    pid = pid_said(executor_kit, handle, "grandchild")

    status = ended(executor_kit, handle)

    assert status.succeeded
    assert not alive(pid)


def test_memory_limit_says_so(executor_kit: ExecutorKit) -> None:
    limits = JobLimits(memory_bytes=100 * MIB)
    program = "import time\nb = [bytearray(10_000_000) for _ in range(30)]\ntime.sleep(60)"
    handle = executor_kit.executor.submit(executor_kit.spec(program, limits))

    status = ended(executor_kit, handle)

    assert status.cause.startswith("Memory: the job used ")
    assert "its limit is 100 MiB" in status.cause
    assert status.peak_rss_bytes > 100 * MIB


def test_wall_limit_says_so(executor_kit: ExecutorKit) -> None:
    handle = executor_kit.executor.submit(executor_kit.spec("import time; time.sleep(60)", JobLimits(wall_seconds=1)))

    status = ended(executor_kit, handle)

    assert status.cause == "Time: the job ran for its limit of 1 s."
    assert texts(executor_kit.executor, handle)[-1].endswith(status.cause)


def test_processor_limit_says_so(executor_kit: ExecutorKit) -> None:
    handle = executor_kit.executor.submit(executor_kit.spec("while True: pass", JobLimits(cpu_seconds=1)))

    status = ended(executor_kit, handle)

    assert status.cause.startswith("Processor time: ")
    assert status.cpu_seconds >= 0.5  # the kernel counts in ticks


def test_file_limit_refuses_the_file(executor_kit: ExecutorKit) -> None:
    program = "open('big', 'wb').write(b'x' * 3_000_000)"
    handle = executor_kit.executor.submit(executor_kit.spec(program, JobLimits(file_bytes=2 * MIB)))

    status = ended(executor_kit, handle)

    assert status.exit_code == 1
    assert any("File too large" in text for text in texts(executor_kit.executor, handle))


def test_output_limit_drops_the_rest_and_says_so(executor_kit: ExecutorKit) -> None:
    limits = JobLimits(output_bytes=1000)
    handle = executor_kit.executor.submit(executor_kit.spec("print(('x' * 99 + '\\n') * 50)", limits))

    assert ended(executor_kit, handle).succeeded

    lines = texts(executor_kit.executor, handle)
    assert lines.count("x" * 99) == 10
    assert lines[-1] == "fairway: the output limit is reached, the rest is dropped"


def test_the_lease_ends_the_job_when_nobody_asks(executor_kit: ExecutorKit) -> None:
    program = "import os, time; print('pid', os.getpid(), flush=True); time.sleep(60)"
    handle = executor_kit.executor.submit(executor_kit.spec(program, JobLimits(lease_seconds=1)))
    pid = pid_said(executor_kit, handle, "pid")  # reading lines does not renew the lease

    if executor_kit.executor.about.keeps.lease is not True:
        # Where nobody can renew it, it says so, and nobody's silence ends the job.
        select.select([], [], [], 2.5)
        assert alive(pid)
        executor_kit.executor.stop(handle, 0)
        assert ended(executor_kit, handle).cause == "Stopped on request."
        return

    wait_for(lambda: not alive(pid))

    assert "lease" in ended(executor_kit, handle).cause


def test_the_environment_is_clean_and_holds_the_promise(executor_kit: ExecutorKit) -> None:
    os.environ["FAIRWAY_TEST_SECRET"] = "must not pass"
    try:
        spec = executor_kit.spec(
            "import os; print(sorted(os.environ.items()))",
            base_url="http://127.0.0.1:8000",
            token="fwr_abc",
            run_id="f" * 32,
            env={"EXTRA": "1"},
        )
        handle = executor_kit.executor.submit(spec)
        ended(executor_kit, handle)
    finally:
        del os.environ["FAIRWAY_TEST_SECRET"]

    shown = texts(executor_kit.executor, handle)[0]
    assert "must not pass" not in shown
    for pair in (
        ("FAIRWAY_URL", "http://127.0.0.1:8000"),
        ("FAIRWAY_TOKEN", "fwr_abc"),
        ("MLFLOW_TRACKING_TOKEN", "fwr_abc"),
        ("FAIRWAY_ATTEMPT", "1"),
        ("MLFLOW_RUN_ID", "f" * 32),
        ("EXTRA", "1"),
    ):
        assert repr(pair) in shown
    assert "fwr_abc" not in repr(spec)


def test_a_program_that_does_not_exist(executor_kit: ExecutorKit) -> None:
    spec = executor_kit.spec("")
    broken = JobSpec(spec.job_id, 1, "train", ("/nowhere/python",), spec.directory)

    status = ended(executor_kit, executor_kit.executor.submit(broken))

    assert not status.succeeded
    assert status.cause


def test_stopping_what_has_ended_changes_nothing(executor_kit: ExecutorKit) -> None:
    handle = executor_kit.executor.submit(executor_kit.spec("print('x')"))
    before = ended(executor_kit, handle)

    executor_kit.executor.stop(handle)

    assert executor_kit.executor.status(handle) == before
