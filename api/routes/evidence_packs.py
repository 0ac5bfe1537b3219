"""Evidence packs: everything that proves what was done for one patient, asked for with a reason."""

from collections.abc import Iterator
from datetime import timedelta
from typing import IO, Annotated

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import StringConstraints

from api import found
from api.edge import Route, Work
from api.evidence import write_pack
from api.fields import Answer, Ask, Id, Instant
from api.permissions import SupervisorCommanding, SupervisorOnly
from api.problems import Kind, Problem, problems
from api.routes.recordings import opened
from api.wiring import wiring_of
from db.quality import EvidencePack
from runtime.identifiers import new_id

router = APIRouter(tags=["quality"], route_class=Route)

ZIP = "application/zip"
OPEN_FOR = timedelta(hours=1)
_PIECE = 1 << 20


class PackAsk(Ask):
    """Why it is needed; with sound the recordings lie in it in clear."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=5, max_length=500)]
    with_sound: bool = False


class EvidencePackAnswer(Answer):
    """A pack; whoever asked for it fetches it at `address` until then."""

    id: str
    patient_id: str
    reason: str
    with_sound: bool
    asked_at: Instant
    open_until: Instant
    address: str


@router.post("/patients/{patient_id}/evidence-packs", status_code=201, responses=problems(Kind.UNKNOWN_PATIENT))
def ask_for_pack(patient_id: Id, ask: PackAsk, caller: SupervisorCommanding, uow: Work) -> EvidencePackAnswer:
    """Ask for a patient's evidence pack; the reason stands in the audit log."""
    patient = found.kept_patient(uow, patient_id)
    pack = EvidencePack(
        id=new_id(),
        patient_id=patient.id,
        reason=ask.reason,
        with_sound=ask.with_sound,
        asked_by=caller.user_id,
        asked_at=uow.now,
    )
    uow.quality.add(pack)
    uow.audit.note(
        user_id=caller.user_id,
        action="evidence_pack_asked",
        subject_kind="evidence_pack",
        subject=pack.id,
        patient_id=patient.id,
        detail={"reason": ask.reason, "with_sound": ask.with_sound},
    )
    return EvidencePackAnswer(
        id=pack.id,
        patient_id=pack.patient_id,
        reason=pack.reason,
        with_sound=pack.with_sound,
        asked_at=pack.asked_at,
        open_until=pack.asked_at + OPEN_FOR,
        address=f"/api/v1/evidence-packs/{pack.id}/file",
    )


@router.get(
    "/evidence-packs/{pack_id}/file",
    response_class=Response,
    responses={
        200: {"description": "The zip", "content": {ZIP: {}}},
        **problems(Kind.UNKNOWN_EVIDENCE_PACK, Kind.UNKNOWN_PATIENT, Kind.RECORDING_GONE, Kind.RECORDING_DAMAGED),
    },
)
def fetch_pack(pack_id: Id, caller: SupervisorOnly, request: Request, uow: Work) -> Response:
    """The pack, made now: for whoever asked, within the hour."""
    pack = uow.quality.pack(pack_id)
    if pack is None or pack.asked_by != caller.user_id or uow.now - pack.asked_at > OPEN_FOR:
        raise Problem.of(
            Kind.UNKNOWN_EVIDENCE_PACK,
            "pack_id",
            "there is no such pack of yours, or its hour is over; ask for it again with a reason",
        )
    patient = found.patient(uow, pack.patient_id)
    wiring = wiring_of(request)
    uow.audit.note(
        user_id=caller.user_id,
        action="evidence_pack_fetched",
        subject_kind="evidence_pack",
        subject=pack.id,
        patient_id=patient.id,
        detail={"reason": pack.reason, "with_sound": pack.with_sound},
    )
    file = write_pack(
        uow,
        pack,
        hospital=wiring.hospital_name,
        opened=lambda recording: opened(wiring.store, uow, recording),
    )
    return StreamingResponse(
        _pieces(file),
        media_type=ZIP,
        headers={
            "Content-Disposition": f'attachment; filename="evidence-{pack.id[:8]}.zip"',
            "Cache-Control": "private, no-store",
        },
    )


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE):
            yield piece
