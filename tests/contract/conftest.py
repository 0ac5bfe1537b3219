"""The benches on which every contract is tried."""

from collections.abc import Iterator

import pytest

from tests.support.call_control_bench import Bench, loopback_bench, sip_bench

BENCHES = {"loopback": loopback_bench, "sip": sip_bench}


@pytest.fixture(scope="package", params=sorted(BENCHES))
def whole_bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with BENCHES[request.param](tmp_path_factory.mktemp(request.param)) as bench:
        yield bench


@pytest.fixture
def bench(whole_bench: Bench) -> Iterator[Bench]:
    yield whole_bench
    whole_bench.hang_up_everything()
