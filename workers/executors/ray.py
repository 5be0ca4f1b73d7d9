"""Runs attempts on a Ray cluster through its Jobs API, over HTTP alone: this process does not import Ray.

What Ray is given: the packages of the child as its working directory, the command of `workers.runner.afar`, which
watches the job there as the runner parent does here, and what that is to do in environment variables. What comes back
is the one log that Ray keeps of the job: it is fetched while the job runs, since it is on the disk of one node, and
holds the job's lines as well as the watch's last word. Facts of the API: docs.ray.io, "Ray Jobs REST API" and "Token
Authentication".
"""

import re
import threading
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

from workers.contracts.jobspec import JobSpec, JobState, JobStatus, Line
from workers.executors.about import About, Keeps, handle_of
from workers.executors.base import AUTHENTICATE, REACH, ExecutorError, Health
from workers.executors.package import code_package
from workers.executors.stream import last_told, lines_of
from workers.executors.told import status_of
from workers.runner.afar import GRACE_SECONDS, SPEC, TOKEN, told_of

PATIENCE_SECONDS = 60.0
"""So long a head may be away before what runs on it counts as lost."""
PENDING_SECONDS = 480.0
"""So long a job may wait inside Ray for processors and memory; its token does not live for ever."""
WINDOW_BYTES = 4 * 1024 * 1024
_LOOK_SECONDS = 0.3
_SHARE = 10
"""A log that takes a second to fetch is fetched every ten: copying it must not become the head's work."""
_KEPT = 200
_NEWEST_WITHOUT_TOKENS = (2, 52)
_ENDED = frozenset({"SUCCEEDED", "FAILED", "STOPPED"})
# What Ray itself writes into the log of every job, before the job's own lines.
_NOISE = re.compile(rb"^(?:\S+ \S+\t?\s*INFO \S+\.py:\d+ -- |Running entrypoint for job )")


@dataclass
class _Seen:
    """What is known here of one attempt; rebuilt from Ray by any other process that asks."""

    start: int = 0
    body: bytes = b""
    more: bool = False
    """The log goes on after `body`."""
    asked: float = 0.0
    fetched: float = 0.0
    took: float = 0.0
    stopped: float | None = None
    """When its end was asked for here."""
    whole: bool = False
    """The log was fetched after the end: nothing will be added."""
    told: dict[str, Any] = field(default_factory=dict)
    status: JobStatus = field(default_factory=lambda: JobStatus(JobState.RUNNING))
    away_since: float | None = None
    away_why: str = ""
    lock: threading.RLock = field(default_factory=threading.RLock)


