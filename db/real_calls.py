"""What the line and the record say of follow-ups that agents wrote down: the facts behind doubts, in two queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from followup.quality_samples import Candidate
from followup.real_calls import (
    LEAST_SPEECH,
    MOST_ON_ONE_NUMBER,
    SHORTEST_TALK,
    CheckSubject,
    CheckVerdict,
    Contradiction,
    FollowUpFacts,
)

NUMBERS_LOOKED_BACK = timedelta(days=90)
SURE_ENOUGH = 0.6
"""Below it what was heard contradicts nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """A follow-up that may be doubtful."""

    subject_kind: CheckSubject
    subject_id: str
    patient_id: str
    agent_id: str | None
    queue_id: str | None
    recording_id: str | None
    at: datetime
    facts: FollowUpFacts
    verdict: CheckVerdict | None  # of the newest check


# Only what can be doubtful is read: the rules themselves are in followup/real_calls.
_ATTEMPTS = text(
    """
    WITH told AS (
      SELECT a.id, a.patient_id, a.agent_id, a.queue_id, a.number, a.closed_at, a.identity_confirmed_at, a.outcome,
             a.outcome IN ('connected-patient', 'connected-proxy') AS on_line,
             (SELECT count(DISTINCT g.link_id) FROM given_answers g
              WHERE g.attempt_id = a.id AND g.mode = 'agent' AND g.value IS NOT NULL) AS answers,
             a.task_result
      FROM attempts a
      WHERE a.agent_id IS NOT NULL AND a.closed_at >= :since AND a.closed_at < :until
        AND (CAST(:agent AS uuid) IS NULL OR a.agent_id = :agent)),
    claimed AS (
      SELECT * FROM told WHERE on_line AND (answers > 0 OR task_result IN ('completed', 'partially_completed'))),
    shared AS (
      SELECT number, count(DISTINCT coalesce(h.household_id, other.patient_id)) AS people
      FROM attempts other
      LEFT JOIN household_members h ON h.patient_id = other.patient_id AND h.left_at IS NULL
      WHERE other.outcome IN ('connected-patient', 'connected-proxy') AND other.closed_at >= :numbers_since
        AND other.number IN (SELECT number FROM claimed)
      GROUP BY number),
    facts AS (
      SELECT c.*, line.talk, line.recording_id, spoken.seconds AS speech, coalesce(shared.people, 1) AS people,
             coalesce(against.list, '[]'::jsonb) AS against
      FROM claimed c
      LEFT JOIN shared ON shared.number = c.number
      LEFT JOIN LATERAL (
        SELECT extract(epoch FROM call.ended_at - coalesce(call.bridged_at, call.answered_at)) AS talk,
               rec.id AS recording_id
        FROM calls call LEFT JOIN recordings rec ON rec.call_id = call.id
        WHERE call.attempt_id = c.id AND call.answered_at IS NOT NULL
        ORDER BY call.answered_at DESC LIMIT 1) line ON true
      LEFT JOIN LATERAL (
        SELECT coalesce(sum((turn ->> 'end')::float - (turn ->> 'start')::float)
                          FILTER (WHERE turn ->> 'channel' = 'patient'), 0) AS seconds
        FROM (SELECT t.turns FROM transcripts t WHERE t.recording_id = line.recording_id
              ORDER BY t.created_at DESC, t.id LIMIT 1) newest
        LEFT JOIN LATERAL jsonb_array_elements(newest.turns) turn ON true
        HAVING count(newest.turns) > 0) spoken ON true
      LEFT JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_object('form', h.form_id, 'link', h.link_id, 'heard', h.value,
                                            'written', r.answers -> h.link_id, 'at', h.start)) AS list
        FROM heard_answers h
        JOIN responses r ON r.task_id = h.task_id AND r.form_id = h.form_id
        WHERE h.attempt_id = c.id AND h.state IN ('proposed', 'dismissed') AND h.confidence >= :sure
          AND r.answers ? h.link_id AND r.answers -> h.link_id <> h.value) against ON true)
    SELECT facts.*, checked.verdict FROM facts
    LEFT JOIN LATERAL (
      SELECT verdict FROM reality_checks
      WHERE subject_kind = 'attempt' AND subject_id = facts.id ORDER BY at DESC, reality_checks.id LIMIT 1
      ) checked ON true
    WHERE (talk IS NULL OR talk < :shortest OR speech < :least OR people > :most
           OR identity_confirmed_at IS NULL OR against <> '[]'::jsonb)
      AND (:settled OR checked.verdict IS NULL OR checked.verdict = 'unclear')
    ORDER BY closed_at DESC, id LIMIT :limit
    """
)

_FORMS = text(
    """
    SELECT r.id, r.patient_id, r.completed_by, r.completed_at, task.queue_id, checked.verdict,
           (SELECT count(DISTINCT g.link_id) FROM given_answers g
            WHERE g.response_id = r.id AND g.mode = 'agent' AND g.value IS NOT NULL) AS answers
    FROM responses r
    LEFT JOIN tasks task ON task.id = r.task_id
    LEFT JOIN LATERAL (
      SELECT verdict FROM reality_checks
      WHERE subject_kind = 'response' AND subject_id = r.id ORDER BY at DESC, reality_checks.id LIMIT 1
      ) checked ON true
    WHERE r.completed_mode = 'agent' AND r.completed_at >= :since AND r.completed_at < :until
      AND (CAST(:agent AS uuid) IS NULL OR r.completed_by = :agent)
      AND NOT EXISTS (
        SELECT FROM calls JOIN attempts a ON a.id = calls.attempt_id
        WHERE calls.answered_at IS NOT NULL
          AND (a.task_id = r.task_id
               OR a.id IN (SELECT attempt_id FROM attempt_tasks WHERE task_id = r.task_id)
               OR a.id IN (SELECT g.attempt_id FROM given_answers g WHERE g.response_id = r.id)))
      -- What an attempt claims is told with the attempt.
      AND NOT EXISTS (
        SELECT FROM attempts a WHERE a.task_id = r.task_id AND a.agent_id IS NOT NULL
          AND a.outcome IN ('connected-patient', 'connected-proxy'))
      AND (:settled OR checked.verdict IS NULL OR checked.verdict = 'unclear')
    ORDER BY r.completed_at DESC, r.id LIMIT :limit
    """
)

