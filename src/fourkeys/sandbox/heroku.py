"""Heroku's Platform API over the simulated company's apps: ranges, slugs, and its rate limit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from fourkeys.sandbox.accounts import Json, stamp
from fourkeys.sandbox.routes import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from datetime import datetime

    from fourkeys.sandbox.heroku_apps import App, HerokuRelease

_DEFAULT, _MOST, _LIMIT = 200, 1000, 4500
_RANGE = re.compile(
    r"(?P<field>\w+) *"
    r"(?:(?P<after>\])?(?P<first>[^\]\[;]*?)\.\.(?P<last>[^\]\[;]*)(?P<before>\[)?)? *"
    r"(?:; *(?P<options>.*))?"
)
_UNKNOWN = "The requested API endpoint was not found."
_IDS = {400: "bad_request", 401: "unauthorized", 404: "not_found", 416: "bad_request", 429: "rate_limit"}


class HerokuDoor:
    """The Platform API.

    Attributes:
        requests: how many requests were answered, refused ones included.
    """

    def __init__(
        self, apps: Sequence[App], now: datetime, token: str | None, latency: float, refuse: Collection[int] = ()
    ) -> None:
        """Serve *apps*; the requests whose ordinals (from 1) are in *refuse* are answered 429."""
        self._apps = {name: app for app in apps for name in (app.name, app.id)}
        self._token, self._latency, self._refuse = token, latency, refuse
        self._date = now.strftime("%a, %d %b %Y %H:%M:%S GMT")
        self.requests = 0

    def application(self) -> web.Application:
        """Return the application that serves it."""
        application = web.Application()
        application.router.add_get("/{path:.*}", self._handle)
        return application

    async def _handle(self, request: web.Request) -> web.Response:
        self.requests += 1
        headers = {"Date": self._date, "RateLimit-Remaining": str(max(0, _LIMIT - self.requests))}
        try:
            self._admit(request)
            status, body = 200, self._answer(request.match_info["path"], request.headers.get("Range", ""), headers)
        except Refused as refusal:
            status, body = refusal.status, {"id": _IDS[refusal.status], "message": refusal.message}
        if "Next-Range" in headers:
            status = web.HTTPPartialContent.status_code
        return web.Response(
            status=status, headers=headers, body=msgspec.json.encode(body), content_type="application/json"
        )

    def _admit(self, request: web.Request) -> None:
        if self.requests in self._refuse:
            raise Refused(429, "Your account reached the API rate limit. Please wait a few minutes.")
        if self._token is not None and request.headers.get("Authorization") != f"Bearer {self._token}":
            raise Refused(401, "Invalid credentials provided.")
        if "version=3" not in request.headers.get("Accept", ""):
            raise Refused(404, "Not found. Send `Accept: application/vnd.heroku+json; version=3`.")

    def _answer(self, path: str, asked: str, headers: dict[str, str]) -> Any:
        match path.split("/"):
            case ["account", "rate-limits"]:
                return {"remaining": max(0, _LIMIT - self.requests)}
            case ["account"]:
                return {"id": "01234567-89ab-cdef-0123-456789abcdef", "email": "metrics@acme.example"}
            case ["apps"]:
                apps = [_app(app) for name, app in self._apps.items() if name == app.name]
                return cut(apps, asked or "name ..", ("id", "name", "updated_at"), headers)
            case ["apps", name, *rest]:
                if name not in self._apps:
                    raise Refused(404, "Couldn't find that app.")
                return _about(self._apps[name], rest, asked, headers)
            case _:
                raise Refused(404, _UNKNOWN)


def _about(app: App, rest: list[str], asked: str, headers: dict[str, str]) -> Any:
    """Answer what is asked about one app."""
    match rest:
        case []:
            return _app(app)
        case ["releases"]:
            releases = [_release(app, release) for release in app.releases]
            return cut(releases, asked or "id ..", ("id", "version"), headers)
        case ["releases", wanted]:
            return _release(app, _one((r for r in app.releases if wanted in (r.id, str(r.version))), "release"))
        case ["slugs", wanted]:
            slug = _one((app.slug(wanted),), "slug")
            return {
                "id": slug.id,
                "commit": slug.commit,
                "commit_description": None,
                "created_at": stamp(slug.created_at),
                "updated_at": stamp(slug.created_at),
            }
        case _:
            raise Refused(404, _UNKNOWN)


def cut(rows: Sequence[Json], asked: str, fields: Sequence[str], headers: dict[str, str]) -> list[Json]:
    """Return the part of *rows* that the Range header *asked* names; put ranges into *headers*.

    Raises:
        Refused: the range cannot be read, or its field cannot be sorted by.
    """
    match = _RANGE.fullmatch(asked.strip())
    if match is None or match["field"] not in fields:
        raise Refused(400, "Invalid `Range` header. Please use format like `id ..; max=10, order=desc`.")
    name, kind = match["field"], int if match["field"] == "version" else str
    options = dict(option.strip().split("=", 1) for option in (match["options"] or "").split(",") if "=" in option)
    most, newest = int(options.get("max", _DEFAULT)), options.get("order", "asc") == "desc"
    if not 1 <= most <= _MOST:
        raise Refused(416, f"`max` must be between 1 and {_MOST}.")
    wanted = _between(match, kind)
    found = sorted((row for row in rows if wanted(row[name])), key=lambda row: row[name], reverse=newest)
    shown = found[:most]
    headers["Accept-Ranges"] = ", ".join(fields)
    if shown:
        headers["Content-Range"] = f"{name} {shown[0][name]}..{shown[-1][name]}"
    if len(found) > most:
        end = shown[-1][name]
        rest = f"{match['after'] or ''}{match['first'] or ''}..{end}[" if newest else f"]{end}..{match['last'] or ''}"
        headers["Next-Range"] = f"{name} {rest}; max={most}, order={'desc' if newest else 'asc'}"
    return shown


def _between(match: re.Match[str], kind: Callable[[str], Any]) -> Callable[[Any], bool]:
    """Return whether a value lies in the range; `]` before the start and `[` after the end leave them out."""
    try:
        first = kind(match["first"].strip()) if (match["first"] or "").strip() else None
        last = kind(match["last"].strip()) if (match["last"] or "").strip() else None
    except ValueError:
        raise Refused(400, "Invalid `Range` header.") from None

    def wanted(value: Any) -> bool:
        begins = first is None or (value > first if match["after"] else value >= first)
        return begins and (last is None or (value < last if match["before"] else value <= last))

    return wanted


def _one(found: Any, kind: str) -> Any:
    """Return the first thing that is there."""
    thing = next((thing for thing in found if thing), None)
    if thing is None:
        raise Refused(404, f"Couldn't find that {kind}.")
    return thing


def _app(app: App) -> Json:
    newest = stamp(app.releases[-1].created_at)
    return {
        "id": app.id,
        "name": app.name,
        "created_at": stamp(app.releases[0].created_at),
        "released_at": newest,
        "updated_at": newest,
        "archived_at": None,
        "web_url": f"https://{app.name}.example/",
    }


def _release(app: App, release: HerokuRelease) -> Json:
    slug = release.slug
    return {
        "id": release.id,
        "version": release.version,
        "status": release.status,
        "current": release is app.current,
        "description": release.description,
        "slug": {"id": slug.id} if slug else None,
        "artifacts": [{"type": "slug", "id": slug.id}] if slug else [],
        "eligible_for_rollback": release.status == "succeeded" and slug is not None,
        "addon_plan_names": ["heroku-postgresql:standard-0"],
        "app": {"id": app.id, "name": app.name},
        "user": {"id": "01234567-89ab-cdef-0123-456789abcdef", "email": release.email},
        "output_stream_url": None,
        "created_at": stamp(release.created_at),
        "updated_at": stamp(release.updated_at),
    }
