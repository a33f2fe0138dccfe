"""The smart cards of Dutch health care."""
