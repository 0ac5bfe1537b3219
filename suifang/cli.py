"""The command `suifang`: what an administrator types."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Annotated, ParamSpec, TypeVar
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.table import Table

from api.passwords import PasswordRefusedError
from db.engine import make_engine
from db.migrate import pending, upgrade
from db.unit_of_work import UnitsOfWork
from db.users import Role
from followup.calendars import UnknownRegionError
from followup.imports import ListKind
from followup.parked_tasks import ParkedTaskState
from runtime import clock
from runtime.content.documents import ContentError
from runtime.content.library import Content
from runtime.embedded import EngineError, ensure_engines
from runtime.log import configure_logging
from runtime.settings import Settings, SettingsError, load_settings
from suifang import all_in_one, flow_command, plans_command, queues_command, user_command
from suifang.backup import BackupError, back_up, verify
from suifang.backup import restore as restore_backup
from suifang.doctor import examine
from suifang.edge_command import edge_of, write_edge
from suifang.findings import Finding, Verdict
from suifang.firewall import firewall_table
from suifang.process_entry import loaded, run_process
from suifang.start import WrongStartError
from suifang.supervision import SupervisionError
from suifang.tls import TlsError, client_guide, import_certificate, make_internal_certificate
from suifang.user_command import UserCommandError
from telephony.edge.configuration import EdgeError, EdgeTls, edge_configuration

_REFUSALS = (
    SettingsError,
    EngineError,
    WrongStartError,
    SupervisionError,
    BackupError,
    TlsError,
    EdgeError,
    ContentError,
    UserCommandError,
    queues_command.QueuesCommandError,
    flow_command.FlowCommandError,
    UnknownRegionError,
)
_MARKS = {Verdict.GOOD: "[green]✓[/green]", Verdict.NOTE: "[yellow]·[/yellow]", Verdict.WRONG: "[red]✗[/red]"}

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)

users = typer.Typer(no_args_is_help=True, help="Local users.")
app.add_typer(users, name="user")

queues = typer.Typer(no_args_is_help=True, help="What waits for the workers, and what failed for good.")
app.add_typer(queues, name="queues")

flows = typer.Typer(no_args_is_help=True, help="Automated calls.")
app.add_typer(flows, name="flow")

calendar = typer.Typer(no_args_is_help=True, help="Working days and public holidays.")
app.add_typer(calendar, name="calendar")

plans = typer.Typer(no_args_is_help=True, help="Plan templates and the plans that follow them.")
app.add_typer(plans, name="plans")

P = ParamSpec("P")
R = TypeVar("R")


def main() -> None:
    """The entry point of the installed command."""
    app()


def _in_words(command: Callable[P, R]) -> Callable[P, R]:
    """A refusal is a sentence and exit status 1; only a fault of the program itself shows a traceback."""

    @wraps(command)
    def worded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except PasswordRefusedError as refusal:
            typer.echo(f"the password {refusal}", err=True)
            raise typer.Exit(1) from None
        except _REFUSALS as refusal:
            typer.echo(str(refusal), err=True)
            raise typer.Exit(1) from None

    return worded


@app.command()
@_in_words
def up() -> None:
    """Start database, broker and every process, and keep them alive until Ctrl-C."""
    all_in_one.run(load_settings())


@app.command()
def api() -> None:
    """Run the web process: console, API, live stream."""
    run_process("api")


@app.command()
def scheduler() -> None:
    """Run the scheduler: due tasks, dialer, what comes next, what stalled."""
    run_process("scheduler")


@app.command()
def worker() -> None:
    """Run the Celery worker: recordings, transcription, notes."""
    run_process("worker")


@app.command()
def telephony() -> None:
    """Run this machine's telephony node with its call workers."""
    run_process("telephony")


@app.command()
def headsets() -> None:
    """Run this machine's headset gateway: agents' browsers as telephones of the node."""
    run_process("headsets")


