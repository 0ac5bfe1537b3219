"""Free UDP ports on loopback for a test's SIP and RTP, below the range from which the system hands out ports."""

import os
import secrets
import socket
from collections import deque

LOWEST, HIGHEST = 21000, 31000
SHARES = 2  # test processes that run side by side (Makefile): each draws from a part of its own
_REMEMBERED = 1500  # ports

# What was given away a moment ago is not bound yet: a test's second block must not lie in its first.
_given: deque[range] = deque()


def free_udp_block(count: int) -> int:
    """The first port of `count` neighbouring free ones (even, as RTP wants it)."""
    lowest, highest = _own_part()
    for _ in range(400):
        first = lowest + 2 * secrets.randbelow((highest - count - lowest) // 2)
        block = range(first, first + count)
        if any(block.start < other.stop and other.start < block.stop for other in _given):
            continue
        if all(_is_free(port) for port in block):
            _given.append(block)
            while sum(map(len, _given)) > _REMEMBERED:
                _given.popleft()
            return first
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
