"""Over real sockets: nothing is acknowledged that is not kept, and nothing that is acknowledged is lost."""

import asyncio
import ipaddress
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import hl7.mllp
import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import text

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from followup.feeds import FeedReason, FeedState
from interop.hl7.framing import START, framed
from interop.hl7.server import ServerSettings
from runtime import clock
from runtime.postgres_server import libpq_url
from runtime.settings import Settings
from suifang.feeds_process import server_settings
from suifang.tls import make_internal_certificate
from tests.support.feeds import RULES, Sender, adt, ago, bring, code_of, connect, message, msh, open_server, pid
from tests.support.waiting import until

Fresh = Callable[[str], str]


def states(units: UnitsOfWork, sender: str) -> list[tuple[str, FeedState]]:
    with units() as uow:
        return [(each.control_id, each.state) for each in reversed(uow.feeds.page(sender=sender, limit=500))]


def own_certificate(path: Path) -> Path:
    """A certificate that signs itself, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "HIS")])
    now = clock.now()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return path


def unanswered(connection: Sender, text: str) -> bool:
    """True if the connection ended without an answer."""
    try:
        connection.send(text)
        return connection.answer() == ""
    except TimeoutError:
        return False
    except OSError:
        return True


def an_update(control: str, *, sender: str, number: str = "W1") -> str:
    return adt("A08", control, at=ago(hours=1), person=pid(number), visit="", sender=sender)


def test_a_stranger_sends_a_message_twice_and_is_answered_twice_for_one_row(units: UnitsOfWork, fresh: Fresh) -> None:
    sender = fresh("STRANGER")
    sent = an_update(fresh("m"), sender=sender)

    async def talk(port: int) -> list[str]:
        reader, writer = await hl7.mllp.open_hl7_connection("127.0.0.1", port, encoding="utf-8")
        answers = []
        for _ in range(2):
            writer.writemessage(hl7.parse(sent))
            await writer.drain()
            answer = await asyncio.wait_for(reader.readmessage(), 20)
            answers.append(f"{answer.segment('MSA')[1]} {answer.segment('MSA')[2]} {answer.segment('MSH')[9]}")
        writer.close()
        return answers

    with open_server(units) as port:
        assert asyncio.run(talk(port)) == [f"AA {fresh('m')} ACK^A08"] * 2
    with units() as uow:
        (row,) = uow.feeds.page(sender=f"{sender}/HAILAN", limit=9)
    assert (row.times, row.state) == (2, FeedState.STORED)


def test_the_same_control_id_with_another_content_is_another_message(units: UnitsOfWork, fresh: Fresh) -> None:
    sender = fresh("REUSE")
    with open_server(units) as port, connect(port) as connection:
        assert connection.ask(an_update("1", sender=sender)).startswith("AA")
        assert connection.ask(an_update("1", sender=sender, number="W2")).startswith("AA")
    assert len(states(units, f"{sender}/HAILAN")) == 2


def test_two_senders_with_the_same_control_id_do_not_meet(units: UnitsOfWork, fresh: Fresh) -> None:
    one, two = fresh("ONE"), fresh("TWO")
    with open_server(units) as port, connect(port) as first, connect(port) as second:
        assert [first.ask(an_update("7", sender=one)), second.ask(an_update("7", sender=two))] == ["AA 7", "AA 7"]
    assert states(units, f"{one}/HAILAN") == states(units, f"{two}/HAILAN") == [("7", FeedState.STORED)]


def test_pieces_of_any_size_and_many_messages_at_once_are_answered_in_their_order(
    units: UnitsOfWork, fresh: Fresh
) -> None:
    sender = fresh("PIECES")
    with open_server(units) as port, connect(port) as connection:
        for byte in framed(an_update("slow", sender=sender).encode()):
            connection.connection.sendall(bytes([byte]))
        assert code_of(connection.answer()) == "AA slow"
        connection.send(*(an_update(f"p{place}", sender=sender) for place in range(250)))
        assert [code_of(connection.answer()) for _ in range(250)] == [f"AA p{place}" for place in range(250)]
    assert len(states(units, f"{sender}/HAILAN")) == 251


@pytest.mark.parametrize(
    ("content", "answer", "reason"),
    [
        (b"hello", "AR", FeedReason.NOT_A_MESSAGE),
        (b"", "AR", FeedReason.NOT_A_MESSAGE),
        (b"FHS|^~\\&|X\rBHS|^~\\&|X\r", "AR", FeedReason.NOT_A_MESSAGE),
        (b"MSH|^~\\&|NOID|H|S|C|20261122||ADT^A08||P|2.4\rPID|1||1^^^H^MR\r", "AE", FeedReason.NO_CONTROL_ID),
        (b"MSH|^~\\&|||S|C|20261122||ADT^A08|n1|P|2.4\rPID|1||1^^^H^MR\r", "AE n1", FeedReason.NO_SENDER),
    ],
)  # fmt: skip
def test_what_is_no_message_is_handed_back_and_kept_all_the_same(
    units: UnitsOfWork, content: bytes, answer: str, reason: FeedReason
) -> None:
    with open_server(units) as port, connect(port) as connection:
        assert connection.ask(content).strip() == answer
    with units() as uow:
        newest = uow.feeds.page(state=FeedState.REFUSED, limit=1)[0]
    assert newest.reason is reason


def test_a_training_message_is_refused_in_production_only(units: UnitsOfWork, fresh: Fresh) -> None:
    training = an_update(fresh("t"), sender=fresh("TRAINER")).replace("|P|2.4", "|T|2.4")
    with open_server(units, rules=replace(RULES, production=True)) as port, connect(port) as connection:
        assert connection.ask(training).startswith("AR")
    with open_server(units) as port, connect(port) as connection:
        assert connection.ask(training.replace(fresh("t"), "other")).startswith("AA")


def test_a_message_that_is_too_long_is_refused_by_name_and_the_next_one_is_heard(
    units: UnitsOfWork, fresh: Fresh
) -> None:
    sender = fresh("LONG")
    limited = ServerSettings(host="127.0.0.1", port=0, message_bytes=5_000)
    long = an_update("big", sender=sender) + f"ZZZ|{'x' * 200_000}\r"
    with open_server(units, limited) as port, connect(port) as connection:
        assert connection.ask(long) == "AR big"
        assert connection.ask(an_update("next", sender=sender)) == "AA next"


def test_the_enhanced_mode_gets_a_commit_acknowledgment_or_none_if_it_wants_none(
    units: UnitsOfWork, fresh: Fresh
) -> None:
    sender = fresh("ENHANCED")

    def asking(control: str, accept: str) -> str:
        return an_update(control, sender=sender).replace("|P|2.4|||||", f"|P|2.4|||{accept}||")

    with open_server(units) as port, connect(port) as connection:
        assert connection.ask(asking("a", "AL")) == "CA a"
        connection.send(asking("b", "NE"), asking("c", "AL"))
        assert code_of(connection.answer()) == "CA c"
    assert [control for control, _ in states(units, f"{sender}/HAILAN")] == ["a", "b", "c"]


def test_chinese_in_gb_18030_is_read_as_it_was_meant_and_wrong_bytes_wait_for_a_person(
    units: UnitsOfWork, fresh: Fresh
) -> None:
    sender, number = fresh("GB"), fresh("G")
    header = msh("ADT^A04", fresh("g"), sender=sender, charset="GB 18030-2000")
    text_ = message(header, "EVN|A04|20261101080000", pid(number, name="𠮷䶮^王小明"))
    (told,) = bring(units, text_, codec="gb18030")
    assert told.patient_id is not None
    with units() as uow:
        found = uow.patients.get(told.patient_id)
        assert found is not None
        assert found.name == "𠮷䶮王小明"
    broken = message(msh("ADT^A04", fresh("h"), sender=sender), pid(fresh("H"), name="王小明"))
    (parked,) = bring(units, broken, codec="gb18030")
    assert (parked.state, parked.reason) == (FeedState.PARKED, FeedReason.CHARSET_DIFFERS)
    (unknown,) = bring(units, broken.replace("UNICODE UTF-8", "EBCDIC").replace(fresh("h"), fresh("i")))
    assert (unknown.state, unknown.reason) == (FeedState.PARKED, FeedReason.UNKNOWN_CHARSET)


def test_whoever_is_not_among_the_peers_is_turned_away(units: UnitsOfWork, fresh: Fresh) -> None:
    elsewhere = ServerSettings(host="127.0.0.1", port=0, peers=(ipaddress.ip_network("10.0.0.0/8"),))
    with open_server(units, elsewhere) as port, connect(port) as connection:
        assert unanswered(connection, an_update("1", sender=fresh("OUTSIDE")))
    assert states(units, f"{fresh('OUTSIDE')}/HAILAN") == []


def test_a_message_that_is_begun_and_never_ended_holds_its_place_for_a_while_only(
    units: UnitsOfWork, fresh: Fresh
) -> None:
    impatient = ServerSettings(host="127.0.0.1", port=0, connections=1, unfinished=timedelta(milliseconds=200))
    sender = fresh("SLOW")
    with open_server(units, impatient) as port:
        with connect(port) as connection:
            connection.connection.sendall(START + b"MSH|^~\\&|")
            assert connection.answer() == ""

        def heard() -> bool:
            with connect(port) as again:
                try:
                    return again.ask(an_update("1", sender=sender)) == "AA 1"
                except OSError:
                    return False

        until(heard, timeout=10, what="the place is free again")


def test_while_the_database_is_away_nothing_is_acknowledged_and_the_repetition_is_kept_once(
    database_url: str, fresh: Fresh
) -> None:
    engine = make_engine(database_url)
    units = UnitsOfWork(engine)
    sender = fresh("AWAY")
    name = database_url.rsplit("/", 1)[1].split("?")[0]
    postgres = libpq_url(database_url.replace(f"/{name}?", "/postgres?"))
    with psycopg.connect(postgres, autocommit=True) as admin, open_server(units) as port:
        with connect(port) as connection:
            assert connection.ask(an_update("1", sender=sender)) == "AA 1"
        admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        with connect(port) as connection:
            assert unanswered(connection, an_update("2", sender=sender))
        admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')

        def kept() -> bool:
            with connect(port) as connection:
                connection.send(an_update("2", sender=sender))
                return code_of(connection.answer()) == "AA 2"

        until(kept, timeout=20, what="the database is back")
    assert states(units, f"{sender}/HAILAN") == [("1", FeedState.STORED), ("2", FeedState.STORED)]
    engine.dispose()


def test_a_killed_process_loses_no_acknowledged_message_and_the_next_one_goes_on(
    database_url: str, tmp_path: Path, fresh: Fresh
) -> None:
    sender = fresh("KILLED")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    environment = os.environ | {
        "SUIFANG_STATE_DIR": str(tmp_path / "state"),
        "SUIFANG_DATABASE_URL": database_url,
        "SUIFANG_BROKER_URL": "redis://127.0.0.1:1/0",
        "SUIFANG_FEEDS_PORT": str(port),
        "SUIFANG_MODE": "trial",
    }
    command = [sys.executable, "-m", "suifang.process_entry", "feeds"]
    sent = [an_update(f"k{place}", sender=sender, number=f"K{place}") for place in range(80)]

    def reach() -> Sender | None:
        try:
            return connect(port)
        except OSError:
            return None

    engine = make_engine(database_url)
    units = UnitsOfWork(engine)
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        connection = until(reach, timeout=60, what="the process listens")
        for each in sent[:40]:
            assert connection.ask(each).startswith("AA")
        connection.send(*sent[40:])
        process.send_signal(signal.SIGKILL)
        process.wait()
        connection.connection.close()
    kept_before = {control for control, _ in states(units, f"{sender}/HAILAN")}
    assert kept_before >= {f"k{place}" for place in range(40)}
    with open_server(units) as again, connect(again) as connection:
        connection.send(*sent)
        assert [code_of(connection.answer()) for _ in sent] == [f"AA k{place}" for place in range(80)]
    bring(units)
    assert {state for _, state in states(units, f"{sender}/HAILAN")} == {FeedState.APPLIED}
    with engine.connect() as rows:
        assert rows.execute(text("SELECT count(*), count(DISTINCT record_number) FROM patients")).one() == (80, 80)
    engine.dispose()


def test_with_tls_only_a_sender_with_the_authoritys_certificate_is_heard(
    units: UnitsOfWork, tmp_path: Path, fresh: Fresh
) -> None:
    made = make_internal_certificate(Settings(state_dir=tmp_path / "state"), ["localhost"], clock.now())
    senders = own_certificate(tmp_path / "sender.pem")
    secured = server_settings(
        Settings(
            state_dir=tmp_path / "state",
            feeds_port=2575,
            feeds_tls=True,
            tls_certificate=made.certificate,
            tls_key=made.key,
            feeds_client_ca=senders,
        ),
        0,
    )
    ours = ssl.create_default_context(cafile=str(made.authority))
    with open_server(units, secured) as port:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=20) as plain,
            ours.wrap_socket(plain, server_hostname="localhost") as wrapped,
        ):
            assert unanswered(Sender(wrapped), an_update("1", sender=fresh("TLS")))
        ours.load_cert_chain(str(senders))
        with (
            socket.create_connection(("127.0.0.1", port), timeout=20) as plain,
            ours.wrap_socket(plain, server_hostname="localhost") as wrapped,
        ):
            assert Sender(wrapped).ask(an_update("2", sender=fresh("TLS"))) == "AA 2"
    assert [control for control, _ in states(units, f"{fresh('TLS')}/HAILAN")] == ["2"]


def test_who_does_not_read_his_answers_is_let_go_and_keeps_nobody_from_stopping(
    units: UnitsOfWork, fresh: Callable[[str], str]
) -> None:
    settings = ServerSettings(host="127.0.0.1", port=0, unfinished=timedelta(seconds=0.3))
    with open_server(units, settings) as port, connect(port) as deaf:
        # Answers repeat the message's own id: long ones fill what the line holds.
        text = adt("A04", fresh("c") + "x" * 400_000, at=ago(hours=1), person=pid(fresh("R")), visit="")

        def let_go() -> bool:
            try:
                deaf.send(text)
            except TimeoutError:
                return False
            except OSError:
                return True
            return False

        deaf.connection.settimeout(0.5)
        until(let_go, timeout=12, what="the connection ends")
