"""Certificates know their distribution point; changes of status are kept one after another, and the newest CRLs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from asn1crypto.x509 import Certificate

from zorgid_card.adapters.sql_tables import Text, UTCTime

revision = "0006"
down_revision = "0005"

_ISSUED = "zorgid_issued_certificate"
_PAGE = 500


def upgrade() -> None:
    """From 0005 to 0006."""
    op.add_column(_ISSUED, sa.Column("point", Text(), nullable=False, server_default=""))
    _fill_points()
    op.drop_index(f"{_ISSUED}_by_status", _ISSUED)
    op.create_index(f"{_ISSUED}_by_status_serial", _ISSUED, ["status", "serial"])
    op.create_table(
        "zorgid_suspension",
        sa.Column("id", Text(), primary_key=True),
        sa.Column("card_serial", Text(), nullable=False),
        sa.Column("cause", Text(), nullable=False),
        sa.Column("since", UTCTime(), nullable=False),
    )
    op.create_index("zorgid_suspension_by_card_serial", "zorgid_suspension", ["card_serial"])
    op.create_table(
        "zorgid_status_change",
        sa.Column("id", Text(), primary_key=True),
        *(sa.Column(name, Text(), nullable=name == "reason") for name in ("serial", "point", "status", "reason")),
        sa.Column("at", UTCTime(), nullable=False),
        sa.Column("not_after", UTCTime(), nullable=False),
    )
    op.create_table(
        "zorgid_published_crl",
        sa.Column("name", Text(), primary_key=True),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("number", "change")),
        *(sa.Column(name, UTCTime(), nullable=False) for name in ("this_update", "next_update")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("base_number", "base_change")),
        sa.Column("base_at", UTCTime(), nullable=False),
        sa.Column("der", sa.LargeBinary(), nullable=False),
    )


def _fill_points() -> None:
    """Each certificate says itself where its CRL is."""
    it, after = sa.table(_ISSUED, *(sa.column(name) for name in ("serial", "der", "point"))), ""
    while True:
        page = sa.select(it.c.serial, it.c.der).where(it.c.serial > after).order_by(it.c.serial).limit(_PAGE)
        rows = op.get_bind().execute(page).all()
        for serial, der in rows:
            op.execute(it.update().where(it.c.serial == serial).values(point=_point(der)))
        if len(rows) < _PAGE:
            return
        after = rows[-1][0]


def _point(der: bytes) -> str:
    try:
        points = Certificate.load(der).crl_distribution_points
        return next((point.url for point in points if point.url), "")
    except (ValueError, TypeError):  # what is no certificate names nothing
        return ""
