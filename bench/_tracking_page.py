"""The table of an experiment's runs in Chromium, nothing cached: until the first row can be seen."""

from __future__ import annotations

import json

import psycopg
from playwright.sync_api import Browser, sync_playwright

from bench._tracking_seeds import Seeds
from bench._tracking_servers import USER
from bench._tracking_turns import Turns, took
from bench._tracking_wire import Server
from bench.pages import sign_in
from controlplane.stack.chromium import chromium_need

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
SCREEN = {"width": 1440, "height": 900}


def page(turns: Turns, seeds: Seeds) -> None:
    size = turns.scale.shown
    ids = seeds.both_of(size)
    with psycopg.connect(turns.both.fairway.database_url) as connection:
        found = connection.execute("SELECT id FROM experiments_experiment WHERE number = %s", [ids["Fairway"]])
        (key,) = found.fetchone() or (None,)
    addresses = {
        "Fairway": f"{turns.both.fairway.url}/experiments/{key}/",
        "MLflow": f"{turns.both.mlflow.url}/#/experiments/{ids['MLflow']}/runs",
    }
    accounts = json.loads(turns.both.stack.manage("demo_accounts", "--json").stdout)["accounts"]
    password = next(account["password"] for account in accounts if account["username"] == USER)
    signed_in = [(c.name, c.value) for c in sign_in(turns.both.stack, USER, password).cookies.jar]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_need(), args=ARGUMENTS)

        def measure(server: Server) -> float:
            cookies = signed_in if server is turns.both.fairway else []
            return _first_row(browser, addresses[server.name], f"run {size}", cookies)

        turns.compare(f"run table with {size:,} runs, first row, cold, ms", measure, floor=4, less=True)
        browser.close()


def _first_row(browser: Browser, address: str, name: str, cookies: list[tuple[str, str]]) -> float:
    """Milliseconds of a visit by a browser that knows nothing but who it is."""
    context = browser.new_context(viewport=SCREEN)
    context.add_cookies([{"name": name, "value": value, "url": address} for name, value in cookies])
    visit = context.new_page()

    def look() -> None:
        visit.goto(address, wait_until="commit")
        visit.get_by_text(name, exact=True).filter(visible=True).first.wait_for(timeout=60_000)

    try:
        return took(look)
    finally:
        context.close()
