"""Texts that the database keeps closed, with a key made of the installation's secret, which is not in the database."""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


def _fernet(purpose: str, secret: str) -> Fernet:
    digest = hashlib.sha256(f"fairway {purpose}\0{secret}".encode()).digest()
    return Fernet(base64.urlsafe_b64encode(digest))


def _box(purpose: str) -> MultiFernet:
    # Older keys still open what they closed, so that the installation's secret can be changed.
    return MultiFernet([_fernet(purpose, str(key)) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def text_encrypt(purpose: str, text: str) -> str:
    """The text, closed; a key of its own for each purpose ("second factor")."""
    return _box(purpose).encrypt(text.encode()).decode()


def text_decrypt(purpose: str, closed: str) -> str:
    """The text again. Raises ValueError when the installation's secret is another one than when it was closed."""
    try:
        return _box(purpose).decrypt(closed.encode()).decode()
    except InvalidToken as error:
        raise ValueError(f"The {purpose} was stored under another SECRET_KEY.") from error
