"""`suifang verify`: reads every stored recording and says in words which are not what was stored."""

from typing import TextIO

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from recordings.object_store import ObjectStore
from recordings.verify import verify
from runtime.settings import Settings


def run(settings: Settings, database_url: str, *, out: TextIO) -> int:
    """Print a sentence for each fault and a sum; the exit status is 1 when there is a fault."""
    engine = make_engine(database_url)
    whole = faulty = 0
    try:
        for checked in verify(UnitsOfWork(engine), ObjectStore(settings.store_dir)):
            if checked.fault is None:
                whole += 1
            else:
                faulty += 1
                print(checked.in_words(), file=out)
    finally:
        engine.dispose()
    print(f"{whole} recordings are whole, {faulty} are not", file=out)
    return 1 if faulty else 0
