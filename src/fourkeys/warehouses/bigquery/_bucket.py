"""A bucket of Cloud Storage that files pass through on their way into BigQuery."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from fourkeys.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


class Bucket:
    """A place `gs://bucket/prefix`; an object is called after its content, so sending it again costs no space."""

    def __init__(self, client: Any, uri: str) -> None:
        """Take a client of Cloud Storage.

        Raises:
            ConfigError: *uri* is no `gs://bucket/prefix`.
        """
        place = re.fullmatch(r"gs://([a-z0-9][a-z0-9._-]+)(?:/(.*?))?/?", uri)
        if not place:
            raise ConfigError(f"{uri!r} is no place in Cloud Storage", "write gs://bucket/prefix")
        self._bucket, self._prefix = client.bucket(place[1]), f"{place[2]}/" if place[2] else ""

    def put(self, file: Path) -> str:
        """Send a file; returns its address."""
        with file.open("rb") as data:
            digest = hashlib.file_digest(data, "sha256").hexdigest()
        blob = self._bucket.blob(f"{self._prefix}{digest}/{file.name}")
        blob.upload_from_filename(str(file), content_type="text/csv")
        return f"gs://{blob.bucket.name}/{blob.name}"

    def remove(self, uri: str) -> None:
        """Delete what `put` sent."""
        self._bucket.blob(uri.removeprefix(f"gs://{self._bucket.name}/")).delete()