class RayExecutor:
    """The executor "ray". The handle is Ray's submission id. `patience`: seconds that the head may be away."""

    about = About(
        title="Ray cluster",
        text="Each job is a Ray job: Fairway's own code and child, started through the head's Jobs API.",
        needs_address=True,
        address_help="Where the head's dashboard answers, such as http://ray-head:8265.",
        takes_secret=True,
        secret_help="The cluster's token (RAY_AUTH_TOKEN), for Ray 2.52 and newer with RAY_AUTH_MODE=token.",  # noqa: S106 - words about a secret
        keeps=Keeps(
            lease="A job whose worker is gone runs on until another worker takes it over or its time is up. One that "
            "Fairway gives up ends within a minute, as long as it reaches Fairway.",
            grace=f"A stop leaves {GRACE_SECONDS:g} s to end politely, whatever is asked for.",
            separation="Jobs run as the user of the Ray node and are kept to their files and to Fairway's port where "
            "its kernel can do that, and without that when they ask for a GPU. Who may use the cluster's API can read "
            "what a job was started with, its token included: let teams share a cluster only when they trust each "
            "other.",
        ),
    )

    def __init__(self, address: str, secret: str = "", patience: float = PATIENCE_SECONDS) -> None:
        self._address = address.rstrip("/")
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        self._patience = patience
        # No proxy of this process's environment, no redirect: the token goes to the head alone.
        self._client = httpx.Client(
            base_url=self._address,
            headers=headers,
            timeout=httpx.Timeout(30.0, connect=5.0),
            follow_redirects=False,
            trust_env=False,
        )
        self._seen: dict[str, _Seen] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"RayExecutor({self._address})"

    # --- asking the head
    # ---------------------------------------------------------------------------------------------------

    def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """One exchange. Raises ExecutorError when the head is away or does not let us in."""
        try:
            response = self._client.request(method, path, **more)
        except httpx.HTTPError as error:
            raise self._silent(error) from error
        if response.status_code == 401:
            raise ExecutorError("The head asks for a token, and none is stored here.", step=AUTHENTICATE)
        if response.status_code == 403:
            raise ExecutorError("The head refuses the token that is stored here.", step=AUTHENTICATE)
        return response

    def _silent(self, error: httpx.HTTPError) -> ExecutorError:
        return ExecutorError(
            f"Nobody answers at {self._address} ({type(error).__name__}). Does the head run, and is the port of its "
            "dashboard open to this machine?",
            step=REACH,
        )

    def health(self) -> Health:
        """Asks the head for its version. Raises ExecutorError with its step."""
        began = time.monotonic()
        try:
            bare = httpx.get(f"{self._address}/api/version", timeout=10.0, trust_env=False)
            reached = time.monotonic() - began
            response = self._ask("GET", "/api/version", timeout=10.0)
        except httpx.HTTPError as error:
            raise self._silent(error) from error
        taken = time.monotonic() - began - reached
        version = _version(response)
        if version is None:
            raise ExecutorError(f"What answers at {self._address} is no Ray head.", step=REACH)
        warnings = []
        if bare.status_code == 200:
            how = "start it with RAY_AUTH_MODE=token" if _numbers(version) >= _NEWEST_WITHOUT_TOKENS else "use Ray 2.52"
            warnings.append(f"This head starts the code of everybody who reaches it, without a token: {how}.")
        return Health(
            reached,
            None if bare.status_code == 200 else taken,
            {"ray": version, **self._capacity()},
            tuple(warnings),
        )

    def _capacity(self) -> dict[str, str]:
        """Processors and GPUs in use and in all, as the head counts them; nothing where it does not say."""
        try:
            answer = self._ask("GET", "/api/cluster_status", timeout=10.0).json()
            usage = answer["data"]["clusterStatus"]["loadMetricsReport"]["usage"]
            return {
                word: f"{usage[key][0]:g} of {usage[key][1]:g} in use"
                for key, word in (("CPU", "processors"), ("GPU", "GPUs"))
                if key in usage
            }
        except (ExecutorError, ValueError, KeyError, TypeError, IndexError):
            return {}

    # --- starting and stopping
    # ---------------------------------------------------------------------------------------------------

    def submit(self, spec: JobSpec) -> str:
        """Starts the attempt as a Ray job. Raises ExecutorError; nothing runs then."""
        handle = handle_of(self.about, spec.job_id, spec.attempt, spec.directory)
        limits = spec.limits
        asked = {
            "entrypoint": "exec python -m workers.runner.afar",
            "submission_id": handle,
            "runtime_env": {
                "working_dir": f"gcs://{self._package()}",
                "env_vars": {
                    SPEC: told_of(spec),
                    TOKEN: spec.token,
                    # Ray kills what has not ended by then; the watch's own grace comes first.
                    "RAY_JOB_STOP_WAIT_TIME_S": str(int(GRACE_SECONDS) + 10),
                },
            },
            "metadata": {"fairway_job": spec.job_id, "fairway_attempt": str(spec.attempt)},
            "entrypoint_num_cpus": limits.cores,
            "entrypoint_memory": limits.memory_bytes,
            **({"entrypoint_num_gpus": limits.gpus} if limits.gpus else {}),
        }
        response = self._ask("POST", "/api/jobs/", json=asked)
        if response.status_code != 200:
            if "already exists" in response.text:
                raise ExecutorError("Ray has had this attempt before; every attempt needs its own.")
            raise ExecutorError(f"Ray does not take the job: {_last_line(response.text)}")
        return handle

    def _package(self) -> str:
        """The name of the code at the head, brought there when it is not."""
        name, data = code_package()
        path = f"/api/packages/gcs/{name}"
        if self._ask("GET", path).status_code != 200:
            response = self._ask("PUT", path, content=data, timeout=120.0)
            if response.status_code != 200:
                raise ExecutorError(f"Ray does not take the code of the job: {_last_line(response.text)}")
        return name

    def stop(self, handle: str, grace: float = 5.0) -> None:
        """Asks Ray for the end of the job; `status` tells when it is done. The grace is that of the start."""
        seen = self._known(handle)
        seen.stopped = seen.stopped or time.monotonic()
        try:
            self._ask("POST", f"/api/jobs/{quote(handle, safe='')}/stop")
        except ExecutorError:
            return  # a head that is away is found out by `status`

    # --- looking
    # ---------------------------------------------------------------------------------------------------

    def _known(self, handle: str) -> _Seen:
        with self._lock:
            seen = self._seen.pop(handle, None) or _Seen()
            self._seen[handle] = seen  # the newest last
            while len(self._seen) > _KEPT:
                del self._seen[next(iter(self._seen))]
            return seen

    def status(self, handle: str) -> JobStatus:
        """What Ray and the watch say of the attempt; LOST when the head is away for too long or knows it no more."""
        seen = self._known(handle)
        with seen.lock:
            now = time.monotonic()
            if seen.status.state is JobState.RUNNING and now - seen.asked >= _LOOK_SECONDS:
                seen.asked = now
                try:
                    seen.status = self._look(handle, seen)
                    seen.away_since = None
                except ExecutorError as error:
                    seen.status = self._away(seen, str(error))
            return seen.status

    def _away(self, seen: _Seen, why: str) -> JobStatus:
        now = time.monotonic()
        seen.away_since = seen.away_since if seen.away_since is not None else now
        if now - seen.away_since < self._patience:
            return seen.status
        return _lost(seen, f"The Ray head has been away for {self._patience:g} s, so nobody knows how it ended: {why}")

    def _look(self, handle: str, seen: _Seen) -> JobStatus:
        """Asks Ray. Raises ExecutorError when it does not answer."""
        response = self._ask("GET", f"/api/jobs/{quote(handle, safe='')}")
        if response.status_code == 404:
            return _lost(seen, "The Ray head does not know this job any more: it was started again meanwhile.")
        info = _object(response)
        state = str(info.get("status", ""))
        if state == "PENDING":
            return self._waits(handle, seen, info)
        if state not in _ENDED:
            self._fetch(handle, seen, seen.start, force=False)
            if seen.told.get("state") != "EXITED":
                return status_of(JobState.RUNNING, seen.told)
        # Either the watch has said its last word, or Ray says that nothing runs any more: the log is whole.
        self._fetch(handle, seen, seen.start, force=True)
        seen.whole = True
        if seen.told.get("state") == "EXITED":
            return status_of(JobState.EXITED, seen.told)
        if state == "STOPPED":
            return status_of(JobState.EXITED, {**seen.told, "signal": 9, "cause": "Stopped on request."})
        return _lost(seen, _why_failed(info))

    def _waits(self, handle: str, seen: _Seen, info: dict[str, Any]) -> JobStatus:
        # Ray ends a job that has not begun only once it begins; then it does so at once.
        if seen.stopped is not None and time.monotonic() - seen.stopped > GRACE_SECONDS:
            seen.whole = True
            return status_of(JobState.EXITED, {"signal": 9, "cause": "Stopped on request."})
        began = info.get("start_time")
        if isinstance(began, (int, float)) and time.time() - began / 1000 > PENDING_SECONDS:
            self.stop(handle)
            return _lost(
                seen,
                f"Ray had no free place for it for {PENDING_SECONDS / 60:g} minutes. It asks for processors and memory "
                "by its limits; the cluster may be full, or never have that much.",
            )
        return JobStatus(JobState.RUNNING)

    def _fetch(self, handle: str, seen: _Seen, start: int, *, force: bool) -> None:
        """Copies the log from an offset on, unless it was copied a moment ago. Raises ExecutorError."""
        began = time.monotonic()
        if not force and began - seen.fetched < max(_LOOK_SECONDS, seen.took * _SHARE):
            return
        response = self._ask("GET", f"/api/jobs/{quote(handle, safe='')}/logs")
        if response.status_code != 200:
            raise ExecutorError("Ray cannot read the log of the job: its node may be gone.", step=REACH)
        data = str(_object(response).get("logs", "")).encode("utf-8", "replace")
        seen.fetched = time.monotonic()
        seen.took = seen.fetched - began
        seen.start, seen.body = start, data[start : start + WINDOW_BYTES]
        seen.more = len(data) > start + WINDOW_BYTES
        seen.told = last_told(data) or seen.told

    def lines(self, handle: str, after_offset: int = 0) -> list[Line]:
        """Complete lines after a byte offset of the log that Ray keeps."""
        seen = self._known(handle)
        with seen.lock:
            for _ in range(2):
                if seen.start <= after_offset <= seen.start + len(seen.body):
                    found = lines_of(seen.body, seen.start, after_offset, _NOISE)
                    if found or (seen.whole and not seen.more):
                        return found
                try:
                    behind = after_offset < seen.start or after_offset > seen.start + len(seen.body) or seen.more
                    before = seen.fetched
                    self._fetch(handle, seen, after_offset, force=behind)
                except ExecutorError:
                    return []  # `status` finds out whether the head stays away
                if seen.fetched == before:
                    return []
            return []