@app.command()
@_in_words
def migrate() -> None:
    """Bring the database to this version's tables; harmless when it is there."""
    settings = _quiet_settings()
    with ensure_engines(settings) as engines:
        upgrade(engines.database_url)
        loaded("suifang.calendar_command").ensure_loaded(engines.database_url, settings.calendar_region)
    typer.echo("the database is at this version")


@app.command()
@_in_words
def doctor(
    firewall: Annotated[bool, typer.Option(help="Also print the ports that a firewall has to let pass.")] = True,
) -> None:
    """Say in words what is missing or wrong and how to mend it; exit status 1 when something is wrong."""
    settings = _quiet_settings()
    findings = examine(settings, os.environ)
    console = Console(soft_wrap=True)
    for finding in findings:
        _say(console, finding)
    if firewall:
        console.print(_firewall(settings))
    wrong = sum(finding.verdict is Verdict.WRONG for finding in findings)
    console.print(f"\n{wrong} wrong" if wrong else "\nnothing wrong")
    raise typer.Exit(1 if wrong else 0)


@app.command()
@_in_words
def edge(
    address: Annotated[str, typer.Option(help="Where the edge listens, and all our signalling leaves: host:port.")],
    config: Annotated[Path | None, typer.Option(help="Write kamailio's configuration to this file.")] = None,
    tls_trunk: Annotated[
        list[str] | None, typer.Option(help="A trunk that the edge speaks TLS with (may be given more than once).")
    ] = None,
    tls_port: Annotated[int, typer.Option(help="The edge's own port for TLS.")] = 5061,
    certificate: Annotated[Path | None, typer.Option(help="The edge's certificate with its chain, PEM.")] = None,
    key: Annotated[Path | None, typer.Option(help="The key that belongs to it, PEM, without a password.")] = None,
    ca_file: Annotated[Path | None, typer.Option(help="Whom the edge trusts, PEM.")] = None,
    rtpengine: Annotated[str, typer.Option(help="Lead the sound by this rtpengine: udp:127.0.0.1:2223.")] = "",
) -> None:
    """Print or write the configuration of kamailio as the one signalling address of all call workers."""
    secured = None
    if certificate is not None and key is not None and ca_file is not None:
        secured = EdgeTls(
            port=tls_port, certificate=certificate.absolute(), key=key.absolute(), ca_file=ca_file.absolute()
        )
    planned = edge_of(_quiet_settings(), address=address, tls_trunks=tls_trunk or (), tls=secured, rtpengine=rtpengine)
    if config is None:
        typer.echo(edge_configuration(planned))
        return
    for file in write_edge(planned, config):
        typer.echo(f"written: {file}")
    typer.echo(f"try it: kamailio -c -f {config}; then set outbound_proxy to {address}")


@app.command()
@_in_words
def tls(
    certificate: Annotated[Path | None, typer.Option(help="The hospital's certificate with its chain, PEM.")] = None,
    key: Annotated[Path | None, typer.Option(help="The key that belongs to it, PEM, without a password.")] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(help="A host name or address that browsers open; by default SUIFANG_PUBLIC_URL's."),
    ] = None,
) -> None:
    """Install the hospital's certificate, or make one from an internal authority when none is given."""
    settings = _quiet_settings()
    names = name or [urlsplit(settings.public_url).hostname or "localhost"]
    if (certificate is None) != (key is None):
        raise TlsError("--certificate and --key belong together: give both, or neither for an internal certificate")
    if certificate is not None and key is not None:
        files = import_certificate(settings, certificate, key, names, clock.now())
    else:
        files = make_internal_certificate(settings, names, clock.now())
    guide = files.certificate.with_name("client-guide.md")
    guide.write_text(client_guide(files, settings.public_url), encoding="utf-8")
    typer.echo(guide.read_text(encoding="utf-8"))
    typer.echo(f"SUIFANG_TLS_CERTIFICATE={files.certificate}\nSUIFANG_TLS_KEY={files.key}")
    typer.echo(f"Set these two and restart; the guide above is also in {guide}", err=True)


