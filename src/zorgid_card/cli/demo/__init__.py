"""The demonstration: both of VZVZ's manuals and what follows, on simulated cards, with everything else real."""
