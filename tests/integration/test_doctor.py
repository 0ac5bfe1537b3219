"""The doctor's words: each fault is found, named, and given its mend; a sound machine is left in peace."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from psycopg import sql
from typer.testing import CliRunner

from runtime.embedded import Engines
from runtime.settings import Settings
from suifang.cli import app
from suifang.doctor import check_broker, check_clock, check_content, check_database, check_variables
from suifang.findings import Finding, Verdict
from suifang.firewall import ephemeral_ports, firewall_table
from suifang.machine_checks import (
    check_captions,
    check_console,
    check_disk,
    check_platform,
    check_ports,
    check_sip_library,
    check_speech,
    check_state_dir,
    check_tls,
)
from suifang.tls import make_internal_certificate
from suifang.trunk_checks import check_trunks
from tests.support.engines import administer, database_named, temporary_settings
from tests.support.ports import free_udp_block

NOW = datetime(2026, 5, 4, tzinfo=UTC)
FAST = timedelta(seconds=0.6)


@pytest.fixture
def settings() -> Iterator[Settings]:
    with temporary_settings() as made:
        yield made


def changed(settings: Settings, **values: Any) -> Settings:
    return Settings.model_validate({**settings.model_dump(exclude={"public_url"}), **values})


def is_wrong(finding: Finding, *words: str) -> bool:
    assert finding.verdict is Verdict.WRONG, finding
    assert finding.mend, finding
    return all(word in f"{finding.seen} {finding.mend}" for word in words)


@contextmanager
def pbx(answer: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A program on loopback that answers one datagram, and what it was asked; `{call_id}` is filled in."""
    heard: list[bytes] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))
        line.settimeout(5)

        def answer_one() -> None:
            asked, peer = line.recvfrom(8192)
            heard.append(asked)
            call_id = next(row for row in asked.split(b"\r\n") if row.startswith(b"Call-ID"))
            line.sendto(answer.replace(b"{call_id}", call_id), peer)

        thread = threading.Thread(target=answer_one)
        thread.start()
        yield line.getsockname()[1], heard
        thread.join()


def test_a_mistyped_variable_is_named_with_the_one_that_was_meant() -> None:
    (only,) = check_variables({"SUIFANG_TRUNKHOST": "x", "SUIFANG_MODE": "trial", "HOME": "/"})
    assert is_wrong(only, "SUIFANG_TRUNKHOST", "did you mean SUIFANG_TRUNK_HOST?")
    assert [finding.verdict for finding in check_variables({"SUIFANG_MODE": "trial"})] == [Verdict.GOOD]


@pytest.mark.parametrize(
    ("system", "machine", "libc", "sound"),
    [
        ("Linux", "x86_64", ("glibc", "2.28"), True),
        ("Linux", "x86_64", ("glibc", "2.100"), True),
        ("Linux", "x86_64", ("glibc", "2.17"), False),
        ("Linux", "aarch64", ("glibc", "2.36"), False),
        ("Linux", "x86_64", ("", ""), False),
        ("Darwin", "arm64", ("", ""), False),
    ],
)
def test_only_the_platform_of_the_wheels_will_do(system: str, machine: str, libc: tuple[str, str], sound: bool) -> None:
    assert (check_platform(system, machine, libc).verdict is Verdict.GOOD) is sound


def test_a_state_folder_open_to_others_is_wrong(settings: Settings) -> None:
    assert check_state_dir(settings).verdict is Verdict.NOTE
    settings.state_dir.mkdir(mode=0o755)
    assert is_wrong(check_state_dir(settings), "open to others", f"chmod 700 {settings.state_dir}")
    settings.state_dir.chmod(0o700)
    assert check_state_dir(settings).verdict is Verdict.GOOD


def test_the_disk_of_a_folder_that_is_not_there_yet_is_its_parents(settings: Settings) -> None:
    assert str(settings.state_dir.parent) in check_disk("disk", settings.state_dir / "a" / "b").seen


