"""``zorgid-card inspect``: what a card or a certificate is, and whether its chain holds. It reads; it never tries a PIN."""