@app.command()
@_in_words
def backup(target: Annotated[Path | None, typer.Argument(help="The file to write.")] = None) -> None:
    """Write database, recordings and keys into one file; it is as secret as the system itself."""
    settings = _quiet_settings()
    with ensure_engines(settings) as engines:
        typer.echo(back_up(settings, engines.database_url, target, clock.now()))


@app.command()
@_in_words
def restore(
    source: Annotated[Path, typer.Argument(help="The backup's file.")],
    overwrite: Annotated[bool, typer.Option(help="Lose what the database holds now.")] = False,
    check_only: Annotated[bool, typer.Option(help="Only compare every checksum.")] = False,
) -> None:
    """Bring a backup back: checksums first, then files, then the database, all or nothing."""
    if check_only:
        manifest = verify(source)
        typer.echo(f"{source} is whole: {len(manifest.members)} members, made {manifest.created_at}")
        return
    settings = _quiet_settings()
    with ensure_engines(settings) as engines:
        manifest = restore_backup(settings, engines.database_url, source, overwrite=overwrite, now=clock.now())
    typer.echo(f"restored {len(manifest.members)} members of {manifest.created_at}")
    typer.echo(
        "Calls made after that moment are unknown to this database: look through the due tasks before `suifang up`, "
        "or patients may be called again",
        err=True,
    )


@app.command()
def demo(
    once: Annotated[bool, typer.Option(help="End after the scripted round.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write the round's report there as JSON.")] = None,
    minutes: Annotated[float, typer.Option(help="Give the round up after so long.")] = 15.0,
    port_base: Annotated[int | None, typer.Option(help="First of the ports to use.")] = None,
) -> None:
    """Play a synthetic hospital that calls a town of simulated patients, on this machine only."""
    sys.exit(loaded("suifang.demo.command").run(once=once, report_file=report, minutes=minutes, port_base=port_base))


