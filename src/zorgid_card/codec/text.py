"""Texts of a log-in as the C core reads them: base64 in its one form, and a Web eID token whose JSON is of the plainest kind.

``zc.h`` says what is checked.
"""

from __future__ import annotations

from zorgid_card._native import base64 as decode_base64
from zorgid_card._native import web_eid as plain_token

__all__ = ["decode_base64", "plain_token"]
