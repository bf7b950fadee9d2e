"""One client for all HTTP sources: retries, limits, one origin, and answers that are decoded or refused."""

from fourkeys.http._answers import HASTE, Again, Answer, GoneError, Patience, RefusedError
from fourkeys.http._client import LABEL, Client
from fourkeys.http._credentials import Bearer, Credential, Nobody
from fourkeys.http._limit import Limit
from fourkeys.http._together import together
from fourkeys.http._transport import Network

__all__ = [
    "HASTE",
    "LABEL",
    "Again",
    "Answer",
    "Bearer",
    "Client",
    "Credential",
    "GoneError",
    "Limit",
    "Network",
    "Nobody",
    "Patience",
    "RefusedError",
    "together",
]
