"""Every request's way: find the deployment, check the token, check the input, ask the host, log, answer.

Order matters. A caller without a known token learns nothing but 401; a token of another team gets the same 404
as a name that does not exist; a token of the same team that does not open this deployment gets 403. Only then
is the state told.
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote

from workers.serving import VERSION
from workers.serving.answers import Scores
from workers.serving.fleet import Fleet, Live
from workers.serving.forms import V2Request, body_object, invocation_parse, v2_parse
from workers.serving.hosts import READY, Host, HostAway, Job, ModelRefused
from workers.serving.http_server import Reply, Request, Response, problem
from workers.serving.inputs import Columns
from workers.serving.journal import Journal, Subject
from workers.serving.keeper import RoutesKeeper
from workers.serving.lane import LARGE_BYTES, Lane, LaneFull
from workers.serving.problems import Refused, unavailable
from workers.serving.spool import Spool

_Written = tuple[list[str], Response]

_LIVE = Response(200, b'{"status":"live"}')
_V2_LIVE = Response(200, b'{"live":true}')
_SERVER = Response(200, json.dumps({"name": "fairway", "version": VERSION, "extensions": []}).encode())


class Door:
    """The gateway's request handler. Answers of a batch leave in `flush`, after their log rows are written."""

    def __init__(self, spool: Spool, journal: Journal) -> None:
        self.fleet: Fleet | None = None
        self.keeper: RoutesKeeper | None = None
        self._spool = spool
        self._journal = journal
        self._lane = Lane()
        self._lines: list[str] = []
        self._answers: list[tuple[Reply, Response]] = []

    def __call__(self, request: Request, reply: Reply) -> None:
        """Answers now, or hands the rows to a host and answers later. Never raises."""
        try:
            response = self._handle(request, reply)
        except Refused as refused:
            response = refused.response
        except Exception:  # noqa: BLE001 - the last line of defence: one bad request must not end the gateway
            traceback.print_exc(file=sys.stderr)
            response = problem(500, "internal-error", "The gateway failed on this request.")
        if response is not None:
            reply(response)

    def close(self) -> None:
        """Takes no further large requests."""
        self._lane.close()

    def flush(self) -> None:
        """Writes the log rows of a batch, then its answers."""
        lines, self._lines = self._lines, []
        answers, self._answers = self._answers, []
        self._spool.append(lines)
        for reply, response in answers:
            reply(response)

    def _handle(self, request: Request, reply: Reply) -> Response | None:
        started = time.perf_counter()
        parts = request.path.split("/")[1:]
        if "%" in request.path:
            parts = [unquote(part) for part in parts]
        match parts:
            case ["v2", "models", name, "infer"]:
                return self._infer(request, reply, started, name, None)
            case ["v2", "models", name, "versions", number, "infer"]:
                return self._infer(request, reply, started, name, number)
            case ["v2", "models", name, *rest]:
                return self._about(request, name, rest)
            case ["invocations"]:
                names = parse_qs(request.query).get("deployment", [])
                if len(names) != 1:
                    detail = "Say which deployment: /invocations?deployment=NAME"
                    raise Refused(400, "invalid-input", detail, field="deployment")
                return self._invoke(request, reply, started, names[0])
            case [name, "invocations"]:
                return self._invoke(request, reply, started, name)
            case _:
                return self._health(request, parts)

    def _health(self, request: Request, parts: list[str]) -> Response:
        match parts:
            case ["health", "live"] | ["ping"]:
                response = _LIVE
            case ["v2", "health", "live"]:
                response = _V2_LIVE
            case ["v2"]:
                response = _SERVER
            case ["health", "ready"]:
                state = self.readiness()
                body = json.dumps(state).encode()
                response = Response(200 if state["status"] == "ready" else 503, body)
            case ["v2", "health", "ready"]:
                ready = self.readiness()["status"] == "ready"
                response = Response(200 if ready else 503, b'{"ready":true}' if ready else b'{"ready":false}')
            case _:
                raise Refused(404, "not-found", "There is nothing at this address.")
        _method(request, "GET", "HEAD")
        return response

    def readiness(self) -> dict[str, Any]:
        """What `/health/ready` says; names no deployment, because it answers without a token."""
        keeper, fleet = self.keeper, self.fleet
        routes = None if keeper is None else keeper.routes
        if keeper is None or fleet is None or routes is None:
            reason = (
                "no valid routes" if keeper is None or keeper.serial == 0 else "the last signed routes have expired"
            )
            return {"status": "not ready", "reason": reason, "detail": "" if keeper is None else keeper.error}
        states = [host.state for host in fleet.hosts()]
        starting = fleet.starting()
        away = keeper.away_since
        return {
            "status": "starting" if starting else "ready",
            "serial": routes.serial,
            "routes_expire_at": routes.expires_at.isoformat(),
            "control_plane": "reachable" if away is None else "away",
            "control_plane_away_since": None if away is None else away.isoformat(),
            "detail": keeper.error,
            "hosts": {state: states.count(state) for state in sorted(set(states))},
        }

    # Who may see what

    def _entered(self, request: Request, name: str) -> tuple[Live, str]:
        """The deployment and the token's hash. Raises Refused: 503 without valid routes, 401, 403 or 404."""
        if self.fleet is None or self.keeper is None or self.keeper.routes is None:
            refused = Refused(
                503, "no-routes", "The gateway has no valid routes from the control plane.", headers=_RETRY
            )
            raise refused
        scheme, _, token = request.authorization.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise Refused(401, "token-missing", "Send a token: 'Authorization: Bearer ...'.", headers=_CHALLENGE)
        known = self.fleet.allowed(token)
        if known is None:
            raise Refused(401, "token-unknown", "The token is unknown, expired or revoked.", headers=_CHALLENGE)
        digest, ids, teams = known
        live = self.fleet.deployments.get(name)
        if live is not None and live.route.id in ids:
            return live, digest
        if live is not None and live.route.team in teams:
            raise Refused(403, "token-not-for-this", "The token does not open this deployment.")
        raise Refused(404, "deployment-unknown", "There is no deployment of this name.")

    def _chosen(self, live: Live, number: str | None) -> Host:
        """The host that answers. Raises Refused: 503 paused or not ready, 404 for a version without a share."""
        route = live.route
        if route.state != "READY":
            why = f": {route.reason}" if route.reason else "."
            detail = f"The deployment {route.name} is paused{why}"
            raise _Unavailable("deployment-paused", detail, retry_after=5, reason=route.reason)
        if number is not None:
            host = live.numbered(number)
            if host is None:
                raise Refused(404, "version-not-served", f"Version {number[:20]} of {route.name} takes no traffic.")
            if host.state == READY:
                return host
        else:
            host = live.pick()
            if host is not None:
                return host
        if not live.shares:
            raise _Unavailable("nothing-deployed", f"No version of {route.name} takes traffic now.", retry_after=5)
        states = ", ".join(f"version {host.version.number} is {host.state}" for host, _ in live.shares)
        raise _Unavailable("version-not-ready", f"{route.name} cannot answer now: {states}.", retry_after=1)

    # Model metadata and health

    def _about(self, request: Request, name: str, rest: list[str]) -> Response:
        number: str | None = None
        if rest[:1] == ["versions"] and len(rest) >= 2:
            number, rest = rest[1], rest[2:]
        if rest not in ([], ["ready"]):
            raise Refused(404, "not-found", "There is nothing at this address.")
        _method(request, "GET", "HEAD")
        live, _ = self._entered(request, name)
        try:
            host = self._chosen(live, number)
        except _Unavailable as away:
            if rest == ["ready"]:
                body = {"name": name, "ready": False, "detail": str(away)}
                return Response(503, json.dumps(body).encode(), headers=_RETRY)
            if number is None and live.shares:
                host = live.shares[0][0]  # metadata is known before the process is up
            else:
                raise
        if rest == ["ready"]:
            return Response(200, json.dumps({"name": name, "ready": True}).encode())
        metadata = host.answers.metadata(name, host.inputs.metadata)
        if number is None:
            metadata["versions"] = [str(shared.version.number) for shared, _ in live.shares]
        return Response(200, json.dumps(metadata).encode())

    # Predictions

    def _infer(self, request: Request, reply: Reply, started: float, name: str, number: str | None) -> Response | None:
        _method(request, "POST")
        live, digest = self._entered(request, name)
        host = self._chosen(live, number)
        subject = Subject(live.route.id, host.version.id, live.mask, digest[:8], started)
        name_json = json.dumps(name)

        def parse(document: dict[str, Any]) -> tuple[int, Columns, Callable[[Scores, list[int]], bytes]]:
            asked: V2Request = v2_parse(document, host.inputs, host.answers.names)
            return asked.rows, asked.columns, lambda scores, chosen: host.answers.v2(name_json, asked, scores, chosen)

        return self._predict(request, reply, host, subject, parse)

    def _invoke(self, request: Request, reply: Reply, started: float, name: str) -> Response | None:
        _method(request, "POST")
        live, digest = self._entered(request, name)
        host = self._chosen(live, None)
        subject = Subject(live.route.id, host.version.id, live.mask, digest[:8], started)

        def parse(document: dict[str, Any]) -> tuple[int, Columns, Callable[[Scores, list[int]], bytes]]:
            rows, columns = invocation_parse(document, host.inputs)
            return rows, columns, host.answers.invocation

        return self._predict(request, reply, host, subject, parse)

    def _predict(
        self,
        request: Request,
        reply: Reply,
        host: Host,
        subject: Subject,
        parse: Callable[[dict[str, Any]], tuple[int, Columns, Callable[[Scores, list[int]], bytes]]],
    ) -> Response | None:
        def taken(rows: int, columns: Columns, done: Callable[[Scores | Exception], None]) -> None:
            host.submit(Job(rows, columns, done))

        def written(columns: Columns, scores: Scores, write: Callable[[Scores, list[int]], bytes]) -> _Written:
            chosen = host.answers.chosen(scores)
            body = write(scores, chosen)
            return self._journal.answered(subject, host.answers, columns, scores, chosen), Response(200, body)

        try:
            if request.content_type not in ("application/json", ""):
                raise Refused(415, "media-type", "Send JSON: 'Content-Type: application/json'.")
            if request.content_encoding not in ("", "identity"):
                raise Refused(415, "media-type", "Send the body without content encoding.")
            if len(request.body) > LARGE_BYTES:
                self._large(subject, reply, lambda: parse(body_object(request.body)), taken, written)
                return None
            rows, columns, write = parse(body_object(request.body))

            def done(result: Scores | Exception) -> None:
                try:
                    if isinstance(result, Exception):
                        raise result
                    lines, response = written(columns, result, write)
                    self._lines += lines
                    self._answers.append((reply, response))
                except Exception as error:  # noqa: BLE001 - the other requests of the batch must still be answered
                    self._failed(subject, error, reply)

            taken(rows, columns, done)
        except Refused as refused:
            self._spool.append([self._journal.refused(subject, refused.status, refused.log)])
            raise
        except HostAway as away:
            self._spool.append([self._journal.refused(subject, 503, f"host-away: {away}")])
            return unavailable("version-not-ready", f"The version cannot answer now: {away}.")
        return None

    def _large(
        self,
        subject: Subject,
        reply: Reply,
        parse: Callable[[], tuple[int, Columns, Callable[[Scores, list[int]], bytes]]],
        taken: Callable[[int, Columns, Callable[[Scores | Exception], None]], None],
        written: Callable[[Columns, Scores, Callable[[Scores, list[int]], bytes]], _Written],
    ) -> None:
        """The same way for a large body, read and written in the lane. Raises Refused (503) when that is full."""
        lane = self._lane
        try:
            lane.enter()
        except LaneFull:
            raise _Unavailable("too-many-large", "Too many large requests are under way.", retry_after=1) from None

        def ended(error: Exception) -> None:
            lane.leave()
            self._failed(subject, error, reply)
            self.flush()

        def parsed(found: Any) -> None:
            if isinstance(found, Exception):
                ended(found)
                return
            rows, columns, write = found

            def scored(result: Scores | Exception) -> None:
                if isinstance(result, Exception):
                    ended(result)
                else:
                    lane.run(lambda: written(columns, result, write), answered)

            try:
                taken(rows, columns, scored)
            except HostAway as away:
                ended(away)

        def answered(found: Any) -> None:
            if isinstance(found, Exception):
                ended(found)
                return
            lane.leave()
            lines, response = found
            self._spool.append(lines)
            reply(response)

        lane.run(parse, parsed)

    def _failed(self, subject: Subject, error: Exception, reply: Reply) -> None:
        if isinstance(error, Refused):
            response = error.response
            line = self._journal.refused(subject, error.status, error.log)
        elif isinstance(error, ModelRefused):
            detail = f"The model did not take this input: {error}"
            response = problem(400, "model-refused-input", detail, field="body")
            line = self._journal.refused(subject, 400, "model-refused-input")
        elif isinstance(error, HostAway):
            response = unavailable("version-not-ready", f"The version cannot answer now: {error}.")
            line = self._journal.refused(subject, 503, f"host-away: {error}")
        else:
            traceback.print_exception(error, file=sys.stderr)
            response = problem(500, "internal-error", "The gateway failed on this request.")
            line = self._journal.refused(subject, 500, "internal-error")
        self._lines.append(line)
        self._answers.append((reply, response))


_CHALLENGE = b"www-authenticate: Bearer\r\n"
_RETRY = b"retry-after: 1\r\n"


class _Unavailable(Refused):
    def __init__(self, code: str, detail: str, *, retry_after: int, **more: Any) -> None:
        super().__init__(503, code, detail, headers=b"retry-after: %d\r\n" % retry_after, **more)


def _method(request: Request, *allowed: str) -> None:
    if request.method not in allowed:
        headers = f"allow: {', '.join(allowed)}\r\n".encode()
        raise Refused(405, "method-not-allowed", f"Use {' or '.join(allowed)} here.", headers=headers)
