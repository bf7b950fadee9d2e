"""One client for all HTTP sources: retries, limits, one origin, and answers that are decoded or refused."""

from fourkeys.http._answers import Again, Answer, Patience, RefusedError
from fourkeys.http._client import LABEL, Client

__all__ = ["LABEL", "Again", "Answer", "Client", "Patience", "RefusedError"]
