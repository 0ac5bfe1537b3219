"""Opening cards: one record for each person however often he comes, wrong numbers refused, children by guardians."""

import threading
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from care.identifiers import check_place
from care.relatives import Matter, Relative
from db.users import Role
from followup.events import EventKind
from runtime.embedded import Engines
from runtime.identifiers import new_id
from tests.integration.api.house import Asking, House, open_house
from tests.integration.api.test_forms_and_responses import a_form_task, a_talk, opened
from tests.integration.api.test_own_plans import queues
from tests.support.builders import a_patient, an_encounter

CONSENTS = [
    {"purpose": "care", "scope": "phone", "granted": True},
    {"purpose": "care", "scope": "automated_phone", "granted": False},
]


@pytest.fixture(scope="module")
def house(module_database_url: str, engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One hospital for all of these tests: each has its own people in it."""
    with open_house(module_database_url, engines.broker_url, tmp_path_factory.mktemp("cards")) as opened_house:
        yield opened_house


@pytest.fixture
def clerk(house: House) -> Asking:
    """Who sits at the counter."""
    return house.caller(Role.REGISTRAR)


_places = iter(range(1, 1000))


def id_number(born: str = "1968-01-01", place: int | None = None) -> str:
    first = f"990101{born.replace('-', '')}{next(_places) if place is None else place:03d}"
    return first + check_place(first)


def a_person(**more: Any) -> dict[str, Any]:
    number = id_number()
    return {
        "name": "赵卫东",
        "identifiers": [{"kind": "id_card", "value": number}],
        "contact_points": [{"number": f"+86199{new_id().replace('-', '')[:8].translate(_DIGITS)}"}],
        "consents": CONSENTS,
        **more,
    }


_DIGITS = str.maketrans("abcdef", "123456")


def test_a_person_who_comes_twice_has_one_record_and_two_cards(house: House, clerk: Asking) -> None:
    person = a_person()
    first = clerk.post("/cards", {**person, "card": {"number": "K-900123"}}).json()
    assert (first["was_known"], first["card"]["number"], first["card"]["state"]) == (False, "K-900123", "active")
    # He comes back with blanks in his number, and his name in another sign that is read alike.
    number = person["identifiers"][0]["value"]
    again = clerk.post(
        "/cards",
        {"name": "赵卫冬", "identifiers": [{"kind": "id_card", "value": f"{number[:6]} {number[6:14]} {number[14:]}"}]},
    ).json()
    assert (again["was_known"], again["patient_id"]) == (True, first["patient_id"])
    assert [card["number"] for card in again["cards"]] == ["K-900123", again["card"]["number"]]
    told = clerk.get(f"/patients/{first['patient_id']}/cards").json()
    assert len(told["cards"]) == 2
    with house.units() as uow:
        patient = uow.patients.get(first["patient_id"])
        assert patient is not None
        assert (patient.born, patient.sex, patient.name) == (date(1968, 1, 1), patient.sex, "赵卫东")
        assert {(c.scope.value, c.granted, c.source) for c in uow.patients.consents_of(patient.id)} == {
            ("phone", True, "card"),
            ("automated_phone", False, "card"),
        }
        changed = [row for row in uow.outbox.unpublished() if row.subject == patient.id]
        assert {row.kind for row in changed} == {EventKind.RECORD_CHANGED.value}


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda number: number[:17] + ("1" if number[17] != "1" else "2"), "its last place does not fit"),
        (lambda number: number[:10] + "1399" + number[14:], "day of birth that does not exist"),
        (lambda number: number[:12], "17 digits and a digit or X"),
        (lambda number: f"{int(number[:17])}0"[:15] + "E+17", "is no ID card number"),
    ],
)
def test_a_wrong_id_number_is_refused_with_the_reason(clerk: Asking, spoil: Any, why: str) -> None:
    person = a_person(identifiers=[{"kind": "id_card", "value": spoil(id_number())}])
    refused = clerk.post("/cards", person)
    assert (refused.status_code, refused.json()["field"]) == (422, "identifiers[0].value")
    assert why in refused.json()["reason"]


def test_a_birth_or_sex_that_the_number_contradicts_is_refused(clerk: Asking) -> None:
    person = a_person(identifiers=[{"kind": "id_card", "value": id_number(place=2)}])
    assert clerk.post("/cards", {**person, "born": "1968-01-02"}).json()["field"] == "born"
    assert clerk.post("/cards", {**person, "sex": "male"}).json()["field"] == "sex"


def test_another_ones_number_is_not_taken_for_his_until_somebody_says_so(clerk: Asking) -> None:
    person = a_person()
    first = clerk.post("/cards", person).json()
    other = clerk.post("/cards", {**person, "name": "钱多多"})
    assert (other.status_code, other.json()["code"], other.json()["field"]) == (409, "maybe_known", "name")
    assert other.json()["reasons"] == [first["patient_id"]]
    renamed = clerk.post("/cards", {**person, "name": "钱多多", "person": first["patient_id"]}).json()
    assert (renamed["was_known"], renamed["patient_id"]) == (True, first["patient_id"])


def test_whoever_is_read_alike_born_that_day_and_has_the_number_may_be_known(house: House, clerk: Asking) -> None:
    with house.rows() as uow:
        known = a_patient(uow, name="孙晓明", born=date(1980, 5, 6))
    number = known.contact_points[0].number
    person = {"name": "孙小明", "born": "1980-05-06", "contact_points": [{"number": number}], "consents": CONSENTS}
    refused = clerk.post("/cards", person)
    assert (refused.status_code, refused.json()["reasons"]) == (409, [known.id])
    (candidate,) = clerk.post("/cards/duplicates", {k: person[k] for k in person if k != "consents"}, key=None).json()[
        "candidates"
    ]
    assert (candidate["likeness"], candidate["evidence"]) == ("likely", ["sound", "born", "number"])
    assert candidate["numbers"] == ["*" * (len(number) - 4) + number[-4:]]
    his = clerk.post("/cards", {**person, "person": known.id}).json()
    assert (his["was_known"], his["patient_id"]) == (True, known.id)
    another = clerk.post("/cards", {**person, "new_person": True}).json()
    assert another["was_known"] is False
    # Of the two records the desk is told until somebody has compared them.
    told = clerk.get(f"/patients/{known.id}/duplicates").json()["candidates"]
    assert [each["patient_id"] for each in told] == [another["patient_id"]]


def test_two_with_different_id_cards_are_two_however_alike_they_are(clerk: Asking) -> None:
    shared = {"contact_points": [{"number": "+8619900000771"}], "name": "李双"}
    one, two = (
        clerk.post("/cards", a_person(**shared, identifiers=[{"kind": "id_card", "value": id_number("2001-02-03")}]))
        for _ in range(2)
    )
    assert (one.status_code, two.status_code) == (201, 201)
    assert one.json()["patient_id"] != two.json()["patient_id"]


def test_numbers_of_two_records_open_no_card(clerk: Asking) -> None:
    one, two = a_person(), a_person()
    first, second = clerk.post("/cards", one).json(), clerk.post("/cards", two).json()
    passport = {"kind": "passport", "value": "E12345670"}
    clerk.post("/cards", {**one, "identifiers": [*one["identifiers"], passport]})
    both = clerk.post("/cards", {**two, "identifiers": [*two["identifiers"], {**passport, "value": "e12345670"}]})
    assert (both.status_code, both.json()["field"]) == (409, "identifiers")
    assert set(both.json()["reasons"]) == {first["patient_id"], second["patient_id"]}


def test_nobody_is_enrolled_without_having_been_asked(clerk: Asking) -> None:
    refused = clerk.post("/cards", a_person(consents=[]))
    assert (refused.status_code, refused.json()["field"]) == (422, "consents")


def test_two_counters_that_open_for_one_person_at_once_make_one_record(house: House) -> None:
    clerks = [house.caller(Role.REGISTRAR) for _ in range(4)]
    person = a_person()
    answers: list[Any] = []
    at_once = threading.Barrier(len(clerks))

    def open_one(clerk: Asking) -> None:
        at_once.wait()
        answers.append(clerk.post("/cards", person))

    threads = [threading.Thread(target=open_one, args=(clerk,)) for clerk in clerks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = [answer.json() for answer in answers if answer.status_code == 201]
    assert made
    assert len({each["patient_id"] for each in made}) == 1
    assert {answer.json()["code"] for answer in answers if answer.status_code != 201} <= {"taken"}


def test_a_card_is_lost_found_replaced_and_closed_and_tells_of_it(house: House, clerk: Asking) -> None:
    because = {"reason": "told at the counter"}
    made = clerk.post("/cards", a_person()).json()
    card = f"/cards/{made['card']['id']}"
    assert clerk.post(f"{card}/lost", because).json()["card"]["state"] == "lost"
    (shown,) = clerk.post("/cards/find", {"number": made["card"]["number"]}, key=None).json()["cards"]
    assert shown["state"] == "lost"
    assert clerk.post(f"{card}/found", because).json()["card"]["state"] == "active"
    twice = clerk.post(f"{card}/found", because)
    assert (twice.status_code, twice.json()["field"]) == (409, "card")
    assert "it can close, replace, report lost" in twice.json()["reason"]
    replaced = clerk.post(f"{card}/replace", because).json()
    assert [each["state"] for each in replaced["cards"]] == ["replaced", "active"]
    assert replaced["card"]["replaces_id"] == made["card"]["id"]
    new = f"/cards/{replaced['card']['id']}"
    assert clerk.post(f"{new}/close", because).json()["card"]["state"] == "closed"
    assert "open a new card" in clerk.post(f"{new}/lost", because).json()["reason"]
    told = clerk.get(card).json()["events"]
    assert [each["state"] for each in told] == ["lost", "active", "replaced"]
    assert {each["by"] for each in told} == {clerk.user_id}
    taken = clerk.post("/cards", {**a_person(), "card": {"number": made["card"]["number"]}})
    assert (taken.status_code, taken.json()["field"]) == (409, "card.number")


def test_a_visit_card_needs_its_number_and_an_old_card_is_replaced_when_the_new_one_opens(clerk: Asking) -> None:
    person = a_person()
    visit_card = {"kind": "visit_card"}
    assert clerk.post("/cards", {**person, "card": visit_card}).json()["field"] == "card.number"
    old = clerk.post("/cards", {**person, "card": {**visit_card, "number": "0004711234"}}).json()
    new = clerk.post(
        "/cards", {**person, "card": {**visit_card, "number": "0004711235", "replaces": old["card"]["id"]}}
    ).json()
    assert [card["state"] for card in new["cards"]] == ["replaced", "active"]
    others = clerk.post("/cards", a_person()).json()
    wrong = clerk.post("/cards", {**person, "card": {"replaces": others["card"]["id"]}})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "card.replaces")


GUARDIAN = {
    "name": "刘洋",
    "relation": "mother",
    "proof_kind": "birth_certificate",
    "proof": "出生医学证明 P330000000",
    "number": "+8619900000781",
}


def a_child(**more: Any) -> dict[str, Any]:
    return {"name": "刘小小", "born": "2020-06-01", "consents": CONSENTS, "new_person": True, **more}


def test_a_child_is_not_enrolled_without_a_guardian_and_is_with_one(house: House, clerk: Asking) -> None:
    refused = clerk.post("/cards", a_child())
    assert (refused.status_code, refused.json()["field"]) == (422, "guardian")
    own_word = clerk.post("/cards", a_child(guardian={**GUARDIAN, "proof_kind": "patients_word"}))
    assert (own_word.status_code, own_word.json()["field"]) == (422, "guardian.proof_kind")
    made = clerk.post("/cards", a_child(guardian=GUARDIAN)).json()
    with house.units() as uow:
        (guardian,) = uow.relatives.of_patient(made["patient_id"])
        assert (guardian.guardian, guardian.proof_seen_by) == (True, clerk.user_id)
        assert guardian.matters(uow.now) == frozenset(Matter)
        assert guardian.expires_at is not None
        assert guardian.expires_at.isoformat() == "2038-05-31T16:00:00+00:00"
        (point,) = uow.patients.get(made["patient_id"]).contact_points  # type: ignore[union-attr]
        assert (point.owner.value, point.id) == ("relative", guardian.contact_point_id)
        assert {c.source for c in uow.patients.consents_of(made["patient_id"])} == {"card_guardian"}
    # He comes again: the guardian is known, whether she is told again or not.
    for again in ({}, {"guardian": GUARDIAN}):
        assert clerk.post("/cards", a_child(person=made["patient_id"], new_person=False, **again)).status_code == 201
    with house.units() as uow:
        assert len(uow.relatives.of_patient(made["patient_id"])) == 1


def test_a_childs_plan_waits_for_a_guardian_too(house: House, clerk: Asking, agent: Asking) -> None:
    queues(house)
    with house.rows() as uow:
        child = a_patient(uow, name="陈多", born=(uow.now - timedelta(days=5000)).date())
        encounter = an_encounter(uow, child)
    plan = {"encounter_id": encounter.id, "template": "T01", "purpose": "care"}
    refused = agent.post("/plans", plan)
    assert (refused.status_code, refused.json()["code"]) == (409, "plan_not_possible")
    assert "no guardian is recorded" in refused.json()["reason"]
    recorded = clerk.post(f"/patients/{child.id}/guardians", {**GUARDIAN, "number": None}).json()
    assert agent.post("/plans", plan).status_code == 201
    # The guardian's word is taken back: nothing new is begun.
    assert agent.post(f"/relatives/{recorded['id']}/end").status_code == 200
    with house.rows() as uow:
        patient = uow.patients.get(child.id)
        assert patient is not None
        later = an_encounter(uow, patient)
    assert agent.post("/plans", {**plan, "encounter_id": later.id}).status_code == 409


def test_an_adult_has_no_guardian_and_a_child_names_nobody_himself(house: House, clerk: Asking) -> None:
    with house.rows() as uow:
        adult = a_patient(uow, born=date(1950, 1, 1))
        child = a_patient(uow, born=(uow.now - timedelta(days=3000)).date())
        unknown = a_patient(uow)
    assert "speaks for himself" in clerk.post(f"/patients/{adult.id}/guardians", GUARDIAN).json()["reason"]
    assert clerk.post(f"/patients/{unknown.id}/guardians", GUARDIAN).json()["field"] == "born"
    son = {"name": "李强", "relation": "son", "scope": ["results"], "proof_kind": "authorization", "proof": "A-17"}
    assert "record the guardian" in clerk.post(f"/patients/{child.id}/relatives", son).json()["reason"]
    named = clerk.post(f"/patients/{adult.id}/relatives", son).json()
    assert (named["scope"], named["proof_kind"], named["proof_seen_by"]) == (
        ["results"],
        "authorization",
        clerk.user_id,
    )
    past = clerk.post(f"/patients/{adult.id}/relatives", {**son, "expires_at": "2020-01-01T00:00:00Z"})
    assert (past.status_code, past.json()["field"]) == (422, "expires_at")
    empty = clerk.post(f"/patients/{adult.id}/relatives", {**son, "scope": []})
    assert (empty.status_code, empty.json()["field"]) == (422, "scope")


def test_a_household_shows_who_lives_together_and_gives_nobody_a_word_to_hear(house: House, clerk: Asking) -> None:
    with house.rows() as uow:
        wife, husband, child = (a_patient(uow, name=name) for name in ("李秀兰", "王建国", "王小明"))
    made = clerk.post(
        "/households",
        {
            "name": "王家",
            "members": [{"patient_id": wife.id, "role": "spouse"}, {"patient_id": husband.id, "role": "head"}],
        },
    ).json()
    where = f"/households/{made['id']}/members"
    second = clerk.post(where, {"patient_id": child.id, "role": "head"})
    assert (second.status_code, second.json()["field"]) == (422, "role")
    assert clerk.post(where, {"patient_id": child.id, "role": "child"}).status_code == 201
    twice = clerk.post("/households", {"name": "李家", "members": [{"patient_id": wife.id}]})
    assert (twice.status_code, twice.json()["field"]) == (409, "members[0].patient_id")
    told = clerk.get(f"/patients/{wife.id}/household").json()["household"]
    assert [member["name"] for member in told["members"]] == ["王建国", "李秀兰", "王小明"], "the head first"
    left = clerk.post(f"{where}/{wife.id}/leave", {"reason": "moved to her daughter's"}).json()
    assert [member["left_because"] for member in left["members"]] == ["", "moved to her daughter's", ""]
    assert clerk.post(f"{where}/{wife.id}/leave", {"reason": "once more"}).status_code == 409
    assert clerk.get(f"/patients/{wife.id}/household").json() == {"household": None}
    with house.units() as uow:
        assert list(uow.relatives.of_patient(wife.id)) == []


def test_every_word_of_cards_is_there_in_both_languages(clerk: Asking) -> None:
    words = clerk.get("/enrollment-words").json()
    assert words["card_states"]["lost"] == {"zh": "已挂失", "en": "lost"}
    assert words["evidence"]["sound"]["en"] == "a name that is read alike"


def test_a_son_hears_results_if_the_patient_signed_for_it_and_neutral_words_if_not(
    house: House, clerk: Asking, agent: Asking
) -> None:
    patient, task = a_form_task(house)
    attempt = a_talk(house, agent, task)
    elder, younger = (
        {"name": name, "relation": "son", "proof_kind": "authorization", "proof": f"授权委托书 {name}"}
        for name in ("李强", "李刚")
    )
    signed = clerk.post(f"/patients/{patient.id}/relatives", {**elder, "scope": ["results"]}).json()
    with house.rows() as uow:
        unsigned = Relative(
            id=new_id(), patient_id=patient.id, name=younger["name"], relation="son", recorded_at=uow.now
        )
        uow.relatives.add(unsigned)
    proxy = {"person": "proxy", "identifiers": ["name", "born_month_day"]}
    neutral = agent.post(f"/attempts/{attempt.id}/identity", {**proxy, "relative_id": unsigned.id}).json()
    assert neutral["may_be_told"] == ["general"], "nothing about health"
    opened(agent, task)
    hand = agent.get("/agents/me/call").json()
    assert (hand["speaker"], hand["may_be_told"]) == ("relative", ["general"])
    assert {hand["skipped"][item] for item in ("feeling", "missed_days", "side_effects")} == {"beyond-scope"}
    told = agent.post(f"/attempts/{attempt.id}/identity", {**proxy, "relative_id": signed["id"]}).json()
    assert told["may_be_told"] == ["general", "results"]
    # The patient takes his word back: at once the son hears nothing more.
    agent.post(f"/relatives/{signed['id']}/end")
    assert agent.get("/agents/me/call").json()["may_be_told"] == []


def test_a_department_opens_cards_and_sees_of_others_patients_no_more_than_it_said_itself(
    house: House, clerk: Asking
) -> None:
    desk = house.caller(Role.AGENT)
    with house.rows() as uow:
        user = uow.users.get(desk.user_id)
        assert user is not None
        user.departments = ["骨科"]
        known = a_patient(uow, name="冯晓燕", born=date(1971, 7, 8))
        an_encounter(uow, known, department="心内科")
    told = {"name": "冯小燕", "born": "1971-07-08", "contact_points": [{"number": known.contact_points[0].number}]}
    (candidate,) = desk.post("/cards/duplicates", told, key=None).json()["candidates"]
    assert (candidate["name"], candidate["born"]) == ("冯**", None)
    refused = desk.post("/cards", {**told, "person": known.id, "consents": CONSENTS})
    assert (refused.status_code, refused.json()["code"]) == (403, "outside_care_team")
    with house.units() as uow:
        assert list(uow.cards.of_patient(known.id)) == []
    home = clerk.post("/households", {"name": "冯家", "members": [{"patient_id": known.id}]}).json()
    (member,) = desk.get(f"/households/{home['id']}").json()["members"]
    assert member["name"] == "冯**"
