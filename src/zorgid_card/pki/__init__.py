"""Certificates: who they name, whom they are trusted by, whether they still count; and an embedded CA. Never fetches."""
