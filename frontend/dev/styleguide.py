"""Look at every component: writes pages with example content, photographs them and runs axe.

    python frontend/dev/styleguide.py OUT_FOLDER      (needs frontend/vendor and a Chromium)

Outside the product: no address leads here, and no database is asked.
"""

from __future__ import annotations

import os
import sys
import threading
import uuid
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings.test")

import django  # noqa: E402

django.setup()

from django import forms  # noqa: E402
from django.conf import settings  # noqa: E402
from django.template.loader import render_to_string  # noqa: E402
from django.test import RequestFactory  # noqa: E402

from apps.core.actors import Actor  # noqa: E402
from apps.core.registries import NavEntry, Station, _stations  # noqa: E402
from apps.core.tables import BoundTable, BulkAction, ChoiceFilter, Column, Table, TextFilter  # noqa: E402
from apps.core.tables.keyset import Edge, Slice  # noqa: E402
from apps.core.templatetags import _frame  # noqa: E402

NAV = "home Home home|compass Problems problems|database Data data|flask Experiments experiments|cpu Jobs jobs"
NAV += "|box Models models|checkbox Reviews reviews|rocket Deployments deployments|activity Monitoring monitoring"
NOW = datetime.now(UTC)


class ExampleForm(forms.Form):
    name = forms.CharField(label="Experiment", initial="Cheaper advice", help_text="Seen in every list.")
    rate = forms.FloatField(label="Learning rate", max_value=1)
    rows = forms.IntegerField(label="Rows per tree", required=False)
    kind = forms.ChoiceField(label="Recipe", choices=[("gb", "Gradient boosting"), ("lr", "Logistic regression")])
    note = forms.CharField(label="Note", widget=forms.Textarea(attrs={"rows": 2}), required=False)
    stop = forms.BooleanField(label="Stop when it no longer learns", required=False)
    where = forms.ChoiceField(
        label="Where", choices=[("l", "local, 2 cores"), ("s", "shared cluster")], widget=forms.RadioSelect
    )


class ExampleRows(BoundTable):
    """Rows from memory instead of the database."""

    example_rows: list[Any]

    @property
    def slice(self) -> Slice:  # type: ignore[override]
        return Slice(self.example_rows, None, Edge("x", 1) if self.example_rows else None)

    @property
    def count(self) -> int:  # type: ignore[override]
        return 50001 if self.example_rows else 0


def stations() -> list[Station]:
    done = {"ahead": False, "tone": "good"}
    return [
        Station(
            "question", "Question", "accepted", object_label="Version 2", object_url="#", wait="sealed 3 Nov", **done
        ),
        Station("data", "Data", "sealed", object_label="Toronto arrests 1", object_url="#", wait="5 226 rows", **done),
        Station(
            "runs", "Runs", "finished", object_label="50 001 runs", object_url="#", wait="newest 2 days ago", **done
        ),
        Station("evaluation", "Evaluation", "1 gate fails", "bad", "Evaluation 3", "#", "v3 against v2", ahead=False),
        Station(
            "approval",
            "Approval",
            "waiting 2 d",
            "info",
            "Request 3",
            "#",
            "You decide by Mon 23 Nov",
            here=True,
            ahead=False,
            ships=(("v3 candidate", "candidate"),),
            say="Version 3 waits for your decision, due Monday.",
            say_more="One gate fails: people aged 35 and over. Version 2 stays live meanwhile.",
            action_label="Review release",
            action_url="#",
        ),
        Station(
            "live",
            "Live",
            "healthy",
            "good",
            "release-advice",
            "#",
            "v2 since 6 Nov",
            live=True,
            ships=(("v2 live", "live"),),
        ),
        Station("watch", "Watch", "1 alert", "warn", "Citizen in input", "#", "Operator looks at it", live=True),
    ]


def table(rows: list[Any], key: str, query: str) -> ExampleRows:
    spec = Table(
        key=key,
        label=key.capitalize(),
        columns=[
            Column("name", "Run", sort="name", link=True),
            Column("state", "State", sort="state", format="state"),
            Column("cost", "Cost", sort="cost", unit="C$", format="num"),
            Column("auc", "ROC AUC", sort="auc", format="decimals:3"),
            Column("at", "Started", sort="at", format="ago"),
            Column("seed", "Seed", format="num", default_visible=False),
        ],
        filters=[
            TextFilter("q", f"Find among {key}", ["name"]),
            ChoiceFilter("state", "State", [("FINISHED", "finished"), ("FAILED", "failed")]),
        ],
        default_sort="cost",
        row_url=lambda row: "#run",
        select=True,
        bulk=[BulkAction("Compare", "/compare", least=2)],
        noun="run",
        empty_title="No run yet",
        empty_text="A run is made when training is launched.",
        empty_url="#",
        empty_label="Launch training",
    )
    request = RequestFactory().get(f"/runs?{query}")
    bound = ExampleRows(spec, request, None, list(spec.columns), list(spec.filters))  # type: ignore[arg-type]
    bound.example_rows = rows
    return bound


