"""HL7 for tests: messages of made-up people, a hospital's system that sends them over a real socket, and the server."""

import asyncio
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self
from zoneinfo import ZoneInfo

from db.feeds import ArrivedMessage
from db.unit_of_work import UnitsOfWork
from followup.feeds import FeedMessage
from interop.hl7.applying import apply_waiting
from interop.hl7.desk import FeedDesk
from interop.hl7.framing import END, START, Frame, framed
from interop.hl7.receiving import Judged, ReceivingRules, judge, store
from interop.hl7.server import FeedServer, ServerSettings
from runtime.content.library import Content
from runtime.settings import REPOSITORY
from scheduler.feed_consequences import follow_feeds
from scheduler.listed_plans import PlanSurroundings
from tests.support.builders import HOSPITAL

ZONE = ZoneInfo("Asia/Shanghai")
CONTENT = Content(REPOSITORY / "content")
RULES = ReceivingRules(senders=CONTENT.feed_senders, zone=ZONE, kept_for=timedelta(days=90))
DESK = FeedDesk(content=CONTENT, zone=ZONE, area_code="0595", synthetic=True)
PLANS = PlanSurroundings(templates=CONTENT.plans, time=HOSPITAL, roster=None)


def hl7_time(at: datetime) -> str:
    """An instant as the hospital's systems write it."""
    return at.astimezone(ZONE).strftime("%Y%m%d%H%M%S")


def ago(**span: float) -> datetime:
    """An instant that is so long past, to the second."""
    return datetime.now(UTC).replace(microsecond=0) - timedelta(**span)


def msh(
    kind: str, control_id: str, *, at: datetime | None = None, sender: str = "HIS", charset: str = "UNICODE UTF-8"
) -> str:
    """A header."""
    trailer = f"||||||{charset}"
    return f"MSH|^~\\&|{sender}|HAILAN|SUIFANG|CALL|{hl7_time(at or ago())}||{kind}|{control_id}|P|2.4{trailer}"


def pid(
    number: str = "900001",
    *,
    name: str = "王建国",
    born: str = "19580412",
    sex: str = "M",
    phone: str = "13800000001",
    card: str = "",
    more: str = "",
) -> str:
    """A person."""
    return f"PID|1||{number}^^^HAILAN^MR||{name}||{born}|{sex}|||||{phone}||||||{card}{more}"


def adt(
    trigger: str,
    control_id: str,
    *,
    at: datetime,
    person: str | None = None,
    visit: str = "V1",
    department: str = "心内科",
    admitted: datetime | None = None,
    discharged: datetime | None = None,
    disposition: str = "1",
    patient_class: str = "I",
    others: Sequence[str] = (),
    sender: str = "HIS",
) -> str:
    """An ADT message, with a visit if it has a number."""
    segments = [
        msh(f"ADT^{trigger}", control_id, at=at, sender=sender),
        f"EVN|{trigger}|{hl7_time(at)}",
        person or pid(),
    ]
    if visit:
        fields = {2: patient_class, 3: "W3^301^2^HAILAN", 7: "D01^林^医生", 10: department, 19: visit, 36: disposition}
        fields |= {44: hl7_time(admitted)} if admitted else {}
        fields |= {45: hl7_time(discharged)} if discharged else {}
        segments.append(segment("PV1", fields))
    return message(*segments, *others)


def segment(name: str, fields: Mapping[int, str]) -> str:
    """A segment by the numbers of its fields."""
    return "|".join([name, *(fields.get(place, "") for place in range(1, max(fields) + 1))])


def message(*segments: str) -> str:
    """Segments as one message."""
    return "".join(f"{each}\r" for each in segments)


def oru(
    control_id: str, *results: str, at: datetime, person: str | None = None, order: str = "L1", sender: str = "LIS"
) -> str:
    """Results of one order."""
    obr = segment("OBR", {1: "1", 3: order, 4: "CHEM^生化", 7: hl7_time(at), 22: hl7_time(at)})
    return message(msh("ORU^R01", control_id, at=at, sender=sender), person or pid(), obr, *results)


