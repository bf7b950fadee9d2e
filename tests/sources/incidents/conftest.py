"""Real database servers, started by the tests from Debian's packages, on sockets in a folder of their own."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 60
"""Seconds for a server to answer."""


def binary(name: str) -> str:
    """Return the path of a server's program; skips where it is not installed."""
    found = shutil.which(name) or next(map(str, sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))), None)
    found = found or next((str(p) for p in (Path("/usr/sbin") / name, Path("/usr/bin") / name) if p.exists()), None)
    if not found:
        pytest.skip(f"{name} is not installed (Debian: postgresql, mariadb-server-core)")
    return found


def account() -> str | None:
    """Return whom a server runs as: never root, because PostgreSQL refuses that."""
    if os.geteuid():
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "mysql", "nobody") if name in names)


@contextmanager
def home() -> Iterator[Path]:
    """Yield a folder that belongs to the server's account, with a name that is short enough for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="fk-"))
    if name := account():
        os.chown(folder, pwd.getpwnam(name).pw_uid, -1)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def server(command: list[str], socket: Path, log: Path) -> Iterator[None]:
    """Run a server, wait for its socket, and end it."""
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, user=account())
    try:
        end = time.monotonic() + PATIENCE
        while not socket.exists():
            if process.poll() is not None or time.monotonic() > end:
                pytest.fail(f"{command[0]} did not start:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(30)


def run(command: list[str]) -> None:
    """Run a program that prepares a server."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, user=account(), check=False)
    if done.returncode:
        pytest.fail(f"{command[0]} failed:\n{done.stdout[-1000:]}\n{done.stderr[-1000:]}")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """Return the URL of a PostgreSQL server."""
    initdb, postgres = binary("initdb"), binary("postgres")
    with home() as folder:
        data = str(folder / "data")
        run([initdb, "-D", data, "-U", "bot", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"])
        command = [postgres, "-D", data, "-k", str(folder), "-c", "listen_addresses=", "-c", "fsync=off"]
        with server(command, folder / ".s.PGSQL.5432.lock", folder / "log"):
            yield _answering(f"postgresql+psycopg://bot@/postgres?host={folder}")


@pytest.fixture(scope="session")
def mariadb() -> Iterator[str]:
    """Return the URL of a MariaDB server."""
    install, mariadbd = binary("mariadb-install-db"), binary("mariadbd")
    with home() as folder:
        data, socket = str(folder / "data"), folder / "s"
        run(
            [
                install,
                "--no-defaults",
                f"--datadir={data}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
            ]
        )
        command = [mariadbd, "--no-defaults", f"--datadir={data}", f"--socket={socket}", "--skip-networking"]
        command += [f"--pid-file={folder / 'pid'}", "--character-set-server=utf8mb4", "--skip-log-bin"]
        with server(command, socket, folder / "log"):
            yield _answering(f"mysql+pymysql://root@localhost/mysql?unix_socket={socket}")


def _answering(url: str) -> str:
    """Return the URL once its server, which has a socket, lets somebody in."""
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    end = time.monotonic() + PATIENCE
    while True:
        try:
            engine.connect().close()
        except sqlalchemy.exc.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return url


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'bot.sqlite'}"
    url = sqlalchemy.make_url(request.getfixturevalue(request.param))
    name = f"t{abs(hash(request.node.name)) % 10**8}"
    engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"create database {name}")
    return url.set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def filled() -> Callable[[str, dict[str, tuple[list[sqlalchemy.Column], list[dict]]]], str]:
    """Return a function that makes tables with rows in a database and returns its URL."""

    def fill(url: str, tables: dict[str, tuple[list[sqlalchemy.Column], list[dict]]]) -> str:
        engine, metadata = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool), sqlalchemy.MetaData()
        made = {name: sqlalchemy.Table(name, metadata, *columns) for name, (columns, _) in tables.items()}
        metadata.create_all(engine)
        with engine.begin() as connection:
            for name, (_, rows) in tables.items():
                if rows:
                    connection.execute(made[name].insert(), rows)
        return url

    return fill
