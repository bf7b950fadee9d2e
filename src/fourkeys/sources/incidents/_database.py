"""The door to an incident database: read-only, bounded in time and memory, and silent about its password."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fourkeys.errors import ConfigError, NotFoundError, SourceError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import sqlalchemy

_EXTRA = "pip install 'fourkeys[incidents]'; for PostgreSQL 'fourkeys[incidents,postgresql]', for MySQL and MariaDB "
_EXTRA += "'fourkeys[incidents,mysql]'"
_DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}
_STEPS = 10_000
"""Instructions of SQLite's machine between two looks at the time."""


class Database:
    """An open connection, in one transaction that can only read.

    Args:
        connection: SQLAlchemy's.
        where: what messages call the database; without user and password.
        chunk_rows: rows in memory at once.
    """

    def __init__(self, connection: sqlalchemy.Connection, where: str, chunk_rows: int) -> None:
        self._connection, self.where, self._chunk_rows = connection, where, chunk_rows

    def rows(self, table: str, query: str, columns: Mapping[str, str], key: str) -> Iterator[dict[str, Any]]:
        """Yield the rows of a table or a query by our names, in the order of *key*.

        Args:
            table: name, with its schema if it needs one.
            query: a SELECT that takes the table's place; may be empty.
            columns: our names to the database's; none for a query that uses ours.
            key: our name of the column to order by.

        Raises:
            SourceError: the database refused.
        """
        import pandas as pd  # noqa: PLC0415 - half a second that only this source pays
        from sqlalchemy import column, exc, select, text  # noqa: PLC0415 - likewise
        from sqlalchemy import table as named  # noqa: PLC0415 - likewise

        if query:
            inner = text(f"({query.strip().rstrip(';').replace(':', chr(92) + ':')}) as records")
            chosen: list[Any] = [column(theirs).label(ours) for ours, theirs in columns.items()] or [text("*")]
            statement = select(*chosen).select_from(inner)
        else:
            schema, _, name = table.rpartition(".")
            chosen = [column(theirs).label(ours) for ours, theirs in columns.items()]
            statement = select(*chosen).select_from(named(name, schema=schema or None))
        statement = statement.order_by(column(columns.get(key, key)))
        try:
            for frame in pd.read_sql_query(
                statement, self._connection, chunksize=self._chunk_rows, dtype_backend="numpy_nullable"
            ):
                values = frame.astype(object)
                yield from values.where(values.notna(), None).to_dict("records")
        except (exc.SQLAlchemyError, pd.errors.DatabaseError) as error:
            what = "the query" if query else f"table {table}"
            raise SourceError(
                f"{self.where}: {what} cannot be read: {_cause(error.__cause__ or error)}",
                "compare sources.incidents with the database's tables and columns",
            ) from None


@contextmanager
def connect(url: str, timezone: str | None, timeout: float, chunk_rows: int) -> Iterator[Database]:
    """Open a database for one transaction that only reads.

    Args:
        url: SQLAlchemy's, with the password.
        timezone: zone of timestamps without an offset.
        timeout: most seconds for one statement.
        chunk_rows: rows in memory at once.

    Raises:
        ConfigError: the URL is none, or a library for it is missing.
        UnreachableError: it cannot be connected to.
        NotFoundError: there is no such file.
    """
    try:
        import pandas as pd  # noqa: PLC0415, F401 - named here, so that its absence is told before any work
        from sqlalchemy import create_engine, exc, make_url, pool  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise ConfigError(f"{error.name} is not installed", _EXTRA) from None
    try:
        address = make_url(url)
        address = address.set(drivername=_DRIVERS.get(address.drivername, address.drivername))
        where = f"{address.get_backend_name()}://{address.host or ''}/{address.database or ''}"
        if address.get_backend_name() == "sqlite":
            address = _read_only_file(address)
        engine = create_engine(address, poolclass=pool.NullPool)
    except ModuleNotFoundError as error:
        raise ConfigError(f"{where}: {error.name} is not installed", _EXTRA) from None
    except exc.ArgumentError:
        raise ConfigError(
            "the URL of the incident database is none", "write postgresql://USER:PASSWORD@HOST/DATABASE"
        ) from None
    try:
        connection = engine.connect()
    except exc.SQLAlchemyError as error:
        raise UnreachableError(
            f"{where}: cannot connect: {_cause(error, address.password)}",
            "check the URL, the network, and that the user may read",
        ) from None
    with connection:
        try:
            _restrict(connection, timezone, timeout)
        except exc.SQLAlchemyError as error:
            raise SourceError(f"{where}: {_cause(error)}", "use a database that can read only") from None
        with _closing_cursors(connection):
            yield Database(connection.execution_options(stream_results=True), where, chunk_rows)


@contextmanager
def _closing_cursors(connection: sqlalchemy.Connection) -> Iterator[None]:
    """Close what pandas leaves open when its reader stops before the last row."""
    from sqlalchemy import event  # noqa: PLC0415 - an extra

    cursors: list[Any] = []

    def keep(_connection: object, cursor: object, *_: object) -> None:
        cursors.append(cursor)

    event.listen(connection, "after_cursor_execute", keep)
    try:
        yield
    finally:
        for cursor in cursors:
            cursor.close()


def _read_only_file(address: sqlalchemy.URL) -> sqlalchemy.URL:
    path = Path(address.database or "")
    if not path.is_file():
        raise NotFoundError(f"sqlite:///{path}: no such file", "check the URL of the incident database")
    return address.set(database=f"file:{quote(str(path))}", query={"mode": "ro", "uri": "true"})


def _restrict(connection: sqlalchemy.Connection, timezone: str | None, timeout: float) -> None:
    """Make the session read-only, and end what takes too long."""
    run, name = connection.exec_driver_sql, connection.dialect.name
    if name == "postgresql":
        run("set transaction isolation level repeatable read read only")
        run(f"set local statement_timeout = {int(timeout * 1000)}")
    elif name in {"mysql", "mariadb"}:
        is_mariadb = getattr(connection.dialect, "is_mariadb", False)
        limit = f"max_statement_time = {timeout}" if is_mariadb else f"max_execution_time = {int(timeout * 1000)}"
        run(f"set session {limit}")
        if timezone:
            run(f"set session time_zone = '{_offset(timezone)}'")
        run("set session transaction read only")
        connection.commit()
    elif name == "sqlite":
        end = time.monotonic() + timeout
        driver: Any = connection.connection.driver_connection
        driver.set_progress_handler(lambda: time.monotonic() > end, _STEPS)


def _offset(timezone: str) -> str:
    """Return a zone as MySQL always knows it, `+09:00`; a zone with summer time by its name, from MySQL's tables."""
    zone = ZoneInfo(timezone)
    winter, summer = (datetime(2026, month, 1, tzinfo=zone).strftime("%z") for month in (1, 7))
    return f"{winter[:3]}:{winter[3:5]}" if winter == summer else timezone


def _cause(error: BaseException, password: object = None) -> str:
    """Return the first line of what the driver says, without the password."""
    text = (str(getattr(error, "orig", None) or error).strip() or type(error).__name__).splitlines()[0][:200]
    return text.replace(str(password), "***") if password else text