def context() -> dict[str, Any]:
    form = ExampleForm({"name": "", "rate": "2", "kind": "gb", "where": "l"})
    rows = [
        SimpleNamespace(
            pk=i,
            name=f"{i * 7919:08x}",
            state=s,
            cost=14154 + 61.5 * i,
            auc=0.767 - i / 900,
            at=NOW - timedelta(hours=9 * i),
            seed=0,
        )
        for i, s in enumerate(["FINISHED", "FINISHED", "FAILED", "RUNNING", "FINISHED", "KILLED"])
    ]
    steps = list(range(0, 1500, 25))
    valid = [0.41 + 0.06 * 2.7 ** (-s / 60) + s / 30000 for s in steps]
    train = [0.28 + 0.18 * 2.7 ** (-s / 400) for s in steps]
    line = {"type": "scatter", "mode": "lines"}
    _stations.update({s.key: (lambda actor, problem_id, s=s: s) for s in stations()})
    return {
        "actor": Actor.system("Product Owner"),
        "team": SimpleNamespace(pk=1, name="Pretrial services"),
        "teams": [SimpleNamespace(pk=1, name="Pretrial services"), SimpleNamespace(pk=2, name="Fraud")],
        "navigation": [
            NavEntry(k, label, i, k, n, k[0], count=(lambda a, t: 1) if k == "reviews" else None)
            for n, (i, label, k) in enumerate(entry.split() for entry in NAV.split("|"))
        ],
        "nav_key": "experiments",
        "problem_id": uuid.uuid4(),
        "run_id": uuid.UUID("0199a7c3-1111-7abc-8def-12348f20c6aa"),
        "then": NOW - timedelta(seconds=134),
        "menu": [
            {"label": "Download log", "icon": "download", "url": "#"},
            {"label": "Archive", "icon": "archive", "open": "cancel", "bad": True},
        ],
        "tabs": [{"label": "Overview", "url": "#", "current": True}, {"label": "Versions", "url": "#", "count": 3}],
        "kpis": [
            {"label": "Harmed", "value": "114", "small": "of 2 079: right before, wrong now", "tone": "worse"},
            {"label": "Helped", "value": "114", "small": "of 2 079: wrong before, right now", "tone": "better"},
            {"label": "Money per 100 arrests", "value": "−C$ 808", "small": "[−1 809, +212]"},
            {"label": "Gates", "value": "1 fails", "small": "3 pass, 1 waived", "tone": "bad"},
        ],
        "codes": [
            "DRAFT",
            "QUEUED",
            "RUNNING",
            "OPEN",
            "SUCCEEDED",
            "LIVE",
            "STALE",
            "PAUSED",
            "QUARANTINED",
            "WAIVED",
            "FAILED",
            "CANCELLED",
            "WORSE",
            "BETTER",
            "NO_DIFFERENCE",
            "NOT_PROVEN",
        ],
        "badges": ["ACTIVE", "RUNNING", "OPEN", "DRAFT", "STALE", "FAILED", "RETIRED"],
        "figure": {
            "data": [
                {**line, "x": steps, "y": valid, "name": "valid", "line": {"color": "$candidate", "width": 2}},
                {
                    **line,
                    "x": steps,
                    "y": train,
                    "name": "train",
                    "line": {"color": "$live", "width": 1.5, "dash": "dot"},
                },
            ],
            "layout": {"xaxis": {"title": "step (trees)"}, "yaxis": {"title": "log loss"}},
        },
        "figure_columns": ["Step", "Validation", "Train"],
        "figure_rows": [(s, f"{v:.3f}", f"{t:.3f}") for s, v, t in zip(steps, valid, train, strict=True)],
        "lines": [
            (11, "2.2", "fold 1 done: best valid 0.4269 at step 124, last 0.4802", ""),
            (12, "2.2", "warning: validation loss rose for 1376 steps; early stopping is off", "w"),
            (13, "5.3", "fold 2 of 5: fit on 2 517, check on 630", ""),
            (14, "5.6", "error: out of memory", "e"),
        ],
        "table": table(rows, "runs", "state=FINISHED"),
        "nothing": table([], "none", ""),
        "waiting": [
            SimpleNamespace(
                title="Release advice, version 3: approve or refuse",
                url="#",
                text="It would wrongly hold 36 of every 100 people aged 35 and over; the live version holds 19.",
                tone="bad",
                at=NOW - timedelta(days=2),
                meta=("1 gate fails",),
                action_label="Review release",
            ),
            SimpleNamespace(
                title="Proposal: add the segment “White, 35 and over”",
                url="#",
                text="A named segment makes it a gate.",
                tone="none",
                at=NOW - timedelta(days=1),
                meta=(),
                action_label="Read proposal",
            ),
        ],
        "curl": "curl -s -X POST $FAIRWAY/v2/models/release-advice/infer \\\n"
        '  -H "Authorization: Bearer $TOKEN" \\\n  -d @example.json',
        "form": form,
        "facts": [("Population", "Arrests for possession, Toronto"), ("Mode", "assist: a person decides")],
        "hist": [40, 90, 85, 30, 20, 12, 8, 3],
        "feed": [
            SimpleNamespace(at=NOW - timedelta(hours=5), title="Request 3", url="#", text="sent for release advice v3")
        ],
        "hits": ["Run 8f20c6aa is marked killed", "1 queued evaluation is dropped"],
    }


