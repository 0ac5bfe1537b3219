"""What a trunk says to an OPTIONS over each transport."""

import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from telephony.call_control import Transport, Trunk
from telephony.trunk_ping import TrunkAnswer, look_at
from tests.support.stream_sip import Authority, StreamPeer, authority, stream_peer

WITHIN = timedelta(seconds=1.5)


@pytest.fixture(scope="module")
def believed(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("ca"), "carriers")


@pytest.fixture
def asking() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(max_workers=1) as pool:
        yield pool


def asked(pool: ThreadPoolExecutor, port: int, transport: Transport, believed: Authority) -> Future[TrunkAnswer]:
    ca_file = str(believed.ca_file) if transport is Transport.TLS else ""
    trunk = Trunk(name="carrier", host="127.0.0.1", port=port, transport=transport, ca_file=ca_file)
    return pool.submit(look_at, trunk, WITHIN)


def peer_for(transport: Transport, believed: Authority) -> StreamPeer:
    context = believed.server("127.0.0.1") if transport is Transport.TLS else None
    return StreamPeer(socket.create_server(("127.0.0.1", 0)), context=context)


STREAMS = pytest.mark.parametrize("transport", [Transport.TCP, Transport.TLS])


@STREAMS
@pytest.mark.parametrize(("status", "up"), [("200 OK", True), ("405 Not Allowed", True), ("503 Full", False)])
def test_the_answer_to_the_options_counts_and_not_the_connection(
    asking: ThreadPoolExecutor, believed: Authority, transport: Transport, status: str, *, up: bool
) -> None:
    peer = peer_for(transport, believed)
    with peer.line:
        answer = asked(asking, peer.port, transport, believed)
        options = peer.receive("OPTIONS")
        assert options.one("Via").startswith(f"SIP/2.0/{transport.value.upper()} 127.0.0.1:")
        peer.reply(options, status)
        assert answer.result(timeout=3) == TrunkAnswer(up=up, said=status, status=int(status.split()[0]))
        assert peer.connection is not None
        peer.connection.close()


@STREAMS
def test_whoever_takes_connections_and_says_nothing_is_down(
    asking: ThreadPoolExecutor, believed: Authority, transport: Transport
) -> None:
    peer = peer_for(transport, believed)
    with peer.line:
        answer = asked(asking, peer.port, transport, believed)
        peer.receive("OPTIONS")
        told = answer.result(timeout=5)
        assert not told.up
        assert f"does not answer SIP OPTIONS over {transport.value.upper()}" in told.said
        assert peer.connection is not None
        peer.connection.close()


def test_a_certificate_of_nobody_we_believe_is_told(
    asking: ThreadPoolExecutor, believed: Authority, tmp_path: Path
) -> None:
    with stream_peer(authority(tmp_path, "strangers").server("127.0.0.1")) as peer:
        answer = asked(asking, peer.port, Transport.TLS, believed)
        assert not peer.accept()
        told = answer.result(timeout=5)
        assert not told.up
        assert "certificate verify failed" in told.said


def test_an_answer_that_comes_in_pieces_behind_a_question_is_read(
    asking: ThreadPoolExecutor, believed: Authority
) -> None:
    peer = peer_for(Transport.TCP, believed)
    with peer.line:
        answer = asked(asking, peer.port, Transport.TCP, believed)
        options = peer.receive("OPTIONS")
        peer.say("\r\n\r\nOPTIONS sip:you SIP/2.0\r\nContent-Length: 4\r\n\r\nabcd", options.source)
        pieces = iter(("SIP/2.0 200 O", f"K\r\nCall-ID: {options.one('Call-ID')}\r\nl: 2\r\n\r\n", "hi"))
        for piece in pieces:
            peer.say(piece, options.source)
        assert answer.result(timeout=3).status == 200
        assert peer.connection is not None
        peer.connection.close()
