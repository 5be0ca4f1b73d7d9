"""All writes of requests, decisions and messages."""

from apps.reviews.services.decisions import approval_withdraw, review_decide
from apps.reviews.services.messages import message_add
from apps.reviews.services.requests import approval_request, request_withdraw, requests_sweep

__all__ = [
    "approval_request",
    "approval_withdraw",
    "message_add",
    "request_withdraw",
    "requests_sweep",
    "review_decide",
]
