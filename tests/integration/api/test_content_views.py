"""What content holds, seen by the API: the contacts a template would bring, flows step by step, texts of messages."""

from tests.integration.api.house import Asking


def test_a_template_tells_its_contacts_for_a_day_and_writes_nothing(supervisor: Asking) -> None:
    ahead = supervisor.get("/plan-templates/T13/outlook", params={"at": "2026-11-20T02:00:00Z"}).json()
    contacts = ahead["contacts"]
    assert [(each["step"], each["target_at"]) for each in contacts[:1]] == [("day-3", "2026-11-23T02:00:00Z")]
    assert len([each for each in contacts if each["step"] == "weekly"]) == 7  # weeks 2 to 8
    assert ahead["cut_short"] == ["every-4-weeks"]
    assert all(each["earliest_at"] <= each["target_at"] <= each["latest_at"] for each in contacts)
    assert ahead["missing_queues"] == ["anticoagulation"]
    assert "calendar" in ahead["warning"]


def test_an_unknown_template_and_a_day_without_a_zone_are_refused(supervisor: Asking) -> None:
    unknown = supervisor.get("/plan-templates/NONE/outlook", params={"at": "2026-11-20T02:00:00Z"}).json()
    assert unknown["code"] == "unknown_template"
    assert supervisor.get("/plan-templates/T13/outlook", params={"at": "2026-11-20T02:00:00"}).status_code == 422


def test_flows_say_their_words_and_where_keys_lead(supervisor: Asking) -> None:
    flows = {flow["id"]: flow for flow in supervisor.get("/flows").json()["flows"]}
    reminder = flows["appointment_reminder"]
    steps = {step["key"]: step for step in reminder["steps"]}
    assert steps["identity"]["proves"] == "matter"
    assert steps["matter"]["keys"]["1"] == "confirmed"
    assert steps["matter"]["says"][0]["text"]["en"] == "This is a reminder. Your appointment is on [appointment_at]"
    unspoken = [
        said["key"]
        for flow in flows.values()
        for step in flow["steps"]
        for said in step["says"]
        if said["text"]["zh"] == said["key"]
    ]
    assert unspoken == []


def test_texts_of_messages_come_in_both_languages(supervisor: Asking) -> None:
    texts = {text["id"]: text for text in supervisor.get("/message-texts").json()["texts"]}
    assert "{hospital}" in texts["missed_call"]["text"]["zh"]
    assert texts["form_link"]["values"] == ["link"]
