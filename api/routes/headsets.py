"""The headset in an agent's browser: what it needs to link itself, and the offer with which it does."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import StringConstraints

from api import desks, found
from api.edge import Route, Work
from api.fields import Answer, Ask, Instant
from api.permissions import AgentCommanding, AgentOnly
from api.problems import Kind, Problem, problems
from api.wiring import wiring_of
from followup.queues import HEADSET_REJOIN_LIMIT, HeadsetKind, HeadsetState
from telephony.headsets.door import GatewayAwayError, HeadsetRefusedError
from telephony.headsets.ice_servers import ice_servers
from telephony.headsets.wire import LinkState

router = APIRouter(tags=["headset"], route_class=Route)

_LONGEST_OFFER = 32_768


class IceServerAnswer(Answer):
    """A server for the browser's RTCPeerConnection; the credential expires after a shift."""

    urls: str
    username: str
    credential: str


class HeadsetAnswer(Answer):
    """The caller's headset: what it is, how its browser's link is, whether its line is up, since when it is lost."""

    kind: HeadsetKind
    link: LinkState
    line: HeadsetState
    lost_at: Instant | None
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
def read_headset(request: Request, caller: AgentOnly, uow: Work) -> HeadsetAnswer:
    """The caller's headset, and the servers its browser should use."""
    wiring = wiring_of(request)
    agent = found.own_desk(uow, caller)
    return HeadsetAnswer(
        kind=agent.headset_kind,
        link=wiring.headsets.look(agent.id).link,
        line=agent.headset_state,
        lost_at=agent.headset_lost_at,
        rejoin_seconds=HEADSET_REJOIN_LIMIT.total_seconds(),
        ice_servers=[
            IceServerAnswer(urls=server.url, username=server.username, credential=server.credential)
            for server in ice_servers(wiring.ice, name=agent.id, now=uow.now)
        ],
        relay_only=wiring.ice.turn_only,
    )


@router.post("/headset/offers", status_code=201, responses=problems(Kind.UNKNOWN_AGENT, Kind.NOT_POSSIBLE_NOW))
def offer_headset(ask: OfferAsk, request: Request, caller: AgentCommanding, uow: Work) -> OfferAnswer:
    """Make the caller's browser her headset; during a call it takes the lost one's place on the same line."""
    door = wiring_of(request).headsets
    # Not locked while the gateway is asked: others may have something to write about this agent.
    listed = uow.queues.agent(caller.user_id) or found.own_desk(uow, caller)
    if listed.headset_kind is HeadsetKind.PHONE and listed.headset_state is not HeadsetState.DOWN:
        raise Problem.of(Kind.NOT_POSSIBLE_NOW, "headset", "your desk phone is your headset now; detach it first")
    try:
        connected = door.connect(caller.user_id, ask.sdp)
    except HeadsetRefusedError as refusal:
        raise Problem.of(Kind.INVALID_REQUEST, "sdp", str(refusal)) from refusal
    except GatewayAwayError as away:
        raise Problem.of(Kind.UNAVAILABLE, "headset", str(away), headers={"Retry-After": "2"}) from away
    agent = found.own_desk(uow, caller)
    if agent.headset_state is HeadsetState.DOWN:
        agent.headset_node = door.node
    desks.attach_headset(uow, agent, connected.address, kind=HeadsetKind.BROWSER)
    return OfferAnswer(sdp=connected.sdp)
