"""Simulated cards and readers, faults and transcripts, for tests and demonstrations.

The cards follow the standards, not this library's client code: nothing here imports ``protocol`` or ``cards``. Their
private keys are ordinary memory and, where saved, an ordinary file: they protect nothing and are for trying things out.
"""
