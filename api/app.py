"""The API as one ASGI application, made from what it is handed."""

from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from api import (
    console_pages,
    failures,
    headset_page,
    link_page,
    live,
    own_page,
    pages,
    patient_doors,
    problems,
    report_page,
)
from api.body_limit import BodyLimit
from api.console_pages import Console
from api.http_headers import SecureHeaders
from api.passwords import hash_of_nobody
from api.permissions import LONGEST_KEY
from api.routes import (
    advice,
    agents,
    alerts,
    appointments,
    assessments,
    attempts,
    audit,
    calendars,
    calling_rules,
    calls,
    campaigns,
    captions,
    cards,
    care_team,
    consents,
    day_exceptions,
    decisions,
    do_not_call,
    duty,
    education,
    encounters,
    evidence_packs,
    feeds,
    flows,
    follow_up_results,
    follow_ups,
    form_links,
    forms,
    goals,
    grading_rounds,
    guardians,
    headsets,
    health,
    heard_answers,
    help_requests,
    history,
    households,
    identity,
    imports,
    inbound,
    indicators,
    intake,
    keywords,
    legal_holds,
    log_ins,
    may_call,
    medicines,
    merges,
    messages,
    notes,
    number_searches,
    observations,
    ownership,
    parked_tasks,
    patients,
    plan_changes,
    plan_outlooks,
    plans,
    preferences,
    previews,
    quality_samples,
    quality_scores,
    queues,
    real_calls,
    received_messages,
    record,
    record_links,
    recorded_calls,
    recording_gaps,
    recording_remarks,
    recordings,
    redacted_copies,
    registries,
    relatives,
    report_prints,
    requests,
    responses,
    retention,
    risk,
    searches,
    summaries,
    supervision,
    system,
    tags,
    tasks,
    transcriptions,
    transfer_targets,
    transfers,
    treatment_proposals,
    trunks,
    unmapped_results,
    unmet_needs,
    users,
    wall,
    worklists,
)
from api.wiring import Wiring

PREFIX = "/api/v1"

ROUTERS: tuple[APIRouter, ...] = (
    log_ins.router,
    users.router,
    preferences.router,
    audit.router,
    system.router,
    patients.router,
    care_team.router,
    consents.router,
    record.router,
    record_links.router,
    history.router,
    do_not_call.router,
    may_call.router,
    plans.router,
    plan_outlooks.router,
    flows.router,
    plan_changes.router,
    follow_up_results.router,
    observations.router,
    unmapped_results.router,
    encounters.router,
    appointments.router,
    calendars.router,
    calling_rules.router,
    tasks.router,
    ownership.router,
    queues.router,
    agents.router,
    headsets.router,
    feeds.router,
    imports.router,
    campaigns.router,
    calls.router,
    captions.router,
    transcriptions.router,
    inbound.router,
    attempts.router,
    decisions.router,
    messages.router,
    received_messages.router,
    number_searches.router,
    previews.router,
    worklists.router,
    identity.router,
    relatives.router,
    guardians.router,
    cards.router,
    merges.router,
    households.router,
    forms.router,
    responses.router,
    intake.router,
    keywords.router,
    form_links.router,
    transfer_targets.router,
    transfers.router,
    supervision.router,
    help_requests.router,
    wall.router,
    day_exceptions.router,
    trunks.router,
    parked_tasks.router,
    recordings.router,
    recorded_calls.router,
    recording_remarks.router,
    recording_gaps.router,
    retention.router,
    legal_holds.router,
    redacted_copies.router,
    searches.router,
    alerts.router,
    duty.router,
    requests.router,
    goals.router,
    medicines.router,
    advice.router,
    education.router,
    treatment_proposals.router,
    notes.router,
    heard_answers.router,
    risk.router,
    tags.router,
    registries.router,
    unmet_needs.router,
    real_calls.router,
    quality_scores.router,
    quality_samples.router,
    grading_rounds.router,
    evidence_packs.router,
    assessments.router,
    summaries.router,
    report_prints.router,
    follow_ups.router,
    indicators.router,
    live.router,
    pages.contract,
)


def create_app(wiring: Wiring) -> FastAPI:
    """The whole API: routes, problems, headers, limits; and the console, if it was built."""
    app = _routed()
    app.state.wiring = wiring
    app.state.hash_of_nobody = hash_of_nobody(wiring.hasher)
    app.state.console = Console(wiring.console_dir)
    app.add_middleware(BodyLimit)
    app.add_middleware(SecureHeaders, https=wiring.https)
    failures.install(app)
    return app


def contract() -> dict[str, Any]:
    """The contract as `GET /api/v1/openapi.json` tells it, without a database: the console's client is made from it."""
    return _routed().openapi()


def _routed() -> FastAPI:
    app = FastAPI(
        title="Suifang",
        version="1",
        description="Follow-up calls of a hospital: patients, plans, tasks, calls, recordings, notes.",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_operation,
        redirect_slashes=False,
        lifespan=live.lifespan,
    )
    for router in ROUTERS:
        app.include_router(router, prefix=PREFIX)
    app.include_router(health.router)
    app.include_router(pages.router)
    app.include_router(headset_page.router)
    # Before the pages: a form's questions have their place behind the same token.
    app.include_router(patient_doors.router)
    app.include_router(link_page.router)
    app.include_router(report_page.router)
    app.include_router(own_page.router)
    # Last: every other page is the console's, which finds its way by itself.
    app.include_router(console_pages.router)
    _describe_problems(app)
    return app


def _operation(route: APIRoute) -> str:
    return route.name


def _describe_problems(app: FastAPI) -> None:
    """Add to OpenAPI what FastAPI cannot know: the catalogue of problems, and that the key is not optional."""
    plain = app.openapi

    def with_problems() -> dict[str, Any]:
        if app.openapi_schema is None:
            contract = plain()
            contract["components"]["schemas"].update(problems.schemas())
            for operations in contract["paths"].values():
                for operation in operations.values():
                    for parameter in operation.get("parameters", []):
                        if parameter["name"] == "Idempotency-Key":
                            parameter["required"] = True
                            parameter["schema"] = {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY}
            app.openapi_schema = contract
        return app.openapi_schema

    app.openapi = with_problems  # type: ignore[method-assign]  # FastAPI's documented way to extend the schema
