"""How this installation keeps recordings: its jurisdiction's rules, its zone, and what it does by itself."""

from followup.retention import KeepingPolicy
from runtime.content.library import Content
from runtime.settings import Settings


def keeping_policy(settings: Settings, content: Content) -> KeepingPolicy:
    """From the settings and the content folder."""
    return KeepingPolicy(
        rules=content.retention[settings.jurisdiction.value],
        zone=settings.zone,
        purges=settings.retention_purges,
        copy_hours=settings.copy_span,
    )