def _lost(seen: _Seen, cause: str) -> JobStatus:
    known = status_of(JobState.LOST, seen.told)
    return JobStatus(JobState.LOST, cause=cause, cpu_seconds=known.cpu_seconds, peak_rss_bytes=known.peak_rss_bytes)


_ERRORS = {
    "RUNTIME_ENV_SETUP_FAILURE": "Ray could not bring the code of the job to its node",
    "JOB_SUPERVISOR_ACTOR_START_TIMEOUT": "Ray had no free place for it in time",
    "JOB_SUPERVISOR_ACTOR_UNSCHEDULABLE": "The node that Ray had chosen is gone",
    "JOB_SUPERVISOR_ACTOR_DIED": "The Ray node that ran it is gone, or ended it",
}


def _why_failed(info: dict[str, Any]) -> str:
    """Ray's own word on an end that the watch did not see, in one sentence."""
    message, code = str(info.get("message") or ""), info.get("driver_exit_code")
    missing = re.search(r"No module named '?([\w.]+)", message)
    if missing:
        return f"The Python of the Ray node has no “{missing[1]}”, so the job could not start there."
    if code == 127:
        return "The Ray node has no “python” on its path, so the job could not start there."
    if code is not None:
        return f"What watched the job on its Ray node was ended (exit code {code}), so nobody knows how the job ended."
    words = _ERRORS.get(str(info.get("error_type") or ""), "The job was lost on the Ray cluster")
    return f"{words}: {_last_line(message) or 'it says no more'}"


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith(("L", "S{"))]
    return lines[-1][:300] if lines else ""


def _object(response: httpx.Response) -> dict[str, Any]:
    try:
        value = response.json()
    except ValueError as error:
        raise ExecutorError("The head answers with something that is not JSON.", step=REACH) from error
    if response.status_code != 200 or not isinstance(value, dict):
        raise ExecutorError(f"The head answers {response.status_code}.", step=REACH)
    return value


def _version(response: httpx.Response) -> str | None:
    try:
        version = response.json()["ray_version"]
    except (ValueError, KeyError, TypeError):
        return None
    return str(version)[:40] if response.status_code == 200 else None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])