_CANDIDATES = text(
    """
    SELECT a.id, a.agent_id, a.queue_id, coalesce(plans.template_id, '') AS plan,
           EXISTS (SELECT FROM alerts WHERE level = 'red' AND (alerts.attempt_id = a.id OR alerts.recording_id = rec.id)
                  ) AS red_flag,
           EXISTS (SELECT FROM requests WHERE kind IN ('complaint', 'dispute') AND requests.attempt_id = a.id)
             OR EXISTS (SELECT FROM request_calls rc JOIN requests r ON r.id = rc.request_id
                        WHERE rc.call_id = call.id AND r.kind IN ('complaint', 'dispute')) AS complaint
    FROM attempts a
    JOIN LATERAL (SELECT id FROM calls WHERE attempt_id = a.id AND answered_at IS NOT NULL
                  ORDER BY answered_at DESC LIMIT 1) call ON true
    LEFT JOIN recordings rec ON rec.call_id = call.id
    JOIN tasks ON tasks.id = a.task_id
    LEFT JOIN plans ON plans.id = tasks.plan_id
    WHERE a.agent_id IS NOT NULL AND a.closed_at >= :since AND a.closed_at < :until
      AND a.outcome IN ('connected-patient', 'connected-proxy', 'connected-wrong-person', 'wrong-number')
      AND (CAST(:queue AS uuid) IS NULL OR a.queue_id = :queue)
    """
)


class RealCallRepository:
    """Follow-ups with what is known of their lines."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def doubtful(
        self, since: datetime, until: datetime, *, agent_id: str | None, settled: bool, limit: int
    ) -> Sequence[FollowUp]:
        """Follow-ups of a period that the rules may doubt, newest first; `settled` also those found in order."""
        asked: dict[str, object] = {
            "since": since,
            "until": until,
            "agent": agent_id,
            "settled": settled,
            "limit": limit,
        }
        attempts = self._session.execute(
            _ATTEMPTS,
            {
                **asked,
                "numbers_since": since - NUMBERS_LOOKED_BACK,
                "sure": SURE_ENOUGH,
                "shortest": SHORTEST_TALK.total_seconds(),
                "least": LEAST_SPEECH.total_seconds(),
                "most": MOST_ON_ONE_NUMBER,
            },
        )
        forms = self._session.execute(_FORMS, asked)
        found = [*map(_of_attempt, attempts), *map(_of_form, forms)]
        return sorted(found, key=lambda each: each.at, reverse=True)[:limit]

    def candidates(self, since: datetime, until: datetime, *, queue_id: str | None) -> Sequence[Candidate]:
        """Every call of a period in which an agent spoke with somebody."""
        rows = self._session.execute(_CANDIDATES, {"since": since, "until": until, "queue": queue_id})
        return [
            Candidate(
                attempt_id=str(row.id),
                agent_id=str(row.agent_id),
                queue_id=str(row.queue_id),
                plan=row.plan,
                red_flag=row.red_flag,
                complaint=row.complaint,
            )
            for row in rows
        ]


def _of_attempt(row: Row[Any]) -> FollowUp:
    return FollowUp(
        subject_kind=CheckSubject.ATTEMPT,
        subject_id=str(row.id),
        patient_id=str(row.patient_id),
        agent_id=str(row.agent_id),
        queue_id=str(row.queue_id),
        recording_id=str(row.recording_id) if row.recording_id else None,
        at=row.closed_at,
        facts=FollowUpFacts(
            claims_a_talk=True,
            answers=row.answers,
            talk=timedelta(seconds=float(row.talk)) if row.talk is not None else None,
            patient_speech=timedelta(seconds=row.speech) if row.speech is not None else None,
            people_on_number=row.people,
            identity_confirmed=row.identity_confirmed_at is not None,
            patient_on_line=row.on_line,
            contradictions=tuple(
                Contradiction(
                    form_id=each["form"],
                    link_id=each["link"],
                    written=each["written"],
                    heard=each["heard"],
                    at_second=each["at"],
                )
                for each in row.against
            ),
        ),
        verdict=CheckVerdict(row.verdict) if row.verdict else None,
    )


def _of_form(row: Row[Any]) -> FollowUp:
    return FollowUp(
        subject_kind=CheckSubject.RESPONSE,
        subject_id=str(row.id),
        patient_id=str(row.patient_id),
        agent_id=str(row.completed_by) if row.completed_by else None,
        queue_id=str(row.queue_id) if row.queue_id else None,
        recording_id=None,
        at=row.completed_at,
        facts=FollowUpFacts(
            claims_a_talk=True,
            answers=row.answers,
            talk=None,
            patient_speech=None,
            people_on_number=1,
            identity_confirmed=False,
            patient_on_line=False,
        ),
        verdict=CheckVerdict(row.verdict) if row.verdict else None,
    )
