"""Where a webhook may lead, and where not, however it is spelled and whenever the name turns."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from apps.accounts.models import Team
from apps.core.actors import Actor
from apps.core.errors import Invalid
from apps.webhooks import sending
from apps.webhooks.draining import webhook_deliveries_send
from apps.webhooks.models import Delivery, Webhook
from apps.webhooks.services import event_tell, webhook_create
from apps.webhooks.targets import addresses_of, target_of
from apps.webhooks.tests.conftest import Target

EVENT = "registered_model.created"


def names(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    """The name `elsewhere.example` resolves to these addresses, one after the other; returns what was asked."""
    real, asked, left = socket.getaddrinfo, [], list(answers)

    def resolve(host: Any, *args: Any, **kwargs: Any) -> Any:
        asked.append(host)
        return real(left.pop(0) if host == "elsewhere.example" else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "localhost",
        "LOCALHOST",
        "0.0.0.0",  # noqa: S104 - an address that is refused
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "224.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:169.254.169.254]",
        "[::7f00:1]",
        "[fe80::1]",
        "[fc00::1]",
        "[fec0::1]",
        "[ff02::1]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:7f00:1::]",
    ],
)
@pytest.mark.parametrize("scheme", ["https", "http"])
def test_an_address_inside_is_refused(host: str, scheme: str):
    with pytest.raises(Invalid) as refused:
        addresses_of(target_of(f"{scheme}://{host}/x"))

    assert "url" in refused.value.fields


def test_a_public_address_is_reached_by_https_only():
    assert addresses_of(target_of("https://1.1.1.1/hook")) == ["1.1.1.1"]
    with pytest.raises(Invalid):
        addresses_of(target_of("http://1.1.1.1/hook"))


def test_an_administrator_allows_a_network(settings):
    settings.WEBHOOK_NETWORKS = ("10.20.0.0/16", "::1/128")

    assert addresses_of(target_of("http://10.20.3.4:9000/hook")) == ["10.20.3.4"]
    assert addresses_of(target_of("https://[::ffff:10.20.3.4]/hook")) == ["::ffff:10.20.3.4"]
    with pytest.raises(Invalid):
        addresses_of(target_of("http://10.21.0.1/hook"))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/hook",
        "//1.1.1.1/hook",
        "file:///etc/passwd",
        "gopher://1.1.1.1/",
        "ftp://1.1.1.1/",
        "https://",
        "https://user:word@1.1.1.1/",
        "https://1.1.1.1@127.0.0.1/",
        "https://1.1.1.1/#part",
        "https://1.1.1.1:99999/",
        "https://1.1.1.1\\@127.0.0.1/",
        "https://1.1.1.1/ HTTP/1.1\r\nHost: inside",
        "https://1.1.1.1/a b",
        "https://exämple.org/",
        "https://[::1/",
        "https://1.1.1.1/" + "x" * 500,
    ],
)
def test_what_is_no_plain_address_is_refused(url: str):
    with pytest.raises(Invalid) as refused:
        target_of(url)

    assert "url" in refused.value.fields


def test_a_name_with_one_address_inside_is_refused_whole(monkeypatch):
    rows = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in ("1.1.1.1", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: rows)

    with pytest.raises(Invalid):
        addresses_of(target_of("https://elsewhere.example/"))


def test_a_name_that_turns_inside_is_not_reached(team: Team, operator: Actor, target: Target, monkeypatch):
    port = target.url.rsplit(":", 1)[1]
    names(monkeypatch, "1.1.1.1", "127.0.0.1")
    hook = webhook_create(
        actor=operator, team_id=team.pk, name="n", url=f"https://elsewhere.example:{port}", events=[EVENT]
    )
    event_tell(team_id=team.pk, event=EVENT, data={})

    webhook_deliveries_send(hook.pk)

    delivery = Delivery.objects.get()
    assert target.got == []
    assert (delivery.state, delivery.response_status) == ("QUEUED", None)
    assert "not public" in delivery.error


def test_the_judged_address_is_the_one_that_is_reached(webhook: Webhook, target: Target, monkeypatch):
    webhook.url = target.url.replace("127.0.0.1", "elsewhere.example")
    asked = names(monkeypatch, "127.0.0.1")

    outcome = sending.post(webhook, delivery_id="d", body="{}")

    assert outcome.status == 200
    assert asked.count("elsewhere.example") == 1
    assert target.got[0][1]["Host"].startswith("elsewhere.example:")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(webhook: Webhook, team: Team, target: Target, status: int):
    def away(handler: Any) -> None:
        handler.send_response(status)
        handler.send_header("Location", target.url + "/inside")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    target.answer = away
    event_tell(team_id=team.pk, event=EVENT, data={})

    webhook_deliveries_send(webhook.pk)

    delivery = Delivery.objects.get()
    assert [path for path, _, _ in target.got] == ["/hook"]
    assert (delivery.state, delivery.response_status) == ("FAILED", status)
    assert "redirect" in delivery.error


def test_a_proxy_of_the_environment_is_not_used(webhook: Webhook, target: Target, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert sending.post(webhook, delivery_id="d", body="{}").status == 200


def test_a_target_that_never_ends_is_cut_off(webhook: Webhook, target: Target, monkeypatch):
    monkeypatch.setattr(sending, "_STEP_SECONDS", 60.0)
    monkeypatch.setattr(sending, "_WHOLE_SECONDS", 0.2)
    over = threading.Event()

    def hang(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 20")
        handler.wfile.flush()
        over.wait(60)

    target.answer = hang

    outcome = sending.post(webhook, delivery_id="d", body="{}")
    over.set()

    assert outcome.status is None
    assert "could not be reached" in outcome.error