@app.command()
@_in_words
def transcribe(
    file: Annotated[Path, typer.Argument(help="A call's recording, two channels.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    language: Annotated[str, typer.Option(help="The call's language.")] = "zh",
) -> None:
    """Transcribe one recording to turns."""
    settings = _quiet_settings()

    def load_engine() -> object:
        return loaded("transcription.engine_choice").load_transcriber(settings)

    sys.exit(
        loaded("suifang.transcribe_command").run(file, as_json=as_json, language=language, load_engine=load_engine)
    )


@users.command(name="create")
@_in_words
def create_user(
    login: Annotated[str, typer.Argument(help="What the user types to log in.")],
    name: Annotated[str, typer.Option(help="The name that others see.")],
    role: Annotated[list[Role], typer.Option(help="May be given several times.")],
    language: Annotated[list[str] | None, typer.Option(help="Spoken with patients; zh by default.")] = None,
    queue: Annotated[list[str] | None, typer.Option(help="A queue's name that the user works in.")] = None,
) -> None:
    """Add a user; the password is asked for, or read from standard input."""
    with _units_of_work() as units:
        password = user_command.read_password(sys.stdin)
        languages = tuple(language or ("zh",))
        typer.echo(
            user_command.create(
                units,
                login=login,
                display_name=name,
                password=password,
                roles=role,
                languages=languages,
                queues=tuple(queue or ()),
            )
        )


@users.command(name="password")
@_in_words
def change_password(login: Annotated[str, typer.Argument(help="Whose password.")]) -> None:
    """Give a user another password and log him out everywhere."""
    with _units_of_work() as units:
        user_command.change_password(units, login=login, password=user_command.read_password(sys.stdin))
    typer.echo(f"{login} has a new password and is logged out")


@users.command(name="disable")
@_in_words
def disable_user(login: Annotated[str, typer.Argument(help="Who.")]) -> None:
    """Lock a user out at once; what he did stays."""
    with _units_of_work() as units:
        user_command.disable(units, login=login)
    typer.echo(f"{login} is locked out")


@queues.command(name="show")
@_in_words
def show_queues() -> None:
    """Print how much waits in each queue, and how many tasks are parked."""
    with _units_of_work() as units, units() as uow:
        broker_url = ensure_engines(_quiet_settings()).broker_url
        Console().print(queues_command.as_table(queues_command.waiting(broker_url), uow.outbox.count_unpublished()))
        typer.echo(f"{uow.parked.count_open()} tasks failed for good and are parked: `suifang queues parked`")


@queues.command(name="parked")
@_in_words
def show_parked(
    state: Annotated[ParkedTaskState, typer.Option(help="Those that wait, or those that were settled.")] = (
        ParkedTaskState.PARKED
    ),
) -> None:
    """List tasks that failed for good, with why."""
    with _units_of_work() as units, units() as uow:
        Console().print(queues_command.parked_table(uow.parked.page(state=state, limit=500)))


Because = Annotated[str, typer.Option(help="What was mended, or why it need not be done; kept in the audit log.")]


@queues.command(name="replay")
@_in_words
def replay_parked(
    parked_id: Annotated[str, typer.Argument(help="From `suifang queues parked`.")], because: Because
) -> None:
    """Send a parked task once more, after its cause was mended."""
    with _units_of_work() as units:
        queues_command.settle_parked(units, parked_id, state=ParkedTaskState.REPLAYED, because=because)
    typer.echo(f"{parked_id} is sent again")


@queues.command(name="dismiss")
@_in_words
def dismiss_parked(
    parked_id: Annotated[str, typer.Argument(help="From `suifang queues parked`.")], because: Because
) -> None:
    """Let a parked task go: it need not be done."""
    with _units_of_work() as units:
        queues_command.settle_parked(units, parked_id, state=ParkedTaskState.DISMISSED, because=because)
    typer.echo(f"{parked_id} is dismissed")


Region = Annotated[str | None, typer.Option(help="A country (CN) or a part of one (GB-SCT); by default ours.")]


@calendar.command(name="show")
@_in_words
def show_calendar(
    year: Annotated[int | None, typer.Argument(help="The present year if not given.")] = None,
    region: Region = None,
) -> None:
    """Print the days that are not as their weekday says."""
    wanted = region or _quiet_settings().calendar_region
    with _units_of_work() as units:
        typer.echo(loaded("suifang.calendar_command").shown(units, wanted, year or clock.now().year))


@calendar.command(name="load")
@_in_words
def load_calendar(
    first: Annotated[int | None, typer.Option(help="First year.")] = None,
    last: Annotated[int | None, typer.Option(help="Last year.")] = None,
    region: Region = None,
) -> None:
    """Take what the installed packages know; what an administrator entered stays."""
    wanted = region or _quiet_settings().calendar_region
    with _units_of_work() as units:
        typer.echo(loaded("suifang.calendar_command").load(units, wanted, first=first, last=last))


@plans.command(name="check")
@_in_words
def check_plans() -> None:
    """Say whether every template can be used here; exit status 1 when one cannot."""
    with _units_of_work() as units:
        faults = plans_command.check(units, Content(_quiet_settings().content_dir))
    typer.echo("\n".join(faults) or "every template can be used")
    raise typer.Exit(1 if faults else 0)


@plans.command(name="queues")
@_in_words
def make_plan_queues() -> None:
    """Make the queues of content/queues.yaml that are not there yet."""
    with _units_of_work() as units:
        made = plans_command.make_queues(units, Content(_quiet_settings().content_dir))
    typer.echo(f"made: {', '.join(made)}" if made else "every queue is there")


@plans.command(name="outdated")
@_in_words
def list_outdated_plans() -> None:
    """List unfinished plans that follow an older version of their template; none changes by itself."""
    with _units_of_work() as units:
        lines = plans_command.outdated(units, Content(_quiet_settings().content_dir))
    typer.echo("\n".join(lines) or "every unfinished plan follows the newest version of its template")


@flows.command(name="check")
@_in_words
def check_flows(
    file: Annotated[
        Path | None, typer.Argument(help="A flow's YAML file; all of the content folder if not given.")
    ] = None,
) -> None:
    """Say what is wrong with the flows of automated calls; exit status 1 when something is."""
    sys.exit(flow_command.check(flow_command.FlowDesk(_quiet_settings()), file, sys.stdout))


@flows.command(name="try")
@_in_words
def try_flow(
    flow: Annotated[str, typer.Argument(help="The flow's id.")],
    language: Annotated[str, typer.Option(help="zh or en.")] = "zh",
    variable: Annotated[list[str] | None, typer.Option(help="NAME=VALUE, as appointment_at=2026-11-25T09:30.")] = None,
    slow: Annotated[bool, typer.Option(help="As for somebody who needs time.")] = False,
) -> None:
    """Have an automated call in the terminal: read what is said, type keys, see what would be written."""
    flow_command.try_out(
        flow_command.FlowDesk(_quiet_settings()),
        flow,
        language=language,
        variables=variable or [],
        slow=slow,
        keys=lambda: sys.stdin.readline() or None,
        out=sys.stdout,
    )


@app.command(name="import")
@_in_words
def import_list(
    file: Annotated[Path | None, typer.Argument(help="CSV, xls or xlsx.")] = None,
    kind: Annotated[ListKind, typer.Option(help="What each row tells.")] = ListKind.DISCHARGE,
    source: Annotated[str, typer.Option(help="Where the list comes from; its mapping is remembered by this.")] = "",
    template: Annotated[str | None, typer.Option(help="The plan that every visit gets.")] = None,
    mapping: Annotated[list[str] | None, typer.Option(help="field=header, such as phone=联系电话.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be written.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    undo: Annotated[str | None, typer.Option(help="Take back the import of this id instead.")] = None,
) -> None:
    """Bring in a list of discharges, appointments or numbers; exit status 1 when rows were parked."""
    with _units_of_work() as units:
        sys.exit(
            loaded("suifang.import_command").run(
                units,
                _quiet_settings(),
                file,
                kind,
                source=source,
                template=template,
                mapping=mapping or (),
                dry_run=dry_run,
                undo=undo,
                agreed=lambda: yes or typer.confirm("Write the rows without errors?"),
                console=Console(),
            )
        )


@app.command(name="verify")
@_in_words
def verify_recordings() -> None:
    """Read every stored recording and say which is not what was stored; exit status 1 when one is not."""
    settings = _quiet_settings()
    with ensure_engines(settings) as engines:
        sys.exit(loaded("suifang.verify_command").run(settings, engines.database_url, out=sys.stdout))


@contextmanager
def _units_of_work() -> Iterator[UnitsOfWork]:
    with ensure_engines(_quiet_settings()) as engines:
        behind = pending(engines.database_url)
        if behind is not None:
            raise WrongStartError(behind)
        engine = make_engine(engines.database_url, application="suifang-cli")
        try:
            yield UnitsOfWork(engine)
        finally:
            engine.dispose()


def _quiet_settings() -> Settings:
    settings = load_settings()
    configure_logging(settings.model_copy(update={"log_level": "WARNING"}), "suifang")
    return settings


def _say(console: Console, finding: Finding) -> None:
    console.print(f"{_MARKS[finding.verdict]} {finding.subject}: ", end="")
    console.print(finding.seen, markup=False, highlight=False)
    if finding.mend:
        console.print(f"    → {finding.mend}", markup=False, highlight=False)


def _firewall(settings: Settings) -> Table:
    table = Table(title="firewall", title_justify="left")
    for column in ("direction", "protocol", "ports", "peer", "purpose"):
        table.add_column(column)
    for row in firewall_table(settings):
        table.add_row(row.direction, row.protocol, row.ports, row.peer, row.purpose)
    return table
