"""Free UDP ports on loopback for a test's SIP and RTP, below the range from which the system hands out ports."""

import random
import socket

LOWEST, HIGHEST = 21000, 31000


def free_udp_block(count: int) -> int:
    """The first port of `count` neighbouring free ones (even, as RTP wants it)."""
    for _ in range(200):
        first = random.randrange(LOWEST, HIGHEST - count, 2)  # noqa: S311 (spreading, not secrecy)
        if all(_is_free(port) for port in range(first, first + count)):
            return first
    raise AssertionError(f"no {count} free neighbouring UDP ports between {LOWEST} and {HIGHEST}")


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
