"""Invited by a mail, with an app and a passkey as second factors: what a person does before they may decide."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import struct
import time
import uuid
from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.browsing import Person, person_open
from tests.e2e.looking import faults
from tests.e2e.product import Product
from tests.flows.processes import wait_for

PASSWORD = "a long test password"
STEP_S = 30
# A phone's or laptop's own authenticator, with a person's finger always on it.
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
AGAIN = re.compile("again", re.I)


class ByName(Product):
    """The product at the name that its mails use: cookies and passkeys belong to a name."""

    @property
    def url(self) -> str:
        return super().url.replace("127.0.0.1", "localhost")


def code_of(key: str, step: int) -> str:
    """The six digits of an authenticator app (RFC 6238) for a step of half a minute."""
    digest = hmac.digest(base64.b32decode(key), struct.pack(">Q", step), hashlib.sha1)
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at : at + 4])[0] & 0x7FFFFFFF) % 10**6:06d}"


def link_mailed(logs: Path, address: str, path: str) -> str:
    """The link of the newest mail to this address; mails go to the web's output without EMAIL_URL."""

    def look() -> str | None:
        text = "".join(file.read_text(errors="replace") for file in sorted(logs.glob("*.log")))
        mails = [mail for mail in text.split("Content-Type: text/plain") if f"To: {address}" in mail]
        found = re.search(rf"https?://\S+{path}\S+", mails[-1]) if mails else None
        return found[0] if found else None

    return wait_for(look, 30, f"a mail to {address}")


def sign_in(person: Person, name: str, password: str = PASSWORD) -> None:
    person.open("/accounts/login/")
    person.page.get_by_label("User name or e-mail address").fill(name)
    person.page.get_by_label("Password", exact=True).fill(password)
    person.press("Sign in")


def sign_out(person: Person) -> None:
    person.open("/accounts/logout/")
    person.press("Sign out", within=person.page.get_by_role("main"))
    expect(person.page.get_by_role("heading", level=1, name="Sign in")).to_be_visible()


def confirm(person: Person) -> None:
    """The password once more, before what guards the account changes."""
    person.page.get_by_label("Password", exact=True).fill(PASSWORD + "!")
    person.press("Continue")


def at_home(person: Person) -> None:
    expect(person.page.get_by_role("heading", level=1, name="Home")).to_be_visible()


def test_invited_by_mail_guarded_by_an_app_and_a_passkey(people, browser, product):
    """Invitation and forgotten password by mail; then an app, a recovery code and a passkey at the door."""
    admin = people("admin")
    name = f"keeper-{uuid.uuid4().hex[:6]}"
    address = f"{name}@example.org"
    admin.open("/admin/people/invite/")
    admin.page.get_by_label("E-mail").fill(address)
    admin.page.get_by_label("Team").select_option(label="Pretrial services")
    admin.page.get_by_label("Role").select_option(label="product owner")
    admin.press("Send invitation")
    expect(admin.page.get_by_role("status").or_(admin.page.get_by_role("alert")).first).to_be_visible()
    logs = product.stack.home / "logs"

    keeper = person_open(browser, ByName(product.stack, product.passwords), name)
    page = keeper.page
    try:
        keeper.open(link_mailed(logs, address, "/invitation/"))
        page.get_by_label("User name").fill(name)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_label(AGAIN).fill(PASSWORD)
        keeper.press("Join")
        at_home(keeper)
        sign_out(keeper)

        keeper.follow("Forgotten password")
        page.get_by_label("E-mail address").fill(address)
        keeper.press("Send the link")
        expect(page.get_by_role("heading", level=1, name="Forgotten password")).not_to_be_visible()
        found = faults(keeper, link_mailed(logs, address, "/accounts/password/reset/key/"))
        page.get_by_role("textbox", name="New password", exact=True).fill(PASSWORD + "!")
        page.get_by_label(AGAIN).fill(PASSWORD + "!")
        keeper.press("Change password")
        sign_in(keeper, name, PASSWORD + "!")
        at_home(keeper)

        found += faults(keeper, "/accounts/2fa/")
        keeper.follow("Add", within=page.get_by_role("region", name="Authenticator app"))
        confirm(keeper)
        key = page.get_by_role("main").locator("code").first.inner_text()
        used = int(time.time()) // STEP_S
        page.get_by_label("Code from the app").fill(code_of(key, used))
        keeper.press("Add the app")
        spare = page.get_by_role("region", name="10 of 10 left").locator("code").first.inner_text()

        sign_out(keeper)
        sign_in(keeper, name, PASSWORD + "!")
        page.get_by_label("Code", exact=True).fill(spare)
        keeper.press("Sign in")
        at_home(keeper)
        keeper.open("/accounts/2fa/")
        expect(page.get_by_text("This session was signed in with a second factor.")).to_be_visible()
        expect(page.get_by_text("9 left")).to_be_visible()

        devices = keeper.context.new_cdp_session(page)
        devices.send("WebAuthn.enable")
        devices.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
        keeper.follow("Add", within=page.get_by_role("region", name="Passkeys and security keys"))
        confirm(keeper)
        page.get_by_role("textbox", name="Name").fill("This laptop")
        page.get_by_label("Also sign in with it alone, without a password").check()
        keeper.press("Add it")
        expect(page.get_by_text("The passkey or security key is added.")).to_be_visible()
        sign_out(keeper)
        keeper.press("Sign in with a passkey")
        at_home(keeper)
        found += faults(keeper, "/accounts/2fa/webauthn/")
        sign_out(keeper)

        sign_in(keeper, name, PASSWORD + "!")
        for code in (spare, "000000"):
            keeper.allow("400")
            page.get_by_label("Code", exact=True).fill(code)
            keeper.press("Sign in")
            expect(page.get_by_role("heading", level=1, name="Second factor")).to_be_visible()
            expect(page.get_by_role("main")).to_contain_text("Incorrect code")
        keeper.press("Use a passkey or security key")
        at_home(keeper)
        found += keeper.unexpected()
    finally:
        keeper.context.close()
    assert not found, "\n".join(found)
