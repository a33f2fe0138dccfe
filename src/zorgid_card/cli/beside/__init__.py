"""``zorgid-card agent``: what stands beside the reader, for pages."""
