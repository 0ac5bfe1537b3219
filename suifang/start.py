"""What every process asks before it works: is the database at this version, and does the mode allow this start?"""

from db.engine import make_engine
from db.migrate import pending
from db.unit_of_work import UnitsOfWork
from runtime.content.library import Content
from runtime.embedded import engine_urls
from runtime.mode_rules import refusals
from runtime.settings import Settings


class WrongStartError(Exception):
    """The process must not work; the text says why and how to mend it."""


def refuse_wrong_start(settings: Settings) -> None:
    """WrongStartError on a wrong migration head or on anything the mode forbids."""
    url = engine_urls(settings).database_url
    behind = pending(url)
    if behind is not None:
        raise WrongStartError(behind)
    engine = make_engine(url)
    try:
        with UnitsOfWork(engine)() as uow:
            demo_users = uow.users.synthetic_count()
    finally:
        engine.dispose()
    content = Content(settings.content_dir)
    reasons = refusals(
        settings,
        demo_users=demo_users,
        draft_contents=len(content.drafts()),
        profile=content.jurisdictions[settings.jurisdiction.value],
    )
    if reasons:
        raise WrongStartError("\n".join(reasons))
