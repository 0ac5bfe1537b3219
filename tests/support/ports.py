"""Free UDP ports on loopback for a test's SIP and RTP.

They lie above our own default ports and below the range from which the system hands out ports.
"""

import os
import secrets
import socket

LOWEST, HIGHEST = 21000, 32000
SHARES = 2  # test processes that run side by side (Makefile): each draws from a part of its own

# Where the next block is looked for. It goes round: what was given away a moment ago is not bound yet,
# and a test's second block must not lie in its first.
_next: int | None = None


def free_udp_block(count: int) -> int:
    """The first port of `count` neighbouring free ones (even, as RTP wants it)."""
    global _next
    lowest, highest = _own_part()
    if _next is None:
        _next = lowest + 2 * secrets.randbelow((highest - lowest) // 2)
    looked_at = 0
    while looked_at < 2 * (highest - lowest):
        first = _next if lowest <= _next and _next + count <= highest else lowest
        taken = next((port for port in reversed(range(first, first + count)) if not _is_free(port)), None)
        _next = first + count + count % 2 if taken is None else taken + 1 + (taken + 1) % 2
        if taken is None:
            return first
        looked_at += _next - first
    raise AssertionError(f"no {count} free neighbouring UDP ports between {lowest} and {highest}")


def _own_part() -> tuple[int, int]:
    name = os.environ.get("PYTEST_XDIST_WORKER", "")
    if not name:
        return LOWEST, HIGHEST
    share = (HIGHEST - LOWEST) // SHARES
    lowest = LOWEST + share * (int(name.removeprefix("gw")) % SHARES)
    return lowest, lowest + share


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
