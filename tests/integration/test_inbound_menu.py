"""A hospital's own menu and hours on the line that patients ring: over loopback lines and a real database."""

from collections.abc import Iterator
from datetime import time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from followup.calling_hours import CallingHours
from followup.inbound import InboundState
from followup.inbound_menu import InboundMenu
from runtime.content.documents import ContentError
from runtime.content.library import Content
from runtime.settings import REPOSITORY
from tests.support.builders import a_patient, a_queue
from tests.support.switchboard import Switchboard

NUMBER = "+8613912345678"
CONTENT = Content(REPOSITORY / "content")


@pytest.fixture
def units(database_url: str) -> Iterator[UnitsOfWork]:
    engine = make_engine(database_url)
    made = UnitsOfWork(engine)
    with made() as uow:
        a_queue(uow)
        a_patient(uow).contact_points[0].number = NUMBER
        uow.commit()
    yield made
    engine.dispose()


def test_key_nine_says_everything_again_in_the_other_language(
    units: UnitsOfWork, database_url: str, tmp_path: Path
) -> None:
    menu = CONTENT.inbound_menus["default"]
    board = Switchboard(units=units, database_url=database_url, folder=tmp_path, menu=menu)
    inbound = board.ring_in(NUMBER, "9")
    assert (inbound.language, inbound.state) == ("en", InboundState.GREETED)
    board.listen_to_the_end()
    heard = [path.parent.name + "/" + path.stem for path in board.control.leg(inbound.leg_id).heard_prompts]
    assert heard == ["zh/greeting", "en/greeting", "en/recording_notice", "en/inbound_choices", "en/person"]


def test_outside_the_line_s_own_hours_a_caller_is_told_and_rung_back(
    units: UnitsOfWork, database_url: str, tmp_path: Path
) -> None:
    with units() as uow:
        today = uow.now.astimezone(ZoneInfo("Asia/Shanghai")).isoweekday()
    another_day = frozenset({(today + 2) % 7 + 1})
    menu = InboundMenu(hours=(CallingHours(start=time(8), end=time(9), weekdays=another_day),))
    board = Switchboard(units=units, database_url=database_url, folder=tmp_path, menu=menu)
    inbound = board.ring_in(NUMBER)
    board.listen_to_the_end()
    assert board.heard(inbound.leg_id) == ["greeting", "closed_now", "call_back_promised"]
    assert board.caller_on(inbound.leg_id).task_id is not None


def test_a_menu_that_says_a_prompt_nobody_recorded_is_refused_in_words(tmp_path: Path) -> None:
    folder = tmp_path / "content"
    (folder / "inbound").mkdir(parents=True)
    (folder / "prompts").symlink_to(REPOSITORY / "content" / "prompts")
    text = (REPOSITORY / "content" / "inbound" / "default.yaml").read_text()
    (folder / "inbound" / "default.yaml").write_text(text.replace("[inbound_choices]", "[press_two_for_wards]"))
    with pytest.raises(ContentError, match="zh/press_two_for_wards"):
        _ = Content(folder).inbound_menus
