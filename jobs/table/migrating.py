"""The tables brought to what this release has: made, carried over from an older release, or left alone."""

from pathlib import Path

from sqlalchemy import Connection, Inspector, inspect, select
from sqlalchemy.sql import column, table

from constants.exceptions import OtherRelease
from constants.release import VERSION
from features.database import Database

#: The release that last changed the tables: the last revision in ``migrations/versions``.
SCHEMA = "1.0.0"
#: The release before tables said which one they are of, and a column that it was the first to have.
_UNVERSIONED, _ITS_COLUMN = "0.9.0", ("builds", "topology")

_MIGRATIONS = Path(__file__).parent / "migrations"


def schema_of(database: Database) -> str | None:
    """The release whose tables a database has; None for no tables, or for those of a release that did not say."""
    with database.read() as connection:
        return _schema(connection)


def migrate(database: Database) -> None:
    """Make the tables, or carry over those of an older release, while no other process can.

    Nothing is changed unless all of it is. Raises ``OtherRelease`` for tables that are older than can be carried
    over, or newer than this release.
    """
    if schema_of(database) == SCHEMA:
        return
    with database.change_tables() as connection:
        schema = _schema(connection)
        if schema == SCHEMA:  # another process was faster
            return
        _refuse_newer(schema)
        if schema is None and _has_tables(inspect(connection)):
            _refuse_older(inspect(connection))
            _run(connection, "stamp", _UNVERSIONED)
        _run(connection, "upgrade", SCHEMA)


def _schema(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.scalar(select(column("version_num")).select_from(table("alembic_version")))


def _has_tables(inspector: Inspector) -> bool:
    return inspector.has_table("builds")


def _refuse_newer(schema: str | None) -> None:
    if schema is not None and _number(schema) > _number(SCHEMA):
        raise OtherRelease(
            f"The data are of release {schema}, and this is release {VERSION}: run release {schema} or a newer one, "
            "or set FACIAL_DATA_DIR to another folder."
        )


def _refuse_older(inspector: Inspector) -> None:
    name, its_column = _ITS_COLUMN
    if all(its["name"] != its_column for its in inspector.get_columns(name)):
        raise OtherRelease(
            f"The data are of a release before {_UNVERSIONED}, and release {VERSION} cannot carry them over: run the "
            "release that made them, or set FACIAL_DATA_DIR to another folder and send the pictures again."
        )


def _number(release: str) -> tuple[int, ...]:
    return tuple(map(int, release.split(".")))


def _run(connection: Connection, command: str, release: str) -> None:
    """Run one of Alembic's commands within the connection's transaction."""
    import alembic.command  # takes a quarter of a second, and is needed once
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    getattr(alembic.command, command)(config, release)
