"""The headset in an agent's or supervisor's browser: what it needs to link itself, and the offer with which it does."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import StringConstraints

from api import desks, found
from api.auth import Caller
from api.edge import Route, Work
from api.fields import Answer, Ask, Instant
from api.permissions import CareTeam, CareTeamCommanding, SupervisorOnly
from api.problems import Kind, Problem, problems
from api.wiring import wiring_of
from db.unit_of_work import UnitOfWork
from db.users import Role
from followup.queues import HEADSET_REJOIN_LIMIT, HeadsetKind, HeadsetState
from followup.supervision import SUPERVISOR_REJOIN_LIMIT, Supervision, SupervisionMode, SupervisionState
from telephony.headsets.door import GatewayAwayError, GatewayDoor, HeadsetRefusedError
from telephony.headsets.ice_servers import ice_servers
from telephony.headsets.wire import Connected, LinkPurpose, LinkState

router = APIRouter(tags=["headset"], route_class=Route)

_LONGEST_OFFER = 32_768
_REJOIN = {LinkPurpose.DESK: HEADSET_REJOIN_LIMIT, LinkPurpose.SUPERVISION: SUPERVISOR_REJOIN_LIMIT}


class IceServerAnswer(Answer):
    """A server for the browser's RTCPeerConnection; the credential expires after a shift."""

    urls: str
    username: str
    credential: str


class HeadsetVisitAnswer(Answer):
    """The visit on a call for which a supervisor's headset is being used, or was last."""

    supervision_id: str
    state: SupervisionState
    mode: SupervisionMode
    in_browser: bool
    ended_because: str


class HeadsetAnswer(Answer):
    """The caller's headset: what it is for, how its browser's link is, whether its line is up, since when it is lost.

    `rejoin_seconds` is how long a line that is up outlives its browser; `visit` is a supervisor's.
    """

    purpose: LinkPurpose
    kind: HeadsetKind
    link: LinkState
    line: HeadsetState
    lost_at: Instant | None
    visit: HeadsetVisitAnswer | None
    rejoin_seconds: float
    ice_servers: list[IceServerAnswer]
    relay_only: bool


class OfferAsk(Ask):
    """The browser's SDP offer, with all its candidates: one audio stream, DTLS-SRTP, PCMA or PCMU."""

    sdp: Annotated[str, StringConstraints(min_length=1, max_length=_LONGEST_OFFER)]


class OfferAnswer(Answer):
    """The SDP answer for the browser."""

    sdp: str


@router.get("/headset", responses=problems(Kind.UNKNOWN_AGENT))
def read_headset(request: Request, caller: CareTeam, uow: Work) -> HeadsetAnswer:
    """The caller's headset, and the servers its browser should use."""
    wiring = wiring_of(request)
    seen = wiring.headsets.look(caller.user_id)
    kind, line, lost_at, visit = HeadsetKind.BROWSER, HeadsetState.DOWN, None, None
    purpose = _purpose(uow, caller)
    if purpose is LinkPurpose.DESK:
        agent = found.own_desk(uow, caller)
        kind, line, lost_at = agent.headset_kind, agent.headset_state, agent.headset_lost_at
    else:
        visit = uow.supervisions.last_of_supervisor(caller.user_id)
        line = HeadsetState.UP if seen.line else HeadsetState.DOWN
    return HeadsetAnswer(
        purpose=purpose,
        kind=kind,
        link=seen.link,
        line=line,
        lost_at=lost_at,
        visit=_visit(visit) if visit is not None else None,
        rejoin_seconds=_REJOIN[purpose].total_seconds(),
        ice_servers=[
            IceServerAnswer(urls=server.url, username=server.username, credential=server.credential)
            for server in ice_servers(wiring.ice, name=caller.user_id, now=uow.now)
        ],
        relay_only=wiring.ice.turn_only,
    )


@router.post("/headset/offers", status_code=201, responses=problems(Kind.UNKNOWN_AGENT, Kind.NOT_POSSIBLE_NOW))
def offer_headset(ask: OfferAsk, request: Request, caller: CareTeamCommanding, uow: Work) -> OfferAnswer:
    """Make the caller's browser her headset; during a call it takes the lost one's place on the same line.

    A desk's is rung at once and stays up for the shift; a supervisor's without a desk only when she goes on a call.
    """
    door = wiring_of(request).headsets
    purpose = _purpose(uow, caller)
    if purpose is LinkPurpose.SUPERVISION:
        return OfferAnswer(sdp=_connected(door, caller, ask, purpose).sdp)
    # Not locked while the gateway is asked: others may have something to write about this agent.
    listed = uow.queues.agent(caller.user_id) or found.own_desk(uow, caller)
    if listed.headset_kind is HeadsetKind.PHONE and listed.headset_state is not HeadsetState.DOWN:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "headset", "your desk phone is your headset now; detach it first")
    connected = _connected(door, caller, ask, purpose)
    agent = found.own_desk(uow, caller)
    if agent.headset_state is HeadsetState.DOWN:
        agent.headset_node = door.node
    desks.attach_headset(uow, agent, connected.address, kind=HeadsetKind.BROWSER)
    return OfferAnswer(sdp=connected.sdp)


@router.delete("/supervision/headset", status_code=204, responses=problems(Kind.NOT_POSSIBLE_NOW))
def leave_headset(request: Request, caller: SupervisorOnly, uow: Work) -> None:
    """Let a supervisor's browser go; a visit that goes on in it ends with it."""
    if _purpose(uow, caller) is LinkPurpose.DESK:
        raise Problem.of(
            Kind.NOT_POSSIBLE_NOW, "headset", "you have a desk; DELETE /api/v1/agents/me/headset takes its headset off"
        )
    wiring_of(request).headsets.leave(caller.user_id)


def _purpose(uow: UnitOfWork, caller: Caller) -> LinkPurpose:
    """Whoever has a desk wears its headset: one browser cannot be on two lines."""
    if Role.SUPERVISOR in caller.roles and uow.queues.agent(caller.user_id) is None:
        return LinkPurpose.SUPERVISION
    return LinkPurpose.DESK


def _connected(door: GatewayDoor, caller: Caller, ask: OfferAsk, purpose: LinkPurpose) -> Connected:
    try:
        return door.connect(caller.user_id, ask.sdp, purpose)
    except HeadsetRefusedError as refusal:
        raise Problem.of(Kind.INVALID_REQUEST, "sdp", str(refusal)) from refusal
    except GatewayAwayError as away:
        raise Problem.of(Kind.UNAVAILABLE, "headset", str(away), headers={"Retry-After": "2"}) from away


def _visit(supervision: Supervision) -> HeadsetVisitAnswer:
    return HeadsetVisitAnswer(
        supervision_id=supervision.id,
        state=supervision.state,
        mode=supervision.mode,
        in_browser=supervision.in_browser,
        ended_because=supervision.ended_because,
    )
