"""The vault of an installation, put together from its settings."""

from collections.abc import Callable
from urllib.parse import urlsplit

import tink

from db.unit_of_work import UnitOfWork
from recordings.object_store import Bucket, ObjectStore
from recordings.vault import KeyCabinet, Vault
from recordings.wrapping_keys import FILE_SCHEME, KeyFile, WrappingKeyError, WrappingKeys
from runtime.settings import Settings


def open_vault(settings: Settings, units_of_work: Callable[[], UnitOfWork]) -> Vault:
    """Nothing is read, made or reached yet: a store that is away keeps no process from starting."""
    return Vault(
        object_store(settings),
        KeyCabinet(units_of_work, wrapping_keys(settings, units_of_work)),
        settings.state_dir / "vault",
    )


def object_store(settings: Settings) -> ObjectStore:
    """The folder or bucket in which objects lie."""
    if not settings.recordings_url:
        return ObjectStore(settings.store_dir)
    place = urlsplit(settings.recordings_url)
    return ObjectStore(
        Bucket(
            name=place.netloc,
            prefix=place.path.strip("/"),
            endpoint=settings.s3_endpoint,
            region=settings.s3_region,
            access_key=settings.s3_access_key,
            secret_key=settings.s3_secret_key.get_secret_value(),
            request_seconds=settings.s3_seconds,
            retry_seconds=2 * settings.s3_seconds,
        )
    )


def wrapping_keys(settings: Settings, units_of_work: Callable[[], UnitOfWork]) -> WrappingKeys:
    """The keys of the file, and those of the key service where one is set; the service's wraps what is new then."""
    file = KeyFile(settings.vault_key_path)
    if not settings.vault_key:
        return WrappingKeys([file], lambda: _file_primary(file, units_of_work))
    return WrappingKeys([file, _key_service(settings)], lambda: settings.vault_key)


def _file_primary(file: KeyFile, units_of_work: Callable[[], UnitOfWork]) -> str:
    if not file.exists():
        with units_of_work() as uow:
            counts = uow.vault.wrapping_counts()
        lost = sum(count for name, count in counts.items() if name.startswith(FILE_SCHEME))
        if lost:
            # A new file would hide the loss until somebody wants to hear what he cannot hear any more.
            raise WrappingKeyError(
                f"{file.path} is missing, and {lost} recordings are sealed with keys of it: bring it back from the "
                "backup of keys, or copy it from the machine that made it"
            )
        file.make()
    return file.primary()


def _key_service(settings: Settings) -> tink.KmsClient:
    # An extra of the installation (aws-kms), loaded only where it is set.
    from recordings.aws_keys import AwsKeys

    return AwsKeys(
        endpoint=settings.kms_endpoint,
        access_key=settings.kms_access_key,
        secret_key=settings.kms_secret_key.get_secret_value(),
    )
