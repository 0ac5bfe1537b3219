"""The guard before the endpoint: how many calls may begin within a second."""

from telephony.sip.endpoint import TokenBucket


def test_five_calls_may_begin_at_once_and_the_sixth_waits() -> None:
    bucket = TokenBucket(5.0, now=100.0)
    assert [bucket.take(100.0) for _ in range(6)] == [True] * 5 + [False]
    assert not bucket.take(100.1)
    assert bucket.take(100.21)
    assert not bucket.take(100.25)


def test_a_rest_does_not_save_up_more_than_one_second() -> None:
    bucket = TokenBucket(5.0, now=0.0)
    assert sum(bucket.take(1000.0) for _ in range(20)) == 5
