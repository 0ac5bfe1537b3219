"""The same weights for another engine: a CTranslate2 Whisper model rewritten as an openai-whisper checkpoint.

CTranslate2 stores a flat list of named arrays (its `model_spec.py` writes it): query, key and value of self-attention
lie in one array, key and value of cross-attention in another, and a layer's parts are numbered, not named.
"""

import struct
import tempfile
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import torch

from transcription.weights import MODEL_FILE, WeightsError

Arrays = dict[str, npt.NDArray[np.generic]]

_FORMAT = 6
_TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}


def checkpoint_beside(model_folder: Path) -> Path:
    """The openai-whisper checkpoint of a CTranslate2 model folder; made on first use, safe in two processes at once."""
    checkpoint = model_folder / "openai-whisper.pt"
    if not checkpoint.is_file():
        arrays = read_arrays(model_folder / MODEL_FILE)
        with tempfile.NamedTemporaryFile(dir=model_folder, suffix=".part", delete=False) as building:
            torch.save({"dims": dimensions(arrays), "model_state_dict": state(arrays)}, building)
        Path(building.name).replace(checkpoint)
    return checkpoint


def read_arrays(model_file: Path) -> Arrays:
    """Every array of a CTranslate2 model file by its name."""
    with model_file.open("rb") as file:
        (file_format,) = struct.unpack("<I", file.read(4))
        spec = _name(file)
        if file_format != _FORMAT or spec != "WhisperSpec":
            raise WeightsError(
                f"{model_file} is a {spec} in format {file_format}; a WhisperSpec in format {_FORMAT} is needed:"
                " convert the model with ct2-transformers-converter"
            )
        _revision, count = struct.unpack("<II", file.read(8))
        return dict(_array(file) for _ in range(count))


def dimensions(arrays: Arrays) -> dict[str, int]:
    """The sizes that openai-whisper builds its network from."""
    width = arrays["decoder/embeddings/weight"].shape[1]
    return {
        "n_mels": arrays["encoder/conv1/weight"].shape[1],
        "n_audio_ctx": arrays["encoder/position_encodings/encodings"].shape[0],
        "n_audio_state": arrays["encoder/conv1/weight"].shape[0],
        "n_audio_head": int(arrays["encoder/num_heads"]),
        "n_audio_layer": _layers(arrays, "encoder"),
        "n_vocab": arrays["decoder/embeddings/weight"].shape[0],
        "n_text_ctx": arrays["decoder/position_encodings/encodings"].shape[0],
        "n_text_state": width,
        "n_text_head": int(arrays["decoder/num_heads"]),
        "n_text_layer": _layers(arrays, "decoder"),
    }


def state(arrays: Arrays) -> dict[str, torch.Tensor]:
    """openai-whisper's state dictionary."""
    renamed: Arrays = {
        "encoder.positional_embedding": arrays["encoder/position_encodings/encodings"],
        "decoder.positional_embedding": arrays["decoder/position_encodings/encodings"],
        "decoder.token_embedding.weight": arrays["decoder/embeddings/weight"],
        **_norm(arrays, "encoder/layer_norm", "encoder.ln_post"),
        **_norm(arrays, "decoder/layer_norm", "decoder.ln"),
    }
    for convolution in ("conv1", "conv2"):
        renamed |= _linear(arrays, f"encoder/{convolution}", f"encoder.{convolution}")
    for side in ("encoder", "decoder"):
        for number in range(_layers(arrays, side)):
            renamed |= _layer(arrays, f"{side}/layer_{number}", f"{side}.blocks.{number}")
    for name, array in renamed.items():
        if array.dtype not in (np.float16, np.float32):
            raise WeightsError(f"the array {name} holds {array.dtype}; openai-whisper needs float16 or float32 weights")
    return {name: torch.from_numpy(array.copy()) for name, array in renamed.items()}


def _layer(arrays: Arrays, source: str, target: str) -> Arrays:
    renamed = _self_attention(arrays, f"{source}/self_attention", f"{target}.attn")
    renamed |= _norm(arrays, f"{source}/self_attention/layer_norm", f"{target}.attn_ln")
    if f"{source}/attention/linear_0/weight" in arrays:
        renamed |= _cross_attention(arrays, f"{source}/attention", f"{target}.cross_attn")
        renamed |= _norm(arrays, f"{source}/attention/layer_norm", f"{target}.cross_attn_ln")
    renamed |= _linear(arrays, f"{source}/ffn/linear_0", f"{target}.mlp.0")
    renamed |= _linear(arrays, f"{source}/ffn/linear_1", f"{target}.mlp.2")
    return renamed | _norm(arrays, f"{source}/ffn/layer_norm", f"{target}.mlp_ln")


def _self_attention(arrays: Arrays, source: str, target: str) -> Arrays:
    query, key, value = np.split(arrays[f"{source}/linear_0/weight"], 3)
    query_bias, key_bias, value_bias = np.split(arrays[f"{source}/linear_0/bias"], 3)
    _expect_no_bias(key_bias, source)
    return {
        f"{target}.query.weight": query,
        f"{target}.query.bias": query_bias,
        f"{target}.key.weight": key,
        f"{target}.value.weight": value,
        f"{target}.value.bias": value_bias,
        **_linear(arrays, f"{source}/linear_1", f"{target}.out"),
    }


def _cross_attention(arrays: Arrays, source: str, target: str) -> Arrays:
    key, value = np.split(arrays[f"{source}/linear_1/weight"], 2)
    key_bias, value_bias = np.split(arrays[f"{source}/linear_1/bias"], 2)
    _expect_no_bias(key_bias, source)
    return {
        **_linear(arrays, f"{source}/linear_0", f"{target}.query"),
        f"{target}.key.weight": key,
        f"{target}.value.weight": value,
        f"{target}.value.bias": value_bias,
        **_linear(arrays, f"{source}/linear_2", f"{target}.out"),
    }


def _linear(arrays: Arrays, source: str, target: str) -> Arrays:
    return {f"{target}.weight": arrays[f"{source}/weight"], f"{target}.bias": arrays[f"{source}/bias"]}


def _norm(arrays: Arrays, source: str, target: str) -> Arrays:
    return {f"{target}.weight": arrays[f"{source}/gamma"], f"{target}.bias": arrays[f"{source}/beta"]}


def _expect_no_bias(bias: npt.NDArray[np.generic], where: str) -> None:
    """Whisper's keys have no bias; one that is not zero would be lost in the checkpoint."""
    if np.any(bias):
        raise WeightsError(f"the keys of {where} have a bias, which a Whisper checkpoint cannot hold")


def _layers(arrays: Arrays, side: str) -> int:
    return len({name.split("/")[1] for name in arrays if name.startswith(f"{side}/layer_") and name.count("/") > 2})


def _name(file: BinaryIO) -> str:
    (length,) = struct.unpack("<H", file.read(2))
    return file.read(length).rstrip(b"\0").decode()


def _array(file: BinaryIO) -> tuple[str, npt.NDArray[np.generic]]:
    name = _name(file)
    (rank,) = struct.unpack("<B", file.read(1))
    shape = struct.unpack(f"<{rank}I", file.read(4 * rank))
    kind, size = struct.unpack("<BI", file.read(5))
    if kind not in _TYPES:
        raise WeightsError(f"the array {name} has the unknown number format {kind}")
    return name, np.frombuffer(file.read(size), dtype=_TYPES[kind]).reshape(shape)
