"""Files and folders that only their owner may read, and sockets whose paths are short enough to be bound."""

import os
import tempfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from runtime.settings import private_folder

LONGEST_SOCKET_PATH = 107  # bytes, the kernel's limit


def write_private(path: Path, text: str) -> None:
    """Write a whole file that only its owner may read; a crash leaves the old one or the new one, never half."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(name).replace(path)


def write_private_once(path: Path, text: str) -> None:
    """The same unless there is a file already: of several who write at one time the first one's is kept, durably."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def short_enough(folder: Path, name: str) -> Path:
    """`folder`, or a folder for it under /tmp when a socket `name` inside would have too long a path.

    The caller makes it.
    """
    if len(os.fsencode(folder / name)) <= LONGEST_SOCKET_PATH:
        return folder
    return Path("/tmp") / f"suifang-{sha256(os.fsencode(folder)).hexdigest()[:16]}"  # noqa: S108 made private


def socket_path(run_dir: Path, name: str) -> Path:
    """Where to bind the Unix socket `name` of this installation; its folder exists and is private."""
    # Some servers bind a longer name first and rename it.
    folder = short_enough(run_dir, name + ".1234567")
    if folder.is_symlink() or (folder.exists() and folder.stat().st_uid != os.geteuid()):
        raise PermissionError(
            f"{folder} was put there by somebody else: remove it, sockets of this installation go there"
        )
    return private_folder(folder) / name
