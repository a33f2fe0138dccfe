"""Where the edges meet the rest: Protocols and plain records, no behaviour.

* :mod:`~zorgid_card.ports.card`: a reader, a powered card, a key that signs.
* :mod:`~zorgid_card.ports.registry`: what a portal keeps, and how it is reached.
* :mod:`~zorgid_card.ports.challenges`, :mod:`~zorgid_card.ports.links`: what a log-in stands on.
* :mod:`~zorgid_card.ports.journal`: what the card side remembers of cards in the making.
* :mod:`~zorgid_card.ports.seam`: the way from the card side to the portal side.
* :mod:`~zorgid_card.ports.fetch`: public data from the network, and where it is kept.
"""
