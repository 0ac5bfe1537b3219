"""Leases of worker numbers: one holder each, by a lock that dies with its holder."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from telephony.sip.leases import Leases, held, is_held
from tests.support.ports import free_udp_block
from tests.support.waiting import until


@pytest.fixture
def leases(tmp_path: Path) -> Leases:
    return Leases(
        folder=tmp_path,
        sip_host="127.0.0.1",
        sip_port_base=free_udp_block(4),
        rtp_port_base=30000,
        rtp_ports_each=40,
        numbers=3,
    )


def test_each_number_has_ports_of_its_own(leases: Leases) -> None:
    assert [leases.lease(number).sip_port - leases.sip_port_base for number in range(3)] == [0, 1, 2]
    assert [leases.lease(number).rtp_base for number in range(3)] == [30000, 30040, 30080]


def test_a_held_number_a_taken_one_and_a_busy_port_are_passed_over(leases: Leases) -> None:
    with held(leases.lease(0).lock, patience_seconds=0):
        lease = leases.free(frozenset())
        assert lease is not None
        assert lease.number == 1
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", leases.lease(1).sip_port))
            lease = leases.free(frozenset())
            assert lease is not None
            assert lease.number == 2
            assert leases.free(frozenset({lease.sip_port})) is None


def test_a_lease_can_not_be_held_twice(leases: Leases) -> None:
    lock = leases.lease(0).lock
    with held(lock, patience_seconds=0), pytest.raises(BlockingIOError), held(lock, patience_seconds=0.1):
        pass
    assert not is_held(lock)


def test_the_lease_of_a_killed_holder_is_free_at_once(leases: Leases) -> None:
    lock = leases.lease(0).lock
    holding = "import fcntl,sys,signal; f=open(sys.argv[1],'w'); fcntl.flock(f,fcntl.LOCK_EX); signal.pause()"
    holder = subprocess.Popen([sys.executable, "-c", holding, str(lock)])
    until(lambda: is_held(lock), timeout=10, what="the other process holds the lease")
    holder.kill()
    holder.wait()
    assert not is_held(lock)
