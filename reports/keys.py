"""The keys that sign what is printed: named by the hospital, or made once for this installation."""

import secrets

from runtime.private_files import write_private
from runtime.settings import Settings, private_folder

_FILE = "report.key"


def report_keys(settings: Settings) -> tuple[str, ...]:
    """Oldest first. Several machines need the same, so they are set; a single one makes its own."""
    named = tuple(key.strip() for key in settings.report_keys.get_secret_value().split(",") if key.strip())
    if named:
        return named
    path = private_folder(settings.keys_dir) / _FILE
    if not path.exists():
        write_private(path, secrets.token_urlsafe(32))
    return (path.read_text(encoding="utf-8").strip(),)
