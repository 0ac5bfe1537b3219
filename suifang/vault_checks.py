"""Can recordings be sealed, stored and opened: the key file, the key service, the store, what still lies in clear."""

from collections.abc import Mapping

import tink

from db.unit_of_work import UnitsOfWork
from recordings.object_store import ObjectStoreError
from recordings.opening import object_store, wrapping_keys
from recordings.signing import SIGNING_FILE
from recordings.wrapping_keys import FILE_SCHEME, KeyFile, WrappingKeyError
from runtime.settings import Settings
from suifang.findings import Finding, good, note, wrong

_LISTED = 1000


def check_store(settings: Settings) -> Finding:
    """The folder or bucket answers; nothing is written."""
    place = settings.recordings_url or str(settings.store_dir)
    if not settings.recordings_url and not settings.store_dir.exists():
        return note("store of recordings", f"{place} does not exist yet", "it is made with the first recording")
    # A server that is away is to be told of soon: a doctor does not try for a minute.
    quick = settings.model_copy(update={"s3_seconds": min(settings.s3_seconds, 5.0)})
    try:
        object_store(quick).reach()
    except ObjectStoreError as error:
        return wrong(
            "store of recordings",
            f"{place}: {error}",
            "see that it runs, that SUIFANG_S3_ENDPOINT is right and that its keys may read and write the bucket; "
            "until then recordings stay in the spool",
        )
    return good("store of recordings", f"{place} answers")


def check_vault(settings: Settings, units: UnitsOfWork) -> list[Finding]:
    """Every key that a recording needs is at hand and closed to others."""
    with units() as uow:
        counts = uow.vault.wrapping_counts()
        clear = len(uow.vault.in_clear(after=None, limit=_LISTED))
        anchor = uow.vault.last_anchor()
    findings = [*_check_file(settings, counts), *_check_service(settings, units, counts)]
    if clear:
        more = " or more" if clear == _LISTED else ""
        findings.append(
            note(
                "sealing",
                f"{clear}{more} recordings lie in clear",
                "the workers seal them in passing, or: suifang vault seal",
            )
        )
    signing = settings.vault_key_path.with_name(SIGNING_FILE)
    if anchor is not None and not signing.exists():
        findings.append(
            wrong(
                "signing key",
                f"{signing} is missing",
                "bring it back from the backup of keys; another is made otherwise",
            )
        )
    return findings


def _check_file(settings: Settings, counts: Mapping[str, int]) -> list[Finding]:
    needed = {name: count for name, count in counts.items() if name.startswith(FILE_SCHEME)}
    file = KeyFile(settings.vault_key_path)
    if not file.exists():
        if needed:
            return [
                wrong(
                    "vault key",
                    f"{file.path} is missing, and {sum(needed.values())} recordings need it",
                    "bring it back from the backup of keys: without it nobody can hear them any more",
                )
            ]
        if settings.vault_key:
            return []
        return [
            note("vault key", "none yet", "it is made with the first recording; back it up then, apart from the data")
        ]
    if fault := file.fault():
        return [wrong("vault key", fault, f"chmod 600 {file.path}, and chown it to the user that runs Suifang")]
    try:
        lost = sorted(set(needed) - set(file.names()))
    except WrappingKeyError as error:
        return [wrong("vault key", str(error), "bring it back from the backup of keys")]
    if lost:
        return [
            wrong(
                "vault key",
                f"{file.path} lacks {lost[0]}, which {needed[lost[0]]} recordings need",
                "bring the file back that held it",
            )
        ]
    return [good("vault key", f"{file.path}, closed to others, opens {sum(needed.values())} recordings")]


def _check_service(settings: Settings, units: UnitsOfWork, counts: Mapping[str, int]) -> list[Finding]:
    if not settings.vault_key:
        foreign = [name for name in counts if not name.startswith(FILE_SCHEME)]
        return [
            wrong("key service", f"recordings need {name}", "set SUIFANG_VAULT_KEY, or rotate before unsetting it")
            for name in foreign[:1]
        ]
    try:
        keys = wrapping_keys(settings, units)
        aead = keys.named(settings.vault_key)
        opened = aead.decrypt(aead.encrypt(b"is anybody there", b"doctor"), b"doctor")
    except (WrappingKeyError, tink.TinkError, ImportError) as error:
        return [
            wrong(
                "key service",
                f"{settings.vault_key}: {error}",
                "see that it can be reached and that SUIFANG_KMS_ACCESS_KEY may encrypt and decrypt with this key; "
                "for an import error: pip install suifang[aws-kms]",
            )
        ]
    if opened != b"is anybody there":
        return [wrong("key service", f"{settings.vault_key} gives back something else", "do not use it")]
    return [good("key service", f"{settings.vault_key} encrypts and decrypts")]
