"""Challenges of log-ins in a portal's own SQL database, through SQLAlchemy 2 (extra ``sql``); no registry of ours is needed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine import Engine

from zorgid_card.adapters.sql_engine import translated
from zorgid_card.errors import StorageError
from zorgid_card.ports.challenges import LogInChallenge

_METADATA = sa.MetaData()
_TABLE = sa.Table(
    "zorgid_log_in_challenge",
    _METADATA,
    sa.Column("binding", sa.String(43), primary_key=True),
    sa.Column("nonce", sa.String(44), nullable=False),
    sa.Column("origin", sa.String(300), nullable=False),
    sa.Column(
        "expires_at", sa.BigInteger, nullable=False, index=True
    ),  # microseconds since 1970, UTC: alike in all databases
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class SQLChallenges:
    """Challenges in one table, shared by all processes (:class:`~zorgid_card.ports.challenges.Challenges`).

    A challenge is taken by a DELETE that names its nonce: the database lets one of all who try remove the row, in every
    database and at every isolation level. An old one is removed when a new one is put, so that the table holds no more than
    were asked for within the lifetime of one: who may ask how often is for the portal's web server to limit.

    Args:
        where: a database URL, or the portal's engine.
    """

    def __init__(self, where: str | Engine) -> None:
        self._engine = where if isinstance(where, Engine) else sa.create_engine(where)

    def create(self) -> None:
        """Make the table ``zorgid_log_in_challenge`` if it is missing; workers that start together may all call this.

        Raises:
            StorageError: ``reason`` says why not.
        """
        with translated():
            try:
                _METADATA.create_all(self._engine)
            except exc.DBAPIError:  # another worker, started at the same time, has made it meanwhile
                _METADATA.create_all(self._engine)

    def put(self, challenge: LogInChallenge, /, *, at: datetime, client: str = "") -> None:
        """Keep it; see the port."""
        with translated():
            try:
                self._put(challenge, at)
            except exc.IntegrityError:  # the same browser session has asked twice at once
                self._put(challenge, at)

    def _put(self, challenge: LogInChallenge, at: datetime) -> None:
        with self._engine.begin() as connection:
            over = (_TABLE.c.binding == challenge.binding) | (_TABLE.c.expires_at <= _number(at))
            connection.execute(sa.delete(_TABLE).where(over))
            connection.execute(
                sa.insert(_TABLE).values(
                    binding=challenge.binding,
                    nonce=challenge.nonce,
                    origin=challenge.origin,
                    expires_at=_number(challenge.expires_at),
                )
            )

    def take(self, binding: str, /) -> LogInChallenge | None:
        """Remove it and give it; see the port."""
        with translated():
            with self._engine.begin() as connection:
                row = connection.execute(sa.select(_TABLE).where(_TABLE.c.binding == binding)).one_or_none()
            if row is None:
                return None
            with self._engine.begin() as connection:
                mine = (_TABLE.c.binding == binding) & (_TABLE.c.nonce == row.nonce)
                if connection.execute(sa.delete(_TABLE).where(mine)).rowcount != 1:
                    return None
        expires_at = _EPOCH + row.expires_at * _MICROSECOND
        return LogInChallenge(binding=row.binding, origin=row.origin, nonce=row.nonce, expires_at=expires_at)

    def remove_expired(self, at: datetime, /) -> int:
        """Remove those that have expired; see the port."""
        with translated(), self._engine.begin() as connection:
            return connection.execute(sa.delete(_TABLE).where(_TABLE.c.expires_at <= _number(at))).rowcount


def _number(moment: datetime) -> int:
    if moment.tzinfo is None:
        raise StorageError("a time without its zone cannot be stored", reason="zone")
    return (moment - _EPOCH) // _MICROSECOND
