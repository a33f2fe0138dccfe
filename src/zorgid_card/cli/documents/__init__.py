"""``zorgid-card sign``, ``verify-signature`` and ``decrypt``: a vendor's documents and messages, on the command line (AUT-3)."""
