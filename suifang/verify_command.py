"""`suifang verify`: opens every stored recording, reads the ledger, and says in words what is not as it was stored."""

from typing import TextIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from recordings.opening import open_vault
from recordings.signing import SIGNING_FILE, signing_key
from recordings.verify import verify, verify_ledger
from runtime.settings import Settings


def run(settings: Settings, database_url: str, *, out: TextIO) -> int:
    """Print a sentence for each fault and a sum; the exit status is 1 when there is a fault."""
    engine = make_engine(database_url)
    whole = faulty = 0
    try:
        units = UnitsOfWork(engine)
        for checked in verify(units, open_vault(settings, units)):
            if checked.fault is None:
                whole += 1
            else:
                faulty += 1
                print(checked.in_words(), file=out)
        print(f"{whole} recordings are whole, {faulty} are not", file=out)
        ledger = 0
        for fault in verify_ledger(units, _public_keys(settings)):
            ledger += 1
            print(fault, file=out)
        with units() as uow:
            head = uow.vault.head()
    finally:
        engine.dispose()
    print(f"the ledger has {head.position if head else 0} lines and {ledger} faults", file=out)
    return 1 if faulty or ledger else 0


def _public_keys(settings: Settings) -> dict[str, Ed25519PublicKey]:
    path = settings.vault_key_path.with_name(SIGNING_FILE)
    if not path.exists():  # nothing was signed here yet; a check makes no key
        return {}
    key = signing_key(path)
    return {key.fingerprint: key.private.public_key()}
