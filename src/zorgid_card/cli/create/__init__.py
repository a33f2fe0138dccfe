"""``zorgid-card create``: a ZORG-ID Smartcard for the holder of a UZI pass, at one reader or at many."""
