"""The statements that count for indicators: what a task, call, stay, survey, inbound caller or alert counts as."""

TASK_COUNTS = {
    "planned": "state <> 'cancelled'",
    "died_before": "state = 'cancelled' AND outcome = 'deceased'",
    "cohort": "state <> 'cancelled' AND outcome IS DISTINCT FROM 'deceased'",
    "completed": "state = 'completed'",
    "timely": "state = 'completed' AND done_at BETWEEN earliest_at AND latest_at",
    "effective": "state = 'completed' AND (reached OR answered_by_link) AND answers_whole",
    "attempted": "state <> 'cancelled' AND (dials > 0 OR reached)",
    "contacted": "state <> 'cancelled' AND reached",
    "lost": "state = 'lost_to_follow_up' AND (dials > 0 OR reached)",
    "missed": "state = 'lost_to_follow_up' AND NOT (dials > 0 OR reached)",
    "refused": "state = 'refused'",
    "wrong_number": "state NOT IN ('completed', 'partially_completed', 'cancelled') AND dials > 0"
    " AND last_outcome IN ('wrong-number', 'invalid-number', 'connected-wrong-person')",
    "surveys_due": "state <> 'cancelled' AND form = :survey",
    "surveys_answered": "state <> 'cancelled' AND form = :survey AND answers_whole",
}
"""What a task counts as: conditions on the columns of `TASK_FACTS`."""

TASK_FACTS = """
  cohort AS MATERIALIZED (
    SELECT task.id, task.patient_id, task.queue_id, task.state, task.outcome, task.form, task.earliest_at,
           task.latest_at, task.followed_at, coalesce(visit.department, '') AS department,
           coalesce(plan.template_id, '') AS plan
    FROM tasks AS task
    LEFT JOIN plans AS plan ON plan.id = task.plan_id
    LEFT JOIN encounters AS visit ON visit.id = plan.encounter_id
    WHERE task.latest_at >= :from_at AND task.latest_at < :until_at),
  tries AS (
    SELECT cohort.id AS task_id,
           count(*) FILTER (WHERE call.invite_at IS NOT NULL) AS dials,
           bool_or(attempt.outcome IN ('connected-patient', 'connected-proxy')) AS reached,
           (array_agg(attempt.agent_id ORDER BY attempt.reserved_at DESC)
              FILTER (WHERE attempt.agent_id IS NOT NULL))[1] AS agent_id,
           (array_agg(attempt.outcome ORDER BY attempt.reserved_at DESC)
              FILTER (WHERE attempt.outcome NOT IN ('network-failure', 'caller-abandoned', 'blocked-by-policy')))[1]
             AS last_outcome,
           max(coalesce(attempt.wrap_up_at, attempt.closed_at))
             FILTER (WHERE attempt.outcome IN ('connected-patient', 'connected-proxy')) AS spoke_at
    FROM cohort
    JOIN attempt_tasks AS made ON made.task_id = cohort.id
    JOIN attempts AS attempt ON attempt.id = made.attempt_id
    LEFT JOIN calls AS call ON call.attempt_id = attempt.id
    GROUP BY cohort.id),
  facts AS (
    SELECT cohort.id AS task_id, cohort.patient_id, cohort.state, cohort.outcome, cohort.form, cohort.earliest_at,
           cohort.latest_at, cohort.department, cohort.plan, cohort.latest_at AS counted_at,
           CAST(cohort.queue_id AS text) AS queue, coalesce(CAST(tries.agent_id AS text), '') AS agent,
           coalesce(tries.dials, 0) AS dials, coalesce(tries.reached, false) AS reached, tries.last_outcome,
           coalesce(answer.completed_mode = 'link', false) AS answered_by_link,
           cohort.form IS NULL OR coalesce(answer.state IN ('completed', 'amended'), false) AS answers_whole,
           CASE WHEN answer.completed_mode = 'link' THEN answer.completed_at
                ELSE coalesce(tries.spoke_at, answer.completed_at, cohort.followed_at) END AS done_at
    FROM cohort
    LEFT JOIN tries ON tries.task_id = cohort.id
    LEFT JOIN responses AS answer ON answer.task_id = cohort.id AND answer.form_id = cohort.form)
"""

CALL_COUNTS = {
    "dialed": "true",
    "answered": "answered_at IS NOT NULL",
    "human": "human",
    "right_party": "outcome IN ('connected-patient', 'connected-proxy')",
    "left_alone": "ahead AND abandoned_at IS NOT NULL",
    "joined_ahead": "ahead AND abandoned_at IS NULL AND human AND bridged_at IS NOT NULL",
    "handled": "handled",
}
"""What a call that was dialed counts as: conditions on the columns of `CALL_FACTS`."""

CALL_SUMS = {
    "handling_seconds": "extract(epoch FROM ended_at - bridged_at)"
    " + coalesce(extract(epoch FROM closed_at - wrap_up_at), 0)",
}
"""Summed over those that were handled."""

