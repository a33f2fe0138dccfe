"""``zorgid-card portal``: the reference portal on this machine, with a database, a CA and keys of its own."""
