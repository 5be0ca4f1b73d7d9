"""What went wrong with a store, in words; the libraries' own errors are for programmers."""

from __future__ import annotations

import errno
import re

_CODES = {
    "NoSuchBucket": "There is no such bucket.",
    "AccessDenied": "The store refuses it: the key may not do this.",
    "403": "The store refuses it: the key may not do this, or is not known.",
    "InvalidAccessKeyId": "The store does not know this access key.",
    "SignatureDoesNotMatch": "The secret access key is not the one of this access key id.",
    "AuthorizationHeaderMalformed": "The region is another one.",
    "PermanentRedirect": "The bucket is in another region.",
    "301": "The bucket is in another region.",
    "SlowDown": "The store asks to be asked less often.",
    "404": "There is no such bucket or file.",
}
_TYPES = {
    "EndpointConnectionError": "Nobody answers at its address.",
    "ConnectTimeoutError": "Nobody answers at its address in time.",
    "ReadTimeoutError": "It took the request and gave no answer in time.",
    "ConnectionClosedError": "It ended the connection without an answer.",
    "NoCredentialsError": "There is no access key, neither here nor in the server's environment.",
    "ParamValidationError": "The name of the bucket is none.",
    "DefaultCredentialsError": "There is no key, neither here nor in the server's environment.",
    "RefreshError": "Google does not accept the key.",
    "ClientAuthenticationError": "Azure does not accept the account's key.",
    "ServiceRequestError": "Nobody answers at its address.",
    "ResourceNotFoundError": "There is no such container.",
    "Forbidden": "The store refuses it: the key may not do this.",
    "NotFound": "There is no such bucket.",
    "SSLError": "Its certificate is not accepted.",
}
_ERRNOS = {
    errno.ENOENT: "There is no such folder.",
    errno.ENOTDIR: "A part of the path is a file and no folder.",
    errno.EACCES: "The server's user may not do this there.",
    errno.EPERM: "The server's user may not do this there.",
    errno.EROFS: "The disk is mounted read-only.",
    errno.ENOSPC: "The disk is full.",
    errno.EDQUOT: "The disk's quota is used up.",
}


def fault_words(error: BaseException, *secrets: str) -> str:
    """A sentence that says what happened; no secret is in it."""
    response = getattr(error, "response", None)
    told = response.get("Error", {}) if isinstance(response, dict) else {}
    code = str(told.get("Code", ""))
    name = type(error).__name__
    if code:
        plain = _CODES.get(code, "It refuses.")
    elif isinstance(error, OSError) and error.errno in _ERRNOS:
        return _ERRNOS[error.errno]
    else:
        plain = _TYPES.get(name, "It failed.")
    detail = re.sub(r"\s+", " ", str(told.get("Message") or error)).strip()[:300]
    for secret in secrets:
        if secret:
            detail = detail.replace(secret, "…")
    return f"{plain} ({code or name}{f': {detail}' if detail else ''})"
