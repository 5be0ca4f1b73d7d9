"""The attack: a job that tries to get at what is not its own. Where a platform gives no hold, the report must
say so.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from workers.contracts.jobspec import PROJECT_ROOT
from workers.executors.local import LocalExecutor
from workers.executors.tests.contract import ExecutorKit, ended, texts
from workers.sandbox import sandbox_report

_ATTACK = """
import ctypes, json, os, signal, socket, sys
found = {}
told = json.loads(os.environ["TOLD"])
def tries(name, act):
    try:
        found[name] = repr(act())[:200]
    except BaseException as error:
        found[name] = "refused " + type(error).__name__
def unix(path):
    link = socket.socket(socket.AF_UNIX); link.connect(path); link.send(b"x"); return "connected"
def tcp(port):
    link = socket.create_connection(("127.0.0.1", port), 3); link.close(); return "connected"
libc = ctypes.CDLL(None, use_errno=True)
def call(*arguments):
    if libc.syscall(*arguments) < 0:
        raise OSError(ctypes.get_errno(), "")
    return "done"
tries("secret", lambda: open(told["secret"]).read())
tries("list", lambda: os.listdir(told["home"]))
tries("sibling", lambda: open(told["sibling"]).read())
tries("control", lambda: open("../status.json", "a").write("x"))
tries("climb", lambda: os.rename("../lease", "stolen"))
tries("environ", lambda: open(f"/proc/{told['victim']}/environ").read())
tries("memory", lambda: open(f"/proc/{told['victim']}/mem", "rb").read(1))
tries("parent_environ", lambda: open(f"/proc/{os.getppid()}/environ").read())
tries("kill", lambda: os.kill(told["victim"], signal.SIGTERM))
tries("unix", lambda: unix(told["socket"]))
tries("tcp_other", lambda: tcp(told["other_port"]))
tries("tcp_web", lambda: tcp(told["web_port"]))
tries("shadow", lambda: open("/etc/shadow").read())
tries("write_code", lambda: open(told["code"] + "/planted.py", "w").write("x"))
tries("apps", lambda: open(told["project"] + "/pyproject.toml").read())
tries("link", lambda: (os.symlink(told["secret"], "link"), open("link").read()))
tries("hard", lambda: (os.link(told["secret"], "hard"), open("hard").read()))
tries("ptrace", lambda: call(101 if os.uname().machine == "x86_64" else 117, 16, told["victim"], 0, 0))
tries("namespace", lambda: call(272 if os.uname().machine == "x86_64" else 97, 0x10000000))
tries("io_uring", lambda: call(425, 8, None))
tries("own", lambda: (open("mine", "w").write("x"), open("mine").read()))
tries("temporary", lambda: __import__("tempfile").TemporaryFile().write(b"x"))
tries("thread", lambda: (lambda t: (t.start(), t.join()))(__import__("threading").Thread(target=int)))
tries("process", lambda: __import__("subprocess").run([sys.executable, "-c", "print(1)"], check=True).returncode)
program = "import sys; open(sys.argv[1])"
run = __import__("subprocess").run
tries("grandchild", lambda: run([sys.executable, "-c", program, told["secret"]], check=True, stderr=-3).returncode)
print(json.dumps(found))
"""


@pytest.fixture
def victim() -> Iterator[subprocess.Popen[bytes]]:
    environment = {"PATH": "/usr/bin:/bin", "SECRET_KEY": "do-not-read"}
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env=environment)
    yield process
    process.kill()
    process.wait()


def _attack(tmp_path: Path, victim: int, sandboxed: bool = True) -> dict[str, str]:
    home = tmp_path / "home"
    (home / "jobs" / "other").mkdir(parents=True)
    (home / "secret.key").write_text("do-not-read")
    (home / "jobs" / "other" / "data").write_text("do-not-read")
    with (
        socket.socket(socket.AF_UNIX) as listening,
        socket.create_server(("127.0.0.1", 0)) as web,
        socket.create_server(("127.0.0.1", 0)) as other,
    ):
        listening.bind(str(home / "s"))
        listening.listen()
        told: dict[str, Any] = {
            "secret": str(home / "secret.key"),
            "home": str(home),
            "sibling": str(home / "jobs" / "other" / "data"),
            "socket": str(home / "s"),
            "victim": victim,
            "web_port": web.getsockname()[1],
            "other_port": other.getsockname()[1],
            "code": str(home),
            "project": str(PROJECT_ROOT),
        }
        kit = ExecutorKit(LocalExecutor(sandboxed), LocalExecutor, home / "jobs")
        spec = kit.spec(_ATTACK, base_url=f"http://127.0.0.1:{told['web_port']}", env={"TOLD": json.dumps(told)})
        handle = kit.executor.submit(spec)
        status = ended(kit, handle, 30)
        lines = texts(kit.executor, handle)
        assert status.succeeded, lines
    found: dict[str, str] = json.loads(lines[-1])
    return found


def test_a_job_gets_at_nothing_that_is_not_its_own(tmp_path: Path, victim: subprocess.Popen[bytes]) -> None:
    report = sandbox_report(tmp_path, [PROJECT_ROOT / "workers", PROJECT_ROOT / "analysis"])

    found = _attack(tmp_path, victim.pid)

    for name in ("own", "temporary", "thread", "process", "tcp_web"):
        assert not found[name].startswith("refused"), (name, found[name])
    held = {
        **dict.fromkeys(
            (
                "secret",
                "list",
                "sibling",
                "control",
                "climb",
                "shadow",
                "write_code",
                "apps",
                "link",
                "hard",
                "grandchild",
            ),
            report.files,
        ),
        **dict.fromkeys(("environ", "memory", "parent_environ"), report.other_processes),
        "kill": report.signals,
        "unix": report.unix_sockets,
        "tcp_other": report.tcp,
        **dict.fromkeys(("ptrace", "namespace", "io_uring"), report.system_calls),
    }
    for name, promised in held.items():
        if promised:
            assert found[name].startswith("refused"), (name, found[name])
        assert "do-not-read" not in found[name] or not promised
    assert victim.poll() is None or not report.signals


def test_without_the_sandbox_the_same_attack_succeeds(tmp_path: Path, victim: subprocess.Popen[bytes]) -> None:
    """So that the test above proves the sandbox and not a slip in the attack."""
    found = _attack(tmp_path, victim.pid, sandboxed=False)

    assert "do-not-read" in found["secret"]
    assert "do-not-read" in found["link"]


def test_the_report_says_what_is_missing(tmp_path: Path) -> None:
    report = sandbox_report(tmp_path)

    gaps = " ".join(report.gaps)
    assert ("no Landlock" in gaps) == (not report.files)
    assert ("any TCP port" in gaps) == (not report.tcp)
    assert ("as the worker's user" in gaps) == (not report.distinct_user)
    assert all(gap.endswith(".") for gap in report.gaps)
    assert json.loads(json.dumps(report.to_json()))["files"] == report.files


def test_what_is_in_force_is_recorded_for_each_attempt(tmp_path: Path) -> None:
    report = sandbox_report(tmp_path)
    kit = ExecutorKit(LocalExecutor(), LocalExecutor, tmp_path)

    handle = kit.executor.submit(kit.spec("print(open('/proc/self/status').read())"))
    ended(kit, handle)

    force = json.loads((Path(handle) / "status.json").read_text())["sandbox"]
    assert "rlimits" in force
    assert ("files" in force) == report.files
    assert ("tcp" in force) == report.tcp
    assert ("seccomp" in force) == report.system_calls
    lines = texts(kit.executor, handle)
    if report.no_new_privs:
        assert "NoNewPrivs:\t1" in lines
        assert "CapEff:\t0000000000000000" in lines
        assert "CapPrm:\t0000000000000000" in lines


def test_the_limits_hold_for_every_process(tmp_path: Path) -> None:
    program = (
        "import resource as r\n"
        "for name in ('CORE', 'NOFILE', 'FSIZE', 'CPU', 'DATA'):\n"
        "    print(name, *r.getrlimit(getattr(r, 'RLIMIT_' + name)))"
    )
    kit = ExecutorKit(LocalExecutor(), LocalExecutor, tmp_path)

    handle = kit.executor.submit(kit.spec(program))
    ended(kit, handle)

    limits = {line.split()[0]: line.split()[1] for line in texts(kit.executor, handle)}
    assert limits["CORE"] == "0"
    assert int(limits["NOFILE"]) <= 1024
    assert limits["FSIZE"] == str(4 * 1024**3)
    assert limits["CPU"] == "3600"


def test_the_user_is_what_the_report_says(tmp_path: Path) -> None:
    report = sandbox_report(tmp_path, [PROJECT_ROOT / "workers", PROJECT_ROOT / "analysis"])
    kit = ExecutorKit(LocalExecutor(), LocalExecutor, tmp_path)

    handle = kit.executor.submit(kit.spec("import os; print(os.getuid()); open('mine', 'w').close()"))

    assert ended(kit, handle).succeeded
    assert (int(texts(kit.executor, handle)[0]) != os.getuid()) == report.distinct_user
