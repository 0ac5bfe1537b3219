"""The command `suifang`: what an administrator types."""

import os
import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.table import Table

from db.migrate import upgrade
from runtime import clock
from runtime.embedded import ensure_engines
from runtime.settings import Settings, load_settings
from suifang import all_in_one
from suifang.backup import back_up, verify
from suifang.backup import restore as restore_backup
from suifang.commands import calendar, feed, flows, index, lists, plans, queues, recordings, users, vault
from suifang.commands.frame import in_words, quiet_settings, units_of_work
from suifang.doctor import examine
from suifang.edge_command import edge_of, write_edge
from suifang.findings import Finding, Verdict
from suifang.firewall import firewall_table
from suifang.process_entry import loaded, run_process
from suifang.tls import TlsError, client_guide, import_certificate, make_internal_certificate
from telephony.edge.configuration import EdgeTls, edge_configuration

_MARKS = {Verdict.GOOD: "[green]✓[/green]", Verdict.NOTE: "[yellow]·[/yellow]", Verdict.WRONG: "[red]✗[/red]"}

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
for _name, _group in {
    "user": users.app,
    "queues": queues.app,
    "flow": flows.app,
    "calendar": calendar.app,
    "plans": plans.app,
    "feed": feed.app,
    "recordings": recordings.app,
    "vault": vault.app,
}.items():
    app.add_typer(_group, name=_name)
app.command(name="import")(lists.import_list)
app.command(name="index")(index.index_turns)


def main() -> None:
    """The entry point of the installed command."""
    app()


@app.command()
@in_words
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
def feeds() -> None:
    """Hear the hospital's systems (HL7 over MLLP) and apply what they say."""
    run_process("feeds")


@app.command()
def captions() -> None:
    """Write what is being said in this machine's calls while it is said (SUIFANG_CAPTIONS)."""
    run_process("captions")


@app.command()
@in_words
def migrate() -> None:
    """Bring the database to this version's tables; harmless when it is there."""
    settings = quiet_settings()
    with ensure_engines(settings) as engines:
        upgrade(engines.database_url)
        loaded("suifang.calendar_command").ensure_loaded(engines.database_url, settings.calendar_region)
    typer.echo("the database is at this version")


@app.command()
@in_words
def doctor(
    firewall: Annotated[bool, typer.Option(help="Also print the ports that a firewall has to let pass.")] = True,
) -> None:
    """Say in words what is missing or wrong and how to mend it; exit status 1 when something is wrong."""
    settings = quiet_settings()
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
@in_words
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
    planned = edge_of(quiet_settings(), address=address, tls_trunks=tls_trunk or (), tls=secured, rtpengine=rtpengine)
    if config is None:
        typer.echo(edge_configuration(planned))
        return
    for file in write_edge(planned, config):
        typer.echo(f"written: {file}")
    typer.echo(f"try it: kamailio -c -f {config}; then set outbound_proxy to {address}")


@app.command()
@in_words
def tls(
    certificate: Annotated[Path | None, typer.Option(help="The hospital's certificate with its chain, PEM.")] = None,
    key: Annotated[Path | None, typer.Option(help="The key that belongs to it, PEM, without a password.")] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(help="A host name or address that browsers open; by default SUIFANG_PUBLIC_URL's."),
    ] = None,
) -> None:
    """Install the hospital's certificate, or make one from an internal authority when none is given."""
    settings = quiet_settings()
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
@in_words
def backup(target: Annotated[Path | None, typer.Argument(help="The file to write.")] = None) -> None:
    """Write database and recordings into one file, the keys into another; whoever has both has everything."""
    settings = quiet_settings()
    with ensure_engines(settings) as engines:
        made = back_up(settings, engines.database_url, target, clock.now())
    typer.echo(made.data)
    typer.echo(made.keys)
    typer.echo(
        "Keep the two apart: without the second nobody can open the recordings in the first, and with a copy of both "
        "everybody can. What is written of patients can be read in the first alone, so it is secret too.",
        err=True,
    )
    if made.bucket:
        typer.echo(
            f"The recordings lie in {made.bucket} and are not in the file: keep versions or a copy of that bucket",
            err=True,
        )


@app.command()
@in_words
def restore(
    source: Annotated[Path, typer.Argument(help="The backup's file.")],
    overwrite: Annotated[bool, typer.Option(help="Lose what the database holds now.")] = False,
    check_only: Annotated[bool, typer.Option(help="Only compare every checksum.")] = False,
    keys: Annotated[Path | None, typer.Option(help="The file of keys; by default the one beside the backup.")] = None,
) -> None:
    """Bring a backup back: checksums first, then files, then the database, all or nothing."""
    if check_only:
        manifest = verify(source)
        typer.echo(f"{source} is whole: {len(manifest.members)} members, made {manifest.created_at}")
        return
    settings = quiet_settings()
    with ensure_engines(settings) as engines:
        manifest = restore_backup(
            settings, engines.database_url, source, overwrite=overwrite, now=clock.now(), keys=keys
        )
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
@in_words
def transcribe(
    file: Annotated[
        Path, typer.Argument(help="A call's recording, two channels; with --evaluate a folder, with --again an id.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: one array.")] = False,
    language: Annotated[str, typer.Option(help="The call's language: zh, en or auto.")] = "zh",
    evaluate: Annotated[
        bool, typer.Option("--evaluate", help="Score a folder's samples with every model at hand.")
    ] = False,
    model: Annotated[
        list[str] | None, typer.Option(help="With --evaluate: only this model (may be given more than once).")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Have the worker write down a stored recording anew; FILE is its id.")
    ] = False,
) -> None:
    """Transcribe one recording to turns, or say how well each model hears a hospital's own samples."""
    settings = quiet_settings()
    if again:
        with units_of_work() as units:
            sys.exit(loaded("suifang.transcribe_again").run(units, str(file), out=sys.stdout, errors=sys.stderr))
    if evaluate:
        command = loaded("suifang.evaluate_command")
        sys.exit(command.run(file, settings, models=model or (), as_json=as_json, language=language))

    def load_engine() -> object:
        return loaded("transcription.engine_choice").load_transcriber(settings)

    sys.exit(
        loaded("suifang.transcribe_command").run(file, as_json=as_json, language=language, load_engine=load_engine)
    )


@app.command(name="verify")
@in_words
def verify_recordings(
    manifest: Annotated[
        Path | None, typer.Option(help="Check the signed manifest in this folder instead, off-line.")
    ] = None,
    key: Annotated[str | None, typer.Option(help="The fingerprint that its signing key must have.")] = None,
    audit: Annotated[bool, typer.Option("--audit", help="Check the audit log's chain instead.")] = False,
) -> None:
    """Open every stored recording and read the ledger, or check a manifest; exit status 1 when one has a fault."""
    if manifest is not None:
        sys.exit(loaded("suifang.vault_command").check(manifest, key, out=sys.stdout))
    settings = quiet_settings()
    with ensure_engines(settings) as engines:
        command = loaded("suifang.verify_command")
        sys.exit((command.run_audit if audit else command.run)(settings, engines.database_url, out=sys.stdout))


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