class Handler(SimpleHTTPRequestHandler):
    """Static files under /static, the pages beside them, the product's own content policy on all of it."""

    def __init__(self, *args: Any, out: Path, **kwargs: Any) -> None:
        self.out = out
        super().__init__(*args, directory=str(out), **kwargs)

    def translate_path(self, path: str) -> str:
        path = path.split("?")[0]
        if path.startswith("/static/django_htmx/"):
            import django_htmx

            return str(Path(django_htmx.__file__).parent / path[1:])
        if path.startswith("/static/"):
            return str(ROOT / "frontend" / path.removeprefix("/static/"))
        return str(self.out / path.lstrip("/"))

    def do_GET(self) -> None:
        """The counts of the top bar are the one answer that pages ask for by themselves."""
        if self.path != "/home-summary":
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"running_jobs": 1, "unread_notices": 2}')

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", settings.CONTENT_SECURITY_POLICY)
        super().end_headers()

    def log_message(self, *args: Any) -> None:
        pass


def write_pages(out: Path) -> None:
    _frame._url = lambda *names, args=(): f"/{names[0]}"  # every address exists here
    request = RequestFactory().get("/experiments/")
    (out / "styleguide.html").write_text(render_to_string("dev/styleguide.html", context(), request))
    error = SimpleNamespace(
        title="This does not fit the present state",
        detail="Mara Lind decided two minutes ago: refused.",
        items=["Request 3 is refused"],
        fields={},
        code="x",
    )
    for code in ("403", "404", "409", "500", "503"):
        frame = context() if code in ("403", "404", "409") else {}
        (out / f"{code}.html").write_text(
            render_to_string(f"{code}.html", {**frame, "error": error, "request_id": "01a97c3e55aa9920"}, request)
        )


def photograph(out: Path, base: str) -> int:
    from playwright.sync_api import sync_playwright

    axe = (ROOT / "frontend/node_modules/axe-core/axe.min.js").read_text()
    faults = 0
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=os.environ.get("PLAYWRIGHT_CHROMIUM", "/usr/bin/chromium"))
        for theme in ("light", "dark"):
            for width in (1280, 390):
                tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=theme, bypass_csp=False)
                told: list[str] = []
                tab.on("console", lambda m, told=told: told.append(m.text) if m.type in ("error", "warning") else None)
                tab.on("pageerror", lambda e, told=told: told.append(str(e)))
                for page in ("styleguide", "404", "409", "500") if width == 1280 else ("styleguide", "409"):
                    tab.goto(f"{base}/{page}.html")
                    if page == "styleguide":
                        tab.locator("plot-figure").scroll_into_view_if_needed()
                        tab.wait_for_selector("plot-figure .main-svg", timeout=15000)
                    tab.wait_for_timeout(500)
                    tab.evaluate("scrollTo(0, 0)")
                    tab.screenshot(path=out / f"{page}-{width}-{theme}.png", full_page=True)
                    found = tab.evaluate(f"(() => {{ {axe}; }})(), axe.run(document, {{resultTypes: ['violations']}})")
                    for v in found["violations"]:
                        faults += 1
                        nodes = "; ".join(
                            n["html"][:140] + " " + str((n["any"] or [{}])[0].get("message", ""))[:160]
                            for n in v["nodes"][:3]
                        )
                        sys.stdout.write(f"{page} {width} {theme}: {v['id']} x{len(v['nodes'])}: {nodes}\n")
                    wide = tab.evaluate("document.documentElement.scrollWidth - innerWidth")
                    if wide > 0:
                        faults += 1
                        sys.stdout.write(f"{page} {width} {theme}: {wide} px too wide\n")
                for text in sorted(set(told)):
                    faults += 1
                    sys.stdout.write(f"{width} {theme} console: {text[:600]}\n")
                tab.close()
        browser.close()
    return faults


def main() -> int:
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    write_pages(out)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, out=out))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    faults = photograph(out, f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
