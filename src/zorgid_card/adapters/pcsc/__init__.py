"""Card readers of this computer, through PC/SC (the library is loaded at run time; nothing to install beside it).

``ZORGID_PCSC_LIBRARY`` names another library than the system's own, as a test or a forwarding library needs.
"""

from zorgid_card.adapters.pcsc.channel import PCSCChannel
from zorgid_card.adapters.pcsc.events import Change, Held, ReaderEvent, SlotState, Snapshot
from zorgid_card.adapters.pcsc.kept import forget_insertions
from zorgid_card.adapters.pcsc.monitor import ReaderWatch, watch_readers
from zorgid_card.adapters.pcsc.readers import LIBRARY_VARIABLE, PCSCReader, readers

__all__ = [
    "LIBRARY_VARIABLE",
    "Change",
    "Held",
    "PCSCChannel",
    "PCSCReader",
    "ReaderEvent",
    "ReaderWatch",
    "SlotState",
    "Snapshot",
    "forget_insertions",
    "readers",
    "watch_readers",
]
