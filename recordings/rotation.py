"""Another key wraps the keys of recordings: the recordings themselves are not touched."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import structlog

from db.unit_of_work import UnitOfWork
from recordings.vault import KeyCabinet
from recordings.wrapping_keys import WrappingKeyError

log = structlog.get_logger(__name__)

_PAGE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrapped:
    """How far it got: how many keys were wrapped anew, and a sentence for each that could not be."""

    done: int
    faults: tuple[str, ...] = ()


def wrap_anew(units_of_work: Callable[[], UnitOfWork], keys: KeyCabinet) -> Iterator[Wrapped]:
    """Wrap every key that another than the present key wraps; may be stopped anywhere and begun again.

    What cannot be opened stays as it is and stops nothing.
    """
    present = keys.wrapping.primary
    done, faults, after = 0, list[str](), ""
    while True:
        with units_of_work() as uow:
            page = uow.vault.keys_not_wrapped_by(present, after=after, limit=_PAGE)
            for key in page:
                try:
                    uow.vault.wrap_again(keys.wrapped_anew(key))
                    done += 1
                except WrappingKeyError as error:
                    faults.append(str(error))
            uow.commit()
        if not page:
            break
        after = page[-1].uri
        yield Wrapped(done=done, faults=tuple(faults))
    with units_of_work() as uow:
        uow.audit.note(
            user_id=None,
            action="vault_keys_wrapped",
            subject_kind="vault",
            subject=present[:64],
            detail={"key": present, "keys": done, "faults": len(faults)},
        )
        uow.commit()
    log.info("vault_keys_wrapped", key=present, keys=done, faults=len(faults))
    yield Wrapped(done=done, faults=tuple(faults))