CALL_FACTS = """
  facts AS (
    SELECT attempt.task_id, call.patient_id, call.invite_at AS counted_at, task.state, task.outcome AS task_outcome,
           task.earliest_at, task.latest_at, attempt.outcome, attempt.ahead, attempt.abandoned_at, call.answered_at,
           call.bridged_at, call.ended_at, attempt.wrap_up_at, attempt.closed_at,
           CAST(attempt.queue_id AS text) AS queue, coalesce(CAST(attempt.agent_id AS text), '') AS agent,
           coalesce(visit.department, '') AS department, coalesce(plan.template_id, '') AS plan,
           attempt.outcome IN ('connected-patient', 'connected-proxy', 'connected-wrong-person', 'wrong-number')
             OR (call.answered_at IS NOT NULL AND call.answered_by = 'human') AS human,
           attempt.agent_id IS NOT NULL AND call.bridged_at IS NOT NULL AND call.ended_at IS NOT NULL AS handled
    FROM calls AS call
    JOIN attempts AS attempt ON attempt.id = call.attempt_id
    JOIN tasks AS task ON task.id = attempt.task_id
    LEFT JOIN plans AS plan ON plan.id = task.plan_id
    LEFT JOIN encounters AS visit ON visit.id = plan.encounter_id
    WHERE call.invite_at >= :from_at AND call.invite_at < :until_at)
"""

STAY_COUNTS = {
    "visits": "kind IN ('discharge', 'outpatient', 'emergency')",
    "discharges": "kind = 'discharge'",
    "followed": "kind = 'discharge' AND followed",
    "discharges_alive": "kind = 'discharge' AND NOT died",
    "back_within_31_days": "kind = 'discharge' AND back",
}

# One stay counts once, however many follow-ups of it were made (indicator 21).
STAY_FACTS = """
  stays AS MATERIALIZED (
    SELECT visit.id, visit.patient_id, visit.kind, visit.department, visit.occurred_at, patient.deceased_at
    FROM encounters AS visit JOIN patients AS patient ON patient.id = visit.patient_id
    WHERE visit.occurred_at >= :from_at AND visit.occurred_at < :until_at),
  follow_ups AS (
    SELECT plan.encounter_id, bool_or(task.state = 'completed') AS followed,
           min(task.latest_at) AS first_latest_at
    FROM stays
    JOIN plans AS plan ON plan.encounter_id = stays.id
    JOIN tasks AS task ON task.plan_id = plan.id
    WHERE stays.kind = 'discharge'
    GROUP BY plan.encounter_id),
  facts AS (
    SELECT stays.kind, stays.department, stays.occurred_at AS counted_at,
           coalesce(follow_ups.followed, false) AS followed, '' AS queue, '' AS agent, '' AS plan,
           stays.deceased_at IS NOT NULL AND NOT coalesce(follow_ups.followed, false)
             AND stays.deceased_at <= coalesce(follow_ups.first_latest_at, stays.occurred_at + interval '30 days')
             AS died,
           EXISTS (
             SELECT FROM encounters AS next
             WHERE next.patient_id = stays.patient_id AND next.kind = 'admission'
               AND next.occurred_at > stays.occurred_at
               AND next.occurred_at <= stays.occurred_at + interval '31 days') AS back
    FROM stays LEFT JOIN follow_ups ON follow_ups.encounter_id = stays.id)
"""

SURVEY_COUNTS = {
    "rated": "overall BETWEEN 1 AND 5",
    "satisfied": "overall BETWEEN 4 AND 5",
    "rated_top": "overall = 5",
    "recommended": "recommend BETWEEN 0 AND 10",
    "promoters": "recommend BETWEEN 9 AND 10",
    "detractors": "recommend BETWEEN 0 AND 6",
}

SURVEY_SUMS = {"rating_sum": "CASE WHEN overall BETWEEN 1 AND 5 THEN overall END"}

# What somebody answered who cannot say (9, not applicable) is no rating.
SURVEY_FACTS = """
  facts AS (
    SELECT answer.completed_at AS counted_at, answer.answers, coalesce(visit.department, '') AS department,
           coalesce(plan.template_id, '') AS plan, coalesce(CAST(task.queue_id AS text), '') AS queue,
           CASE WHEN answer.completed_mode = 'agent' THEN coalesce(CAST(answer.completed_by AS text), '') ELSE '' END
             AS agent,
           CASE WHEN answer.answers ->> :rating ~ '^[0-9]{1,2}$' THEN CAST(answer.answers ->> :rating AS integer) END
             AS overall,
           CASE WHEN answer.answers ->> :recommending ~ '^[0-9]{1,2}$'
                THEN CAST(answer.answers ->> :recommending AS integer) END AS recommend
    FROM responses AS answer
    LEFT JOIN tasks AS task ON task.id = answer.task_id
    LEFT JOIN plans AS plan ON plan.id = task.plan_id
    LEFT JOIN encounters AS visit ON visit.id = plan.encounter_id
    WHERE answer.form_id = :survey AND answer.completed_at >= :from_at AND answer.completed_at < :until_at)
"""

