"""A database for lists, and the short ways to bring one in."""

from collections.abc import Callable, Iterator, Sequence

import pytest

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from followup.imports import ListImport, ListKind
from interop.lists.applying import apply_import, ask_to_apply
from interop.lists.receiving import ListOrder, receive_file
from tests.support.lists import HEADER, SURROUNDINGS, as_csv

Bring = Callable[..., ListImport]


@pytest.fixture
def units(database_url: str) -> Iterator[UnitsOfWork]:
    """Units of work of a database of this test's own."""
    engine = make_engine(database_url)
    yield UnitsOfWork(engine)
    engine.dispose()


@pytest.fixture
def bring(units: UnitsOfWork) -> Bring:
    """Take rows in as a file and, unless told otherwise, write them; the import as it is then."""

    def brought(
        rows: Sequence[Sequence[str]],
        *,
        header: Sequence[str] = HEADER,
        kind: ListKind = ListKind.DISCHARGE,
        template: str | None = None,
        apply: bool = True,
    ) -> ListImport:
        with units() as uow:
            made = receive_file(
                uow, as_csv(rows, header=header), ListOrder(kind=kind, template_id=template), SURROUNDINGS
            )
            if apply and made.counts.get("ready"):
                ask_to_apply(uow, made, by=None)
            uow.commit()
        if apply:
            apply_import(units, made.id, SURROUNDINGS)
        return read(units, made.id)

    return brought


def read(units: UnitsOfWork, import_id: str) -> ListImport:
    """The import as the database has it."""
    with units() as uow:
        found = uow.imports.get(import_id)
        assert found is not None
        return found
