"""What ``zorgid-card org``, ``people`` and ``cards`` do."""
