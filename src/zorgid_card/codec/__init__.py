"""Bytes to values and back: APDUs, TLV, ATRs, and one logical command as physical ones."""