def obx(
    code: str,
    value: str,
    unit: str = "",
    *,
    line: int = 1,
    state: str = "F",
    name: str = "",
    reference: str = "",
    kind: str = "NM",
) -> str:
    """One result."""
    return f"OBX|{line}|{kind}|{code}^{name}^LN||{value}|{unit}|{reference}||||{state}"


def siu(
    trigger: str, control_id: str, *, at: datetime, starts: datetime, number: str = "AP1", person: str | None = None
) -> str:
    """A message about an appointment."""
    sch = segment("SCH", {1: f"P-{number}", 2: number, 11: f"^^^{hl7_time(starts)}"})
    return message(msh(f"SIU^{trigger}", control_id, at=at, sender="BOOK"), sch, person or pid(), "AIL|1||心内科门诊")


def judged(text: str | bytes, *, codec: str = "utf-8", peer: str = "127.0.0.1") -> Judged:
    """What a message is when it comes in."""
    content = text.encode(codec) if isinstance(text, str) else text
    return judge(Frame(content=content), peer=peer, rules=RULES, now=datetime.now(UTC))


def bring(units: UnitsOfWork, *texts: str | bytes, codec: str = "utf-8", desk: FeedDesk = DESK) -> list[FeedMessage]:
    """Keep messages and apply what waits; the messages as they are afterwards, in their order."""
    came = [judged(text, codec=codec) for text in texts]
    store(units, came, RULES)
    while apply_waiting(units, desk):
        pass
    return [kept(units, each.arrived) for each in came]


def kept(units: UnitsOfWork, arrived: ArrivedMessage) -> FeedMessage:
    """The row of a message, also of one that came before."""
    with units() as uow:
        rows = uow.feeds.page(sender=arrived.sender, limit=500)
        found = next(row for row in rows if (row.control_id, row.digest) == (arrived.control_id, arrived.digest))
        whole = uow.feeds.get(found.id)
        assert whole is not None
        return whole


def follow(units: UnitsOfWork, patient_id: str | None) -> int:
    """Do with the patient's plans what is owed."""
    assert patient_id is not None
    return follow_feeds(units, patient_id, PLANS)


@dataclass
class Sender:
    """A hospital's system on one connection."""

    connection: socket.socket

    def send(self, *texts: str | bytes, codec: str = "utf-8") -> None:
        """Send messages without waiting for answers."""
        self.connection.sendall(
            b"".join(framed(text.encode(codec) if isinstance(text, str) else text) for text in texts)
        )

    def answer(self) -> str:
        """The next answer; an empty text if the connection ended instead."""
        heard = b""
        while not heard.endswith(END + b"\r"):
            piece = self.connection.recv(1)
            if not piece:
                return ""
            heard += piece
        assert heard.startswith(START)
        return heard[1:-2].decode("latin-1")

    def ask(self, text: str | bytes, *, codec: str = "utf-8") -> str:
        """Send one message and hear the code of its answer."""
        self.send(text, codec=codec)
        return code_of(self.answer())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()


def code_of(answer: str) -> str:
    """MSA-1 and MSA-2 of an answer."""
    acknowledged = next((line for line in answer.split("\r") if line.startswith("MSA")), "")
    return " ".join(acknowledged.split("|")[1:3])


def connect(port: int) -> Sender:
    """A connection to the server."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    connection.settimeout(20)
    return Sender(connection)


@contextmanager
def open_server(
    units: UnitsOfWork, settings: ServerSettings | None = None, *, rules: ReceivingRules = RULES
) -> Iterator[int]:
    """The real server in a thread of its own, on a port of the system's choice."""
    opened = threading.Event()
    port: list[int] = []
    stop: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        server = FeedServer(units, rules, settings or ServerSettings(host="127.0.0.1", port=0))
        await server.open()
        ended = asyncio.Event()
        port.append(server.port)
        stop.append((asyncio.get_running_loop(), ended))
        opened.set()
        await ended.wait()
        await server.close()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), name="feed-server")
    thread.start()
    assert opened.wait(20), "the server did not open"
    try:
        yield port[0]
    finally:
        loop, ended = stop[0]
        loop.call_soon_threadsafe(ended.set)
        thread.join(30)
        assert not thread.is_alive(), "the server did not close"
