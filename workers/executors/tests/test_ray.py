"""The Ray executor on a real head: the shared contract, and what is its own."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from tests.ray_head import RayHead, ray_open
from workers.contracts.jobspec import JobLimits, JobState
from workers.executors.base import ExecutorError
from workers.executors.package import code_package
from workers.executors.ray import RayExecutor
from workers.executors.tests.contract import *  # noqa: F403 - the shared tests
from workers.executors.tests.contract import ExecutorKit, alive, all_lines, ended, pid_said, texts, wait_for

pytestmark = pytest.mark.slow


@pytest.fixture
def executor_kit(ray_head: RayHead, tmp_path: Path) -> ExecutorKit:
    def executor() -> RayExecutor:
        return RayExecutor(ray_head.address, ray_head.token)

    return ExecutorKit(executor(), executor, tmp_path)


def test_health_tells_version_and_that_the_token_is_asked_for(executor_kit: ExecutorKit) -> None:
    health = executor_kit.executor.health()

    assert health.facts["ray"].startswith("2.")
    assert health.authenticate_seconds is not None
    assert health.warnings == ()


def test_a_wrong_token_is_told_as_such(ray_head: RayHead) -> None:
    for secret, sentence in (("", "asks for a token"), ("wrong", "refuses the token")):
        with pytest.raises(ExecutorError, match=sentence) as caught:
            RayExecutor(ray_head.address, secret).health()
        assert caught.value.step == "authenticate"


def test_a_program_over_a_megabyte_of_output_comes_in_parts_and_whole(executor_kit: ExecutorKit) -> None:
    program = "for i in range(60000): print(i, 'x' * 90, 'é')"
    handle = executor_kit.executor.submit(executor_kit.spec(program))
    ended(executor_kit, handle, 60)

    lines = all_lines(executor_kit.restarted(), handle)

    assert [line.text for line in lines] == [f"{i} {'x' * 90} é" for i in range(60000)]
    assert all(one.offset_end < two.offset_end for one, two in pairwise(lines))


def test_a_restarted_worker_goes_on_where_the_lines_were_stored(executor_kit: ExecutorKit) -> None:
    program = "import time\nfor i in range(40): print('line', i, flush=True); time.sleep(.05)"
    handle = executor_kit.executor.submit(executor_kit.spec(program))
    first = wait_for(lambda: all_lines(executor_kit.executor, handle))
    other = executor_kit.restarted()

    wait_for(lambda: other.status(handle).state is JobState.EXITED)
    rest = []
    while more := other.lines(handle, rest[-1].offset_end if rest else first[-1].offset_end):
        rest += more

    assert [line.text for line in (*first, *rest)] == [f"line {i}" for i in range(40)]


def test_the_token_is_on_no_command_line_and_not_in_the_log(executor_kit: ExecutorKit, ray_head: RayHead) -> None:
    spec = executor_kit.spec("import time; print('ready', flush=True); time.sleep(60)", token="fwr_secret")
    handle = executor_kit.executor.submit(replace(spec, base_url="http://127.0.0.1:1"))
    wait_for(lambda: "ready" in texts(executor_kit.executor, handle))

    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    headers = {"Authorization": f"Bearer {ray_head.token}"}
    log = httpx.get(f"{ray_head.address}/api/jobs/{handle}/logs", headers=headers).text
    executor_kit.executor.stop(handle, 0)
    ended(executor_kit, handle)

    assert not any(b"fwr_secret" in command for command in commands)
    assert "fwr_secret" not in log


def test_the_watch_killed_on_its_node_is_lost_with_a_cause_and_leaves_nothing(executor_kit: ExecutorKit) -> None:
    handle = executor_kit.executor.submit(
        executor_kit.spec("import os, time; print('pid', os.getpid(), flush=True); time.sleep(60)")
    )
    pid = pid_said(executor_kit, handle, "pid")
    parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])

    os.kill(parent, signal.SIGKILL)

    status = ended(executor_kit, handle, 60)
    assert status.state is JobState.LOST
    assert status.cause.startswith("What watched the job on its Ray node was ended (exit code -9)")
    wait_for(lambda: not alive(pid))


def test_a_job_that_asks_for_more_than_the_cluster_has_waits_and_can_be_stopped(executor_kit: ExecutorKit) -> None:
    handle = executor_kit.executor.submit(executor_kit.spec("print(1)", JobLimits(cores=64)))

    assert executor_kit.executor.status(handle).state is JobState.RUNNING
    executor_kit.executor.stop(handle)

    status = ended(executor_kit, handle, 60)
    assert status.cause == "Stopped on request."
    assert texts(executor_kit.executor, handle) == []


def test_a_handle_that_ray_does_not_know_is_lost(executor_kit: ExecutorKit) -> None:
    assert "does not know this job" in executor_kit.executor.status("fairway-never-1").cause
    executor_kit.executor.stop("fairway-never-1")


def test_the_same_attempt_is_refused_a_second_time(executor_kit: ExecutorKit) -> None:
    spec = executor_kit.spec("print(1)")
    ended(executor_kit, executor_kit.executor.submit(spec))

    with pytest.raises(ExecutorError, match="its own"):
        executor_kit.executor.submit(spec)


def test_a_head_that_is_killed_makes_its_jobs_lost_with_a_cause(tmp_path: Path) -> None:
    with ray_open() as mortal:
        executor = RayExecutor(mortal.address, mortal.token, patience=1.0)
        kit = ExecutorKit(executor, lambda: executor, tmp_path)
        handle = executor.submit(kit.spec("import os, time; print('pid', os.getpid(), flush=True); time.sleep(600)"))
        pid = pid_said(kit, handle, "pid")

        mortal.kill()

        status = ended(kit, handle, 60)
        assert status.state is JobState.LOST
        assert status.cause.startswith("The Ray head has been away for 1 s")
        with pytest.raises(ExecutorError, match="Nobody answers") as caught:
            executor.health()
        assert caught.value.step == "reach"
        wait_for(lambda: not alive(pid), 60)


def test_the_code_that_travels_is_the_childs_alone() -> None:
    name, data = code_package()

    assert code_package() == (name, data)
    assert len(data) < 4 * 1024 * 1024
    assert b"apps/" not in data


def test_the_spec_that_travels_holds_no_token(executor_kit: ExecutorKit) -> None:
    from workers.runner.afar import told_of

    told = told_of(executor_kit.spec("print(1)", token="fwr_secret"))

    assert "fwr_secret" not in told
    assert json.loads(told)["argv"][0] == ""
