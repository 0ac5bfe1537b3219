"""`suifang index`: brings the search's index up to date, or makes it anew."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from db.unit_of_work import UnitsOfWork
from runtime.content.library import Content
from runtime.settings import Settings
from transcription.search_language import FOLDER, SearchLanguage
from transcription.turn_index import TurnIndex


def run(units: UnitsOfWork, content: Content, settings: Settings, *, anew: bool) -> int:
    """Index what is missing or behind, or with `anew` everything; how many recordings were put in."""
    index = TurnIndex(units, SearchLanguage(content, settings.state_dir / FOLDER).words)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    indexed = 0
    with Progress(*columns, console=Console(stderr=True)) as bar:
        shown = bar.add_task("recordings", total=None)
        for progress in index.bring_all(anew=anew):
            bar.update(shown, completed=progress.looked_at, total=progress.of)
            indexed = progress.indexed
    return indexed
