"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zorgid_card.adapters.sql_tables import Text, UTCTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    """From an empty database to 0001."""
    op.create_table(
        "zorgid_adoption",
        sa.Column("id", Text(), nullable=False),
        sa.Column("person_id", Text(), nullable=False),
        sa.Column("ura", Text(), nullable=False),
        sa.Column("uzi_number", Text(), nullable=False),
        sa.Column("approved_by", Text(), nullable=False),
        sa.Column("at", UTCTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("zorgid_adoption_by_person_id_uzi_number", "zorgid_adoption", ["person_id", "uzi_number"])

    op.create_table(
        "zorgid_audit_event",
        sa.Column("id", Text(), nullable=False),
        sa.Column("at", UTCTime(), nullable=False),
        sa.Column("actor", Text(), nullable=False),
        sa.Column("ura", Text(), nullable=True),
        sa.Column("action", Text(), nullable=False),
        sa.Column("subject", Text(), nullable=False),
        sa.Column("reason", Text(), nullable=True),
        sa.Column("detail", Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "zorgid_card_attempt",
        sa.Column("id", Text(), nullable=False),
        sa.Column("card_serial", Text(), nullable=False),
        sa.Column("person_id", Text(), nullable=False),
        sa.Column("begun_at", UTCTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "zorgid_card_link",
        sa.Column("id", Text(), nullable=False),
        sa.Column("card_serial", Text(), nullable=False),
        sa.Column("ura", Text(), nullable=False),
        sa.Column("until", UTCTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("zorgid_card_link_by_card_serial", "zorgid_card_link", ["card_serial"])
    op.create_index("zorgid_card_link_by_ura_id", "zorgid_card_link", ["ura", "id"])

    op.create_table(
        "zorgid_challenge",
        sa.Column("nonce", Text(), nullable=False),
        sa.Column("purpose", Text(), nullable=False),
        sa.Column("origin", Text(), nullable=False),
        sa.Column("binding", Text(), nullable=False),
        sa.Column("expires_at", UTCTime(), nullable=False),
        sa.PrimaryKeyConstraint("nonce"),
    )
    op.create_index("zorgid_challenge_by_binding", "zorgid_challenge", ["binding"])

    op.create_table(
        "zorgid_consent",
        sa.Column("id", Text(), nullable=False),
        sa.Column("person_id", Text(), nullable=False),
        sa.Column("ura", Text(), nullable=False),
        sa.Column("evidence", sa.LargeBinary(), nullable=False),
        sa.Column("at", UTCTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "zorgid_counter",
        sa.Column("name", Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "zorgid_escrowed_puk",
        sa.Column("card_serial", Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("kept_at", UTCTime(), nullable=False),
        sa.Column("asked_by", Text(), nullable=True),
        sa.Column("reason", Text(), nullable=True),
        sa.Column("released_at", UTCTime(), nullable=True),
        sa.PrimaryKeyConstraint("card_serial"),
    )
    op.create_table(
        "zorgid_issued_certificate",
        sa.Column("serial", Text(), nullable=False),
        sa.Column("card_serial", Text(), nullable=False),
        sa.Column("der", sa.LargeBinary(), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("status", Text(), nullable=False),
        sa.Column("reason", Text(), nullable=True),
        sa.Column("changed_at", UTCTime(), nullable=False),
        sa.Column("commit_by", UTCTime(), nullable=True),
        sa.Column("not_after", UTCTime(), nullable=False),
        sa.Column("told", Text(), nullable=True),
        sa.PrimaryKeyConstraint("serial"),
    )
    op.create_index("zorgid_issued_certificate_by_card_serial", "zorgid_issued_certificate", ["card_serial"])
    op.create_index("zorgid_issued_certificate_by_key_hash", "zorgid_issued_certificate", ["key_hash"])
    op.create_index("zorgid_issued_certificate_by_status", "zorgid_issued_certificate", ["status"])

    op.create_table(
        "zorgid_membership",
        sa.Column("id", Text(), nullable=False),
        sa.Column("person_id", Text(), nullable=False),
        sa.Column("ura", Text(), nullable=False),
        sa.Column("role", Text(), nullable=False),
        sa.Column("until", UTCTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("zorgid_membership_by_person_id_ura", "zorgid_membership", ["person_id", "ura"])
    op.create_index("zorgid_membership_by_ura_id", "zorgid_membership", ["ura", "id"])

    op.create_table(
        "zorgid_mobile_id",
        sa.Column("id", Text(), nullable=False),
        sa.Column("person_id", Text(), nullable=False),
        sa.Column("ura", Text(), nullable=False),
        sa.Column("state", Text(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", UTCTime(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=True),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("verifier", sa.LargeBinary(), nullable=True),
        sa.Column("tries_left", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at", UTCTime(), nullable=True),
        sa.Column("binding", Text(), nullable=False),
        sa.Column("code", Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("zorgid_mobile_id_by_person_id_ura", "zorgid_mobile_id", ["person_id", "ura"])
    op.create_index("zorgid_mobile_id_by_state", "zorgid_mobile_id", ["state"])
    op.create_index("zorgid_mobile_id_by_ura_id", "zorgid_mobile_id", ["ura", "id"])

    op.create_table(
        "zorgid_organisation",
        sa.Column("ura", Text(), nullable=False),
        sa.Column("name", Text(), nullable=False),
        sa.Column("state", Text(), nullable=False),
        sa.Column("validated_at", UTCTime(), nullable=True),
        sa.PrimaryKeyConstraint("ura"),
    )
    op.create_table(
        "zorgid_person",
        sa.Column("id", Text(), nullable=False),
        sa.Column("user_name", Text(), nullable=False),
        sa.Column("given_names", Text(), nullable=False),
        sa.Column("surname", Text(), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=False),
        sa.Column("uzi_number", Text(), nullable=False),
        sa.Column("role_code", Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("zorgid_person_by_surname_birth_date", "zorgid_person", ["surname", "birth_date"])
    op.create_index("zorgid_person_by_user_name", "zorgid_person", ["user_name"])
    op.create_index("zorgid_person_by_uzi_number", "zorgid_person", ["uzi_number"])

    op.create_table(
        "zorgid_phone_login",
        sa.Column("nonce", Text(), nullable=False),
        sa.Column("mobile_id", Text(), nullable=False),
        sa.Column("person_id", Text(), nullable=False),
        sa.Column("ura", Text(), nullable=False),
        sa.Column("origin", Text(), nullable=False),
        sa.Column("binding", Text(), nullable=False),
        sa.Column("number", Text(), nullable=False),
        sa.Column("state", Text(), nullable=False),
        sa.Column("expires_at", UTCTime(), nullable=False),
        sa.PrimaryKeyConstraint("nonce"),
    )
    op.create_index("zorgid_phone_login_by_mobile_id_state", "zorgid_phone_login", ["mobile_id", "state"])

    op.create_table(
        "zorgid_reply",
        sa.Column("id", Text(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", UTCTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "zorgid_request",
        sa.Column("id", Text(), nullable=False),
        sa.Column("ura", Text(), nullable=False),
        sa.Column("organisation_name", Text(), nullable=False),
        sa.Column("contact_name", Text(), nullable=False),
        sa.Column("contact_email", Text(), nullable=False),
        sa.Column("state", Text(), nullable=False),
        sa.Column("reason", Text(), nullable=True),
        sa.Column("filed_at", UTCTime(), nullable=False),
        sa.Column("decided_at", UTCTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "zorgid_session",
        sa.Column("id", Text(), nullable=False),
        sa.Column("purpose", Text(), nullable=False),
        sa.Column("state", Text(), nullable=False),
        sa.Column("origin", Text(), nullable=False),
        sa.Column("nonce", Text(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=True),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", UTCTime(), nullable=False),
        sa.Column("data", Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "zorgid_smart_card",
        sa.Column("serial", Text(), nullable=False),
        sa.Column("dialect", Text(), nullable=False),
        sa.Column("firmware", Text(), nullable=False),
        sa.Column("guid", Text(), nullable=False),
        sa.Column("person_id", Text(), nullable=False),
        sa.Column("state", Text(), nullable=False),
        sa.Column("residency", Text(), nullable=False),
        sa.Column("certificate_serial", Text(), nullable=False),
        sa.Column("created_at", UTCTime(), nullable=False),
        sa.Column("activated_at", UTCTime(), nullable=True),
        sa.Column("last_used_at", UTCTime(), nullable=True),
        sa.Column("reason", Text(), nullable=True),
        sa.Column("blocked_by", Text(), nullable=True),
        sa.Column("key_generation", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("serial"),
    )
    op.create_index("zorgid_smart_card_by_certificate_serial", "zorgid_smart_card", ["certificate_serial"])
    op.create_index("zorgid_smart_card_by_person_id", "zorgid_smart_card", ["person_id"])

    op.create_table(
        "zorgid_try_count",
        sa.Column("id", Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
