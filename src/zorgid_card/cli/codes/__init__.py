"""``zorgid-card pin …``: PIN and PUK of the card in a reader (PIN-1 to PIN-4)."""
