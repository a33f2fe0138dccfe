"""Texts of a log-in as the C core reads them: base64 in its one form, the plainest JSON, and the UZI register's otherName.

``zc.h`` says what is checked.
"""

from __future__ import annotations

from zorgid_card._native import base64 as decode_base64
from zorgid_card._native import plain_texts, uzi_fields

__all__ = ["decode_base64", "plain_texts", "uzi_fields"]
