"""Which trunk a call takes, and what a trunk may never do."""

from dataclasses import dataclass

from runtime.this_machine import is_loopback
from telephony.call_control import Trunk


@dataclass(frozen=True, slots=True, kw_only=True)
class Trunks:
    """The lines of this node: one to the carrier for patients, one to the PBX for headsets (often the same)."""

    patients: Trunk
    headsets: Trunk

    @property
    def patients_are_loopback(self) -> bool:
        """True if the patients' trunk can reach nobody outside this machine."""
        return self.patients.loopback_only and is_loopback(self.patients.host)
