"""The feeds' desk: what was set aside is seen with its reason, mended, tried again, let go; its content is guarded."""

from db.users import Role
from followup.feeds import FeedReason, FeedState
from tests.integration.api.house import House
from tests.support.feeds import adt, ago, bring, follow, obx, oru, pid


def test_a_parked_message_is_seen_with_its_reason_and_tried_again_once_what_it_lacked_is_there(house: House) -> None:
    supervisor = house.caller(Role.SUPERVISOR)
    (parked,) = bring(house.units, oru("r1", obx("4548-4", "7.2", "%"), at=ago(hours=2), person=pid("F1")))
    listed = supervisor.get("/feeds/messages", params={"state": "parked"}).json()["messages"]
    assert [(each["id"], each["reason"], each["kind"]) for each in listed] == [
        (parked.id, "unknown_patient", "ORU^R01")
    ]
    retried = supervisor.post(f"/feeds/messages/{parked.id}/retry", {"because": "try"}).json()
    assert retried["state"] == FeedState.STORED
    bring(house.units, adt("A04", "r2", at=ago(hours=1), person=pid("F1"), visit=""))
    whole = supervisor.get(f"/feeds/messages/{parked.id}").json()
    assert (whole["state"], whole["reason"], whole["consequences"]) == ("applied", None, [])
    again = supervisor.post(f"/feeds/messages/{parked.id}/retry", {"because": "once more"})
    assert again.status_code == 409


def test_what_nobody_needs_is_let_go_and_stays_kept(house: House) -> None:
    supervisor = house.caller(Role.SUPERVISOR)
    (parked,) = bring(house.units, oru("d1", obx("4548-4", "7.2", "%"), at=ago(hours=2), person=pid("F2")))
    let_go = supervisor.post(f"/feeds/messages/{parked.id}/dismiss", {"because": "no patient of ours"}).json()
    assert (let_go["state"], let_go["reason"], let_go["settled_because"]) == (
        "ignored",
        FeedReason.DISMISSED,
        "no patient of ours",
    )
    assert supervisor.get(f"/feeds/messages/{parked.id}/content").json()["text"].startswith("MSH|")


def test_all_messages_of_one_reason_are_tried_again_at_once(house: House) -> None:
    supervisor = house.caller(Role.SUPERVISOR)
    bring(
        house.units, *(oru(f"m{n}", obx("4548-4", "7.2", "%"), at=ago(hours=2), person=pid(f"F3{n}")) for n in range(3))
    )
    answer = supervisor.post(
        "/feeds/retries", {"because": "mapped", "reason": "unknown_patient", "sender": "LIS/HAILAN"}
    )
    assert answer.json() == {"messages": 3}
    none = supervisor.post("/feeds/retries", {"because": "mapped", "reason": "no_visit"})
    assert none.json() == {"messages": 0}


def test_the_content_is_for_supervisors_who_are_noted_and_shows_the_z_segment(house: House) -> None:
    (told,) = bring(
        house.units, adt("A04", "z1", at=ago(hours=1), person=pid("F4"), visit="", others=("ZPI|1|绿色通道",))
    )
    assert house.caller(Role.ADMIN).get(f"/feeds/messages/{told.id}/content").status_code == 403
    content = house.caller(Role.SUPERVISOR).get(f"/feeds/messages/{told.id}/content").json()
    assert content["segments"][-1] == {"name": "ZPI", "fields": [[["ZPI"]], [["1"]], [["绿色通道"]]]}
    with house.units() as uow:
        (line,) = uow.audit.of_subject("feed_message", told.id)
    assert (line.action, line.patient_id) == ("feed_message_viewed", told.patient_id)


def test_senders_are_counted_and_a_plan_that_could_not_begin_says_why(house: House) -> None:
    at = ago(hours=20)
    admin = house.caller(Role.ADMIN)
    assert admin.get("/feeds").json() == {"senders": [], "oldest_waiting_since": None}
    (told,) = bring(house.units, adt("A03", "s1", at=at, person=pid("F5"), discharged=at))
    follow(house.units, told.patient_id)
    (sender,) = admin.get("/feeds").json()["senders"]
    assert (sender["sender"], sender["applied"], sender["waiting"]) == ("HIS/HAILAN", 1, 0)
    (refusal,) = admin.get("/feeds/refusals").json()["refusals"]
    assert (refusal["message_id"], refusal["kind"], refusal["state"]) == (told.id, "start_plan", "refused")
    assert "queue" in refusal["told"]
    assert admin.get(f"/feeds/messages/{told.patient_id}").status_code == 404
