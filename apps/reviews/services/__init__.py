"""All writes of requests, decisions and messages."""

from apps.reviews.services.decisions import approval_withdraw, override_phrase, review_decide
from apps.reviews.services.messages import message_add
from apps.reviews.services.requests import (
    RENEWABLE_STATES,
    approval_request,
    request_renew,
    request_withdraw,
    requests_end_for,
    requests_left_by,
    requests_sweep,
)

__all__ = [
    "RENEWABLE_STATES",
    "approval_request",
    "approval_withdraw",
    "message_add",
    "override_phrase",
    "request_renew",
    "request_withdraw",
    "requests_end_for",
    "requests_left_by",
    "requests_sweep",
    "review_decide",
]
