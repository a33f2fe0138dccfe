"""``zorgid-card phone``: a simulated phone that keeps its state in a file, and the browser beside it."""
