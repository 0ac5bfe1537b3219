"""Links of patients: how long they live, whom they let in, and what closes them."""

from datetime import UTC, datetime, timedelta

import pytest

from care.patient_links import (
    ASKED_LIMIT,
    LIFETIME,
    VISIT,
    WRONG_ANSWERS_LIMIT,
    LinkKind,
    PatientLink,
    is_birthday,
)

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
ONCE = [kind for kind in LinkKind if kind.once]


def a_link(kind: LinkKind = LinkKind.FORM) -> PatientLink:
    return PatientLink(
        id="l",
        kind=kind,
        patient_id="p",
        token_hash="h",
        language="zh",
        created_at=NOW,
        created_by=None,
        expires_at=NOW + LIFETIME,
    )


@pytest.mark.parametrize("kind", LinkKind)
def test_a_link_dies_of_age_of_wrong_birthdays_and_when_it_is_ended(kind: LinkKind) -> None:
    assert a_link(kind).lives(NOW + LIFETIME - timedelta(seconds=1))
    assert not a_link(kind).lives(NOW + LIFETIME)
    guessed = a_link(kind)
    for _ in range(WRONG_ANSWERS_LIMIT - 1):
        guessed.turn_away(NOW)
    assert guessed.lives(NOW)
    guessed.turn_away(NOW)
    assert (guessed.lives(NOW), guessed.end_reason) == (False, "identity-failed")
    ended = a_link(kind)
    ended.end("ended", NOW)
    ended.end("replaced", NOW)
    assert (ended.lives(NOW), ended.end_reason) == (False, "ended")


@pytest.mark.parametrize("kind", LinkKind)
def test_only_the_browser_that_was_let_in_goes_on_and_not_for_ever(kind: LinkKind) -> None:
    link = a_link(kind)
    assert not link.visited(None, NOW)
    link.admit("mine", NOW)
    later = NOW + VISIT - timedelta(seconds=1)
    assert link.visited("mine", later)
    assert not link.visited("other", later)
    assert not link.visited(None, later)
    assert not link.visited("mine", NOW + VISIT)


@pytest.mark.parametrize("kind", ONCE)
def test_what_opens_once_is_shut_to_a_second_browser_and_after_the_visit(kind: LinkKind) -> None:
    link = a_link(kind)
    assert not link.taken(None, NOW)
    link.admit("mine", NOW)
    assert not link.taken("mine", NOW)
    assert link.taken("other", NOW)
    assert link.taken(None, NOW)
    assert link.lives(NOW + VISIT - timedelta(seconds=1))
    assert not link.lives(NOW + VISIT)


def test_a_form_can_be_gone_on_with_from_another_device() -> None:
    link = a_link(LinkKind.FORM)
    link.admit("mine", NOW)
    assert not link.taken("other", NOW)
    assert link.lives(NOW + VISIT)
    first = link.opened_at
    link.admit("other", NOW + VISIT)
    assert link.opened_at == first


def test_requests_of_a_link_are_limited_for_each_minute() -> None:
    link = a_link()
    assert [link.may_ask(NOW) for _ in range(ASKED_LIMIT + 1)].count(False) == 1
    assert link.may_ask(NOW + timedelta(minutes=2))


def test_nobody_is_let_in_without_a_known_birthday() -> None:
    assert is_birthday(NOW.date(), 11, 22)
    assert not is_birthday(NOW.date(), 11, 23)
    assert not is_birthday(None, 11, 22)
