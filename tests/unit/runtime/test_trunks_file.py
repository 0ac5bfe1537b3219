"""The trunks file: what it gives, and each fault in it with its line, its field and the mend."""

from pathlib import Path

import pytest

from runtime.settings import Settings, SettingsError
from runtime.trunks_file import (
    Purpose,
    TrunksFileError,
    declared_trunks,
    read_trunks_file,
    refused_tls,
    stays_on_this_machine,
    trunk_entries,
)


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "trunks.yaml"
    file.write_text(text)
    file.chmod(mode)
    return file


def test_a_full_entry_is_read_with_its_secrets_from_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("x")
    (tmp_path / "secret").write_text("Kranich7\n")
    (tmp_path / "secret").chmod(0o600)
    (tmp_path / "home.txt").write_text("# the town's\n1390101\n1390102  # more\n")
    file = written(
        tmp_path,
        """
trunks:
  - name: carrier-a
    host: 10.20.0.5
    transport: tls
    ca_file: ca.pem
    srtp: off
    channels: 30
    username: ward7
    password_file: secret
    register: true
    caller_ids:
      default: 01055550000
      queues: {心内科随访: "01055550001"}
    dial_rules:
      format: national
      outside_line: 9
      out_of_town_prefix: "0"
      home_mobile_ranges_file: home.txt
    purposes: [patients, transfers]
  - name: pbx
    host: 127.0.0.1
    username: u
    password_env: PBX_PASSWORD
    purposes: [headsets]
""",
        mode=0o644,
    )
    carrier, pbx = read_trunks_file(file, {"PBX_PASSWORD": "Storch8"})
    assert (carrier.signalling_port, carrier.srtp, carrier.channels) == (5061, "off", 30)
    assert carrier.password.get_secret_value() == "Kranich7"
    assert "Kranich7" not in repr(carrier)
    assert carrier.dial_rules.home_mobile_ranges == ("1390101", "1390102")
    assert carrier.dial_rules.outside_line == "9"
    assert carrier.caller_ids.queues == {"心内科随访": "01055550001"}
    assert carrier.register_number
    assert pbx.password.get_secret_value() == "Storch8"
    assert (pbx.signalling_port, pbx.purposes) == (5060, (Purpose.HEADSETS,))


@pytest.mark.parametrize("number", ["02055550000", "+861055550000", "95533", "0", "00"])
def test_a_number_without_quotation_marks_is_what_was_written(tmp_path: Path, number: str) -> None:
    text = f"trunks:\n  - name: a\n    host: 127.0.0.1\n    caller_ids: {{default: {number}}}\n"
    assert read_trunks_file(written(tmp_path, text))[0].caller_ids.default == number


ENTRY = "trunks:\n  - name: a\n    host: 10.0.0.5\n"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, ["the file"]),
        ("trunks: []\n", 1, ["trunks"]),
        ("trunks:\n  - name: a\n", 2, ["host", "add it"]),
        (ENTRY + "    hots: x\n", 4, ["hots", "no such field"]),
        (ENTRY + "    port: 70000\n", 4, ["port"]),
        (ENTRY + "    transport: sctp\n", 4, ["transport", "udp"]),
        (ENTRY + "    codecs: [PCMA, G729]\n", 4, ["codecs.2"]),
        (ENTRY + "    transport: tls\n", 2, ["ca_file"]),
        (ENTRY + "    failover_statuses: [503, 408]\n", 2, ["408", "may have rung"]),
        (ENTRY + "    session_timer_seconds: 60\n", 2, ["at least 90"]),
        (ENTRY + "    tel_uri: true\n    dial_rules: {format: national}\n", 2, ["e164"]),
        (ENTRY + "    register: true\n", 2, ["username"]),
        (ENTRY + "    dial_rules:\n      outside_line: 9\n", 4, ["dial_rules", "national"]),
        (ENTRY + "    dial_rules: {format: national, out_of_town_prefix: '0'}\n", 4, ["home_mobile_ranges"]),
        (ENTRY + "    loopback_only: true\n", 2, ["127"]),
        (ENTRY + "    purposes: [patients]\n", 1, ["headsets", "give it to one"]),
        (ENTRY + "  - name: a\n    host: 10.0.0.6\n", 1, ["share the name a"]),
        (ENTRY + "    password: x\n    password_env: Y\n", 2, ["once"]),
        (ENTRY + "    password_env: NOT_THERE\n", 2, ["NOT_THERE", "set it"]),
        (ENTRY + "    password_file: nowhere\n", 2, ["nowhere", "chmod 600"]),
        ("trunks:\n  - name: a\n    host: sip.example\n    transport: tls\n    ca_file: x\n", 2, ["internet: true"]),
    ],
)
def test_every_fault_is_told_with_its_line_and_the_mend(tmp_path: Path, text: str, line: int, words: list[str]) -> None:
    with pytest.raises(TrunksFileError) as raised:
        read_trunks_file(written(tmp_path, text), {})
    said = str(raised.value)
    assert f"trunks.yaml, line {line}: " in said
    assert all(word in said for word in words), said


