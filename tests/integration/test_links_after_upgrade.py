"""A link to a form that was there before there was one kind of links leads on after the upgrade."""

from sqlalchemy import create_engine, text

from db.migrate import upgrade

VALUES = {
    "patient": "00000000-0000-4000-8000-000000000001",
    "response": "00000000-0000-4000-8000-000000000002",
    "link": "00000000-0000-4000-8000-000000000003",
    "at": "2026-11-22 08:00+00",
}
BEFORE = """
INSERT INTO patients (id, record_number, name, language, zone, synthetic, slow_speech, created_at)
VALUES (:patient, 'T-1', '王', 'zh', 'Asia/Shanghai', true, false, :at);
INSERT INTO responses (id, form_id, form_version, patient_id, state, answers, skipped, started_at, changed_at)
VALUES (:response, 'gad2', 1, :patient, 'in-progress', '{}', '{}', :at, :at);
INSERT INTO form_links (id, response_id, patient_id, token_hash, language, created_at, expires_at, wrong_answers,
  identity_confirmed_at, visit_hash, asked, ended_at, end_reason)
VALUES (:link, :response, :patient, 'token', 'en', :at, :at, 3, :at, 'visit', 7, :at, 'ended')
"""


def test_a_link_to_a_form_keeps_token_visit_and_end(empty_database_url: str) -> None:
    upgrade(empty_database_url, "0030")
    engine = create_engine(empty_database_url)
    with engine.begin() as connection:
        for statement in BEFORE.split(";"):
            connection.execute(text(statement), VALUES)
    upgrade(empty_database_url)
    with engine.connect() as connection:
        kept = connection.execute(text("SELECT * FROM patient_links")).mappings().one()
    assert (kept["kind"], str(kept["response_id"]), kept["summary_id"]) == ("form", VALUES["response"], None)
    assert (kept["token_hash"], kept["visit_hash"], kept["wrong_answers"]) == ("token", "visit", 3)
    assert kept["opened_at"] is not None
    assert (kept["language"], kept["end_reason"], kept["asked"]) == ("en", "ended", 7)
    engine.dispose()
