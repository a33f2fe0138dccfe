"""OpenSC's programs, told by configuration which of its drivers is to drive a simulated UZI pass.

No driver of OpenSC's knows the pass, and its ``default`` driver knows no algorithms. A ``card_atr`` block of an opensc.conf
hands an ATR to a driver by name, and to a kind of card by number. Three drivers send the plain commands of ISO/IEC 7816-4 and
7816-8, each some of them; docs/other-programs.md says which does what and why not the rest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from made_card import opensc_module, run
from zorgid_card.testkit.uzi import ATR


@dataclass(frozen=True)
class Driver:
    """A driver of OpenSC's, and the number of the kind of card that it is to take this one for."""

    name: str
    kind: int | None = None


MASKTECH = Driver("MaskTech")
SETCOS = Driver("setcos", 6100)
TCOS = Driver("tcos", 8003)

_CONFIGURATION = """app default {{
  card_atr {atr} {{ driver = "{name}"; {kind} }}
  reader_driver pcsc {{ max_send_size = {most}; max_recv_size = 256; }}
  framework pkcs15 {{ use_file_caching = no; }}
}}
app opensc-pkcs11 {{
  pkcs11 {{ user_pin_unblock_style = {unblock}; }}
}}
"""


class OpenSC:
    """Runs OpenSC's programs, and others on its PKCS#11 module.

    Args:
        directory: for the configuration.
        driver: which of its drivers takes a card with the ATR of the simulated pass.
        unblock: by which calls a PIN is unblocked through PKCS#11.
    """

    def __init__(
        self, directory: Path, driver: Driver = MASKTECH, *, unblock: str = "set_pin_in_unlogged_session"
    ) -> None:
        self._module = opensc_module()
        configuration = directory / f"{driver.name}-{unblock}.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                atr=":".join(f"{byte:02X}" for byte in ATR),
                name=driver.name,
                kind="" if driver.kind is None else f"type = {driver.kind};",
                most=65535 if driver is TCOS else 255,
                unblock=unblock,
            )
        )
        self.environment = {"OPENSC_CONF": str(configuration)}

    def run(self, program: str, *arguments: str | Path, fails: bool = False) -> str:
        """Everything that a program prints; its exit status must be as expected."""
        return run(program, *arguments, env=self.environment, fails=fails)

    def pkcs11(self, *arguments: str | Path, fails: bool = False) -> str:
        """pkcs11-tool, which works through the PKCS#11 module, on the first card."""
        return self.run("pkcs11-tool", "--module", self._module, "--slot-index", "0", *arguments, fails=fails)

    def p11tool(self, *arguments: str | Path, fails: bool = False) -> str:
        """p11tool of GnuTLS on the same module."""
        return self.run("p11tool", "--provider", self._module, *arguments, fails=fails)

    def identifiers(self, reader: str, what: str) -> list[str]:
        """The IDs of all ``keys`` or ``certificates`` in the card's own order."""
        listed = self.run("pkcs15-tool", "--reader", reader, f"--list-{what}")
        return re.findall(r"^\s+ID\s+: (\w+)$", listed, re.MULTILINE)