def test_a_database_without_our_tables_asks_for_migrate_and_a_migrated_one_is_good(
    settings: Settings, empty_database_url: str, database_url: str
) -> None:
    missing = {finding.subject: finding for finding in check_database(settings, empty_database_url)}
    assert is_wrong(missing["migrations"], "suifang migrate")
    found = {finding.subject: finding for finding in check_database(settings, database_url)}
    assert "suifang calendar load" in found.pop("calendar").mend
    assert "back it up" in found.pop("vault key").mend
    assert {finding.verdict for finding in found.values()} == {Verdict.GOOD}


def test_a_database_that_does_not_answer_or_speaks_no_utf8_is_wrong(settings: Settings, engines: Engines) -> None:
    (only,) = check_database(settings, "postgresql+psycopg://x:y@127.0.0.1:1/z")
    assert is_wrong(only, "does not answer", "SUIFANG_DATABASE_URL")
    name = sql.Identifier("latin")
    administer(engines, sql.SQL("CREATE DATABASE {} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0").format(name))
    try:
        assert is_wrong(check_database(settings, database_named(engines, "latin"))[0], "LATIN1")
    finally:
        administer(engines, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def test_what_the_mode_forbids_is_wrong_here_too(settings: Settings, database_url: str) -> None:
    production = changed(settings, mode="production", trunk_host="127.0.0.1")
    (mode,) = [finding for finding in check_database(production, database_url) if finding.subject.startswith("mode")]
    assert is_wrong(mode, "SUIFANG_TRUNK_HOST=127.0.0.1")


def test_clocks_two_seconds_apart_are_wrong() -> None:
    assert check_clock(NOW, NOW + timedelta(seconds=2)).verdict is Verdict.GOOD
    assert is_wrong(check_clock(NOW, NOW + timedelta(seconds=2.1)), "-2.1 s", "time server")


def test_a_broker_that_forgets_is_wrong_and_an_absent_one_too(broker_url: str) -> None:
    assert check_broker(broker_url).verdict is Verdict.GOOD
    assert is_wrong(check_broker("redis://127.0.0.1:1/0"), "does not answer")
    with redis.Redis.from_url(broker_url) as broker:
        broker.config_set("maxmemory-policy", "allkeys-lru")
        try:
            assert is_wrong(check_broker(broker_url), "allkeys-lru", "noeviction")
        finally:
            broker.config_set("maxmemory-policy", "noeviction")


def test_a_fault_in_the_content_is_told_with_its_file(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "jurisdictions").mkdir()
    (tmp_path / "jurisdictions" / "cn.yaml").write_text("id: [")
    assert is_wrong(check_content(changed(settings, content_dir=tmp_path)), "jurisdictions/cn.yaml")


def test_the_speech_model_is_there_or_named_as_missing(settings: Settings) -> None:
    assert is_wrong(check_speech(changed(settings, speech_model="/nowhere/model")), "SUIFANG_SPEECH_MODEL")


def test_the_sip_library_holds_a_whole_conversation() -> None:
    finding = check_sip_library()
    assert finding.verdict is Verdict.GOOD, finding
    assert "4 calls" in finding.seen


def test_ports_in_use_are_a_note_unbindable_ones_and_the_kernels_own_are_wrong(settings: Settings) -> None:
    first = free_udp_block(82)
    mine = changed(settings, sip_port_base=first, rtp_port_base=first + 2, workers_max=2)
    assert [finding.verdict for finding in check_ports(mine)] == [Verdict.GOOD, Verdict.GOOD]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", first + 1))
        sip, _ = check_ports(mine)
        assert (sip.verdict, f"first {first + 1}" in sip.seen) == (Verdict.NOTE, True)
    assert is_wrong(check_ports(changed(mine, sip_host="203.0.113.9"))[0], "SUIFANG_SIP_HOST")
    assert is_wrong(check_ports(changed(mine, rtp_port_base=40000))[1], "SUIFANG_RTP_PORT_BASE", "ends below")


def test_a_trunk_on_this_machine_is_asked_with_options_and_any_answer_will_do(settings: Settings) -> None:
    refusal = b"SIP/2.0 405 Method Not Allowed\r\n{call_id}\r\n\r\n"
    with pbx(refusal) as (port, heard):
        finding = check_trunks(changed(settings, trunk_host="127.0.0.1", trunk_port=port), FAST)[0]
    assert (finding.verdict, "405 Method Not Allowed" in finding.seen) == (Verdict.GOOD, True)
    assert heard[0].startswith(b"OPTIONS sip:127.0.0.1:")


def test_a_silent_or_strange_trunk_is_wrong(settings: Settings) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        assert is_wrong(
            check_trunks(changed(settings, trunk_host="127.0.0.1", trunk_port=port), FAST)[0], "does not answer"
        )
    with pbx(b"who is there?\r\n{call_id}\r\n") as (port, _):
        assert is_wrong(
            check_trunks(changed(settings, trunk_host="127.0.0.1", trunk_port=port), FAST)[0], "SUIFANG_TRUNK_PORT"
        )


def test_a_trunk_elsewhere_is_never_asked(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a datagram would have left this machine")

    monkeypatch.setattr("suifang.trunk_checks.look_at", refuse)
    assert check_trunks(changed(settings, trunk_host="203.0.113.9", sip_host="203.0.113.1"))[0].verdict is Verdict.NOTE
    assert is_wrong(check_trunks(changed(settings, trunk_host="203.0.113.9"))[0], "SUIFANG_SIP_HOST")


def test_a_certificates_names_and_last_day_are_looked_at(settings: Settings) -> None:
    assert check_tls(settings, NOW).verdict is Verdict.NOTE
    assert is_wrong(check_tls(changed(settings, api_host="0.0.0.0"), NOW), "suifang tls")  # noqa: S104
    files = make_internal_certificate(settings, ["followup.hospital.lan"], NOW)
    served = changed(settings, tls_certificate=files.certificate, tls_key=files.key)
    right = changed(served, public_url="https://followup.hospital.lan")
    assert check_tls(right, NOW).verdict is Verdict.GOOD
    assert check_tls(right, NOW + timedelta(days=370)).verdict is Verdict.NOTE
    assert is_wrong(check_tls(right, NOW + timedelta(days=400)), "ended")
    assert is_wrong(check_tls(changed(served, public_url="https://other.lan"), NOW), "browsers open other.lan")


def test_the_firewall_table_names_every_port_range(settings: Settings) -> None:
    table = firewall_table(changed(settings, trunk_host="10.0.0.9", workers_max=3))
    kernel = ephemeral_ports()  # browsers' sound
    assert {row.ports for row in table} == {
        "8080",
        "15060-15062",
        "20000-20119",
        f"{kernel.start}-{kernel.stop - 1}",
    }


def test_the_command_ends_with_status_one_and_says_what_to_do(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, database_url: str, broker_url: str
) -> None:
    monkeypatch.setenv("SUIFANG_STATE_DIR", str(settings.state_dir))
    monkeypatch.setenv("SUIFANG_DATABASE_URL", database_url)
    monkeypatch.setenv("SUIFANG_BROKER_URL", broker_url)
    good = CliRunner().invoke(app, ["doctor"])
    assert (good.exit_code, "nothing wrong" in good.output) == (0, True), good.output
    monkeypatch.setenv("SUIFANG_TRUNKHOST", "10.0.0.1")
    wrong = CliRunner().invoke(app, ["doctor", "--no-firewall"])
    assert wrong.exit_code == 1
    assert "→ did you mean SUIFANG_TRUNK_HOST?" in wrong.output


def trunks_file(settings: Settings, *lines: str) -> Settings:
    file = settings.state_dir.parent / "trunks.yaml"
    file.write_text("\n".join(["trunks:", *lines]))
    return changed(settings, trunks_file=file)


def test_a_fault_in_the_trunks_file_is_told_with_its_line(settings: Settings) -> None:
    finding = check_trunks(trunks_file(settings, "  - name: a", "    hots: 127.0.0.1"))
    assert any(is_wrong(each, "trunks.yaml, line 3", "hots") for each in finding)
    assert any(is_wrong(each, "trunks.yaml, line 2", "host", "add it") for each in finding)


def test_tls_towards_the_internet_names_the_edge_until_somebody_bears_it(settings: Settings) -> None:
    (settings.state_dir.parent / "ca.pem").write_text("")
    lines = ("  - name: a", "    host: 203.0.113.9", "    transport: tls", "    ca_file: ca.pem", "    internet: true")
    bold = trunks_file(settings, *lines)
    assert any(is_wrong(each, "OpenSSL 1.0.2k", "docs/edge.md") for each in check_trunks(bold))
    borne = changed(bold, old_tls_to_internet=True)
    assert not any("1.0.2k" in each.seen for each in check_trunks(borne))


def test_keys_that_travel_in_the_clear_are_told(settings: Settings) -> None:
    found = check_trunks(trunks_file(settings, "  - name: a", "    host: 203.0.113.9", "    srtp: required"))
    assert any("travel readable" in each.seen for each in found)


def test_the_firewall_table_and_the_checks_know_the_ports_of_every_front_worker(settings: Settings) -> None:
    taking = changed(settings, trunk_host="10.0.0.9", take_calls=True, front_workers=3, workers_max=2)
    ports = [row.ports for row in firewall_table(taking)[2:]]
    assert ports == ["15057-15061", "15057-15061", "19880-20079"]
    first = free_udp_block(210) + 3
    mine = changed(taking, sip_port_base=first, rtp_port_base=first + 125)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", first - 3))
        assert f"first {first - 3}" in check_ports(mine)[0].seen


def test_the_firewall_table_has_the_rows_of_each_trunk(settings: Settings) -> None:
    table = firewall_table(
        trunks_file(
            settings,
            "  - {name: a, host: 10.0.0.9}",
            "  - {name: b, host: 10.0.0.10, transport: tcp, outbound_proxy: '10.0.0.11:5062'}",
        )
    )
    assert [(row.direction, row.protocol, row.peer.split(" ")[0]) for row in table[2:]] == [
        ("out", "UDP", "10.0.0.9:5060"),
        ("in", "UDP", "10.0.0.9"),
        ("both", "UDP", "10.0.0.9"),
        ("out", "TCP", "10.0.0.11:5062"),
        ("both", "UDP", "10.0.0.10"),
    ]


def test_captions_on_a_small_machine_are_told_with_what_to_do(settings: Settings) -> None:
    assert check_captions(settings, 1).verdict is Verdict.GOOD, "they are off"
    on = changed(settings, captions=True, captions_calls=6)
    small = check_captions(on, 2)
    assert (small.verdict, "SUIFANG_CAPTIONS=false" in small.mend) == (Verdict.NOTE, True)
    short = check_captions(on, 3)
    assert (short.verdict, "SUIFANG_CAPTIONS_CALLS" in short.mend) == (Verdict.NOTE, True)
    assert check_captions(on, 4).verdict is Verdict.GOOD


def test_a_console_that_was_not_built_is_told_with_what_to_do(settings: Settings, tmp_path: Path) -> None:
    absent = check_console(settings.model_copy(update={"console_dir": tmp_path}))
    assert absent.verdict is Verdict.NOTE
    assert "make console" in (absent.mend or "")
    (tmp_path / "index.html").write_text("<!doctype html>")
    assert check_console(settings.model_copy(update={"console_dir": tmp_path})).verdict is Verdict.GOOD