SURVEY_ITEMS = """
  SELECT {bucket} AS bucket, department, queue, agent, plan, item.key AS item,
         count(*) AS rated, count(*) FILTER (WHERE item.value = '5') AS top
  FROM facts, jsonb_each_text(answers) AS item
  WHERE item.key <> :recommending AND item.value ~ '^[1-5]$'
  GROUP BY 1, 2, 3, 4, 5, 6
"""

INBOUND_COUNTS = {
    "offered": "waiting_since IS NOT NULL",
    "gave_up": "waiting_since IS NOT NULL AND connected_at IS NULL AND reason = 'hung_up'"
    " AND ended_at - waiting_since > interval '5 seconds'",
    "answered_soon": "connected_at - waiting_since <= interval '20 seconds'",
    "spoken": "waiting_since IS NOT NULL AND connected_at IS NOT NULL",
    "not_again": "waiting_since IS NOT NULL AND connected_at IS NOT NULL AND NOT again",
}

INBOUND_SUMS = {"waited_seconds": "extract(epoch FROM connected_at - waiting_since)"}

INBOUND_FACTS = """
  facts AS (
    SELECT rang.rang_at AS counted_at, rang.waiting_since, rang.connected_at, rang.ended_at, rang.reason,
           '' AS department, '' AS plan, coalesce(CAST(rang.queue_id AS text), '') AS queue,
           coalesce(CAST(rang.agent_id AS text), '') AS agent,
           rang.connected_at IS NOT NULL AND EXISTS (
             SELECT FROM inbound_calls AS later
             WHERE later.caller = rang.caller AND later.rang_at > rang.rang_at
               AND later.rang_at <= rang.rang_at + interval '7 days') AS again
    FROM inbound_calls AS rang
    WHERE rang.rang_at >= :from_at AND rang.rang_at < :until_at)
"""

ALERT_COUNTS = {
    "judged": "outcome IS NOT NULL",
    "confirmed": "outcome NOT IN ('false-alarm', 'not-reached')",
    **{
        f"{level}_{name}": f"level = '{level}' AND {condition}"
        for level in ("red", "amber", "yellow")
        for name, condition in (
            ("timed", "due_at IS NOT NULL AND (acknowledged_at IS NOT NULL OR due_at <= :now)"),
            ("in_time", "acknowledged_at <= due_at"),
        )
    },
}

ALERT_SPANS = {
    f"{level}_seconds": f"level = '{level}' AND acknowledged_at IS NOT NULL" for level in ("red", "amber", "yellow")
}

ALERT_FACTS = """
  facts AS (
    SELECT alert.raised_at AS counted_at, alert.level, alert.due_at, alert.acknowledged_at, alert.outcome,
           alert.department, extract(epoch FROM alert.acknowledged_at - alert.raised_at) AS seconds,
           coalesce(CAST(coalesce(task.queue_id, attempt.queue_id) AS text), '') AS queue,
           coalesce(CAST(attempt.agent_id AS text), '') AS agent, coalesce(plan.template_id, '') AS plan
    FROM alerts AS alert
    LEFT JOIN attempts AS attempt ON attempt.id = alert.attempt_id
    LEFT JOIN tasks AS task ON task.id = coalesce(alert.task_id, attempt.task_id)
    LEFT JOIN plans AS plan ON plan.id = task.plan_id
    WHERE alert.raised_at >= :from_at AND alert.raised_at < :until_at)
"""

QUALITY_COUNTS = {"scored": "value IS NOT NULL", "fatal": "value IS NOT NULL AND fatal <> '[]'"}

QUALITY_SUMS = {"score_sum": "value"}

# Scores of blind rounds measure the graders, not the agents.
QUALITY_FACTS = """
  facts AS (
    SELECT score.given_at AS counted_at, score.value, score.fatal, CAST(score.agent_id AS text) AS agent,
           CAST(attempt.queue_id AS text) AS queue, coalesce(visit.department, '') AS department,
           coalesce(plan.template_id, '') AS plan
    FROM quality_scores AS score
    JOIN attempts AS attempt ON attempt.id = score.attempt_id
    JOIN tasks AS task ON task.id = attempt.task_id
    LEFT JOIN plans AS plan ON plan.id = task.plan_id
    LEFT JOIN encounters AS visit ON visit.id = plan.encounter_id
    WHERE score.round_id IS NULL AND score.given_at >= :from_at AND score.given_at < :until_at)
"""

REQUESTS = """
  SELECT request.kind, request.received_at, request.replied_at, request.due_on,
         coalesce(request.departments ->> 0, '') AS department,
         EXISTS (SELECT FROM request_events AS happened
                 WHERE happened.request_id = request.id AND happened.kind = 'replied') AS replied,
         EXISTS (SELECT FROM request_events AS happened
                 JOIN request_events AS replied ON replied.request_id = happened.request_id
                 WHERE happened.request_id = request.id AND happened.kind = 'reopened' AND replied.kind = 'replied'
                   AND happened.at BETWEEN replied.at AND replied.at + interval '30 days') AS reopened
  FROM requests AS request
  WHERE request.kind IN ('complaint', 'dispute')
    AND request.received_at >= :from_at AND request.received_at < :until_at
"""
