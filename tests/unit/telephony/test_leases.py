"""Leases of worker numbers: one holder each, by a lock that dies with its holder."""

import dataclasses
import os
import socket
import subprocess
import sys
import time
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
        sip_port_base=free_udp_block(6) + 2,
        rtp_port_base=30000,
        rtp_ports_each=40,
        numbers=3,
    )


def test_each_number_has_ports_of_its_own(leases: Leases) -> None:
    assert [leases.lease(number).sip_port - leases.sip_port_base for number in range(3)] == [0, 1, 2]
    assert [leases.lease(number).rtp_base for number in range(3)] == [30000, 30040, 30080]


def test_front_workers_have_the_ports_below_those_of_all_others(leases: Leases) -> None:
    fronts = [leases.front(place) for place in range(2)]
    assert [lease and (lease.sip_port - leases.sip_port_base, lease.rtp_base) for lease in fronts] == [
        (-1, 29960),
        (-2, 29920),
    ]
    with held(leases.lease(-2).lock, patience_seconds=0):
        assert leases.front(0) is not None
        assert leases.front(1) is None


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


def test_a_number_whose_worker_has_just_gone_rests_and_the_next_is_taken(leases: Leases) -> None:
    leases = dataclasses.replace(leases, rest_seconds=30.0)
    first = leases.free(frozenset())
    assert first is not None
    first.lock.write_text("1\n")
    leases.let_rest(first.lock)
    second = leases.free(frozenset())
    assert second is not None
    assert second.number != first.number
    long_ago = time.time() - 31
    os.utime(first.lock, (long_ago, long_ago))
    assert leases.free(frozenset()) == first


def test_when_all_are_resting_the_one_that_has_rested_longest_is_taken(leases: Leases) -> None:
    leases = dataclasses.replace(leases, rest_seconds=30.0)
    for number in range(leases.numbers):
        lock = leases.lease(number).lock
        lock.write_text("1\n")
        ended = time.time() - (20 if number == 1 else 5)
        os.utime(lock, (ended, ended))
    found = leases.free(frozenset())
    assert found is not None
    assert found.number == 1