def test_several_faults_are_told_at_once_and_no_secret_with_them(tmp_path: Path) -> None:
    file = written(tmp_path, ENTRY + "    password: Kranich7\n    port: x\n    hots: y\n")
    with pytest.raises(TrunksFileError) as raised:
        read_trunks_file(file)
    assert len(str(raised.value).splitlines()) == 2
    assert "Kranich7" not in str(raised.value)


def test_a_password_in_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrunksFileError, match="chmod 600"):
        read_trunks_file(written(tmp_path, ENTRY + "    password: Kranich7\n", mode=0o640))
    assert read_trunks_file(written(tmp_path, ENTRY + "    password: Kranich7\n"))[0].password
    (tmp_path / "secret").write_text("Kranich7")
    (tmp_path / "secret").chmod(0o644)
    with pytest.raises(TrunksFileError, match="others may read"):
        read_trunks_file(written(tmp_path, ENTRY + "    password_file: secret\n"))


def test_what_is_no_yaml_or_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(TrunksFileError, match="not YAML"):
        read_trunks_file(written(tmp_path, "trunks: ["))
    with pytest.raises(TrunksFileError, match="SUIFANG_TRUNKS_FILE"):
        read_trunks_file(tmp_path / "nowhere.yaml")


def test_the_variables_are_the_short_form_of_one_trunk() -> None:
    (entry,) = trunk_entries(
        Settings(trunk_host="10.0.0.5", trunk_caller_id="+861055550000", outbound_proxy="sip:127.0.0.1:5062;lr")
    )
    assert (entry.name, entry.signalling_port, entry.outbound_proxy) == ("trunk", 5060, "127.0.0.1:5062")
    assert entry.caller_ids.default == "+861055550000"
    assert trunk_entries(Settings()) == ()


def test_both_forms_at_once_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="SUIFANG_TRUNKS_FILE and SUIFANG_TRUNK_HOST"):
        Settings(trunks_file=written(tmp_path, ENTRY), trunk_host="10.0.0.5")


@pytest.mark.parametrize(
    ("lines", "refused"),
    [
        ("    host: 203.0.113.9\n    internet: true\n", True),
        ("    host: 8.8.8.8\n", True),  # an address of the internet says so by itself
        ("    host: 8.8.8.8\n    internet: false\n", False),
        ("    host: 10.0.0.5\n", False),
        ("    host: sip.example\n    internet: true\n", True),
    ],
)
def test_tls_to_the_internet_is_refused_by_name(tmp_path: Path, lines: str, refused: bool) -> None:
    text = "trunks:\n  - name: a\n    transport: tls\n    ca_file: ca.pem\n" + lines
    found = refused_tls(declared_trunks(Settings(trunks_file=written(tmp_path, text))))
    assert len(found) == refused
    assert all("docs/edge.md" in each and "SUIFANG_OLD_TLS_TO_INTERNET" in each for each in found)


def test_whether_calls_stay_on_this_machine_is_asked_of_every_trunk_for_patients(tmp_path: Path) -> None:
    def stays(text: str) -> bool:
        return stays_on_this_machine(declared_trunks(Settings(trunks_file=written(tmp_path, text))))

    both = "trunks:\n  - {name: a, host: 127.0.0.1}\n  - {name: b, host: %s, purposes: [%s]}\n"
    assert stays(both % ("127.0.0.2", "patients"))
    assert not stays(both % ("10.0.0.5", "patients"))
    assert stays(both % ("10.0.0.5", "headsets"))
    assert stays_on_this_machine(())


def test_a_fault_stops_every_process_and_not_the_first_call(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        declared_trunks(Settings(trunks_file=written(tmp_path, "trunks: 7\n")))
