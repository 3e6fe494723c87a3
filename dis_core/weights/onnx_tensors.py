"""ONNX files read as tables of tensors: weights by name, in the order in which the network uses them. Nothing is run.

An ONNX file is one message of protocol buffers: a model holds a graph, and a graph holds nodes (what is computed, in an
order in which it can be) and initializers (the weights). Of the nodes only the names of their inputs are read. Graphs
inside of nodes are never entered, so nothing is nested deeper than four messages, whatever a file says.

Source: the numbers of the fields are those of onnx.proto (ONNX 1.16, IR version 10).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from dis_core.errors import WeightsCorrupt
from dis_core.weights import protobuf
from dis_core.weights.protobuf import BYTES, FIXED_32, FIXED_64, VARINT, DamagedMessage, Field, MessageFile

if TYPE_CHECKING:
    import torch

MOST_FIELDS: Final = 2_000_000
"""Of all that is read of a file, names of nodes' inputs among them; a large network has some ten thousand."""

MOST_DIMENSIONS: Final = 8
LONGEST_TEXT: Final = 4096
"""In bytes, of names and of what is said about data in other files."""

MOST_TENSOR_BYTES: Final = 4 << 30
"""Of all tensors together. It is data in other files that could be more than the file itself is long."""

DTYPES: Final = {
    1: "float32",
    2: "uint8",
    3: "int8",
    4: "uint16",
    5: "int16",
    6: "int32",
    7: "int64",
    9: "bool",
    10: "float16",
    11: "float64",
    16: "bfloat16",
}
"""Torch's names for ONNX's numbers."""

BITS_IN_INT32: Final = {"float16": np.uint16, "bfloat16": np.uint16}
"""Types whose bits lie in the list of whole numbers, one number for each value."""


@dataclass
class _Tensor:
    """What a file says about a tensor; `pieces` is where its values lie: the number of the field, start and end."""

    name: str = ""
    shape: tuple[int, ...] = ()
    data_type: int = 0
    pieces: list[Field] = field(default_factory=list)
    is_external: bool = False
    external: dict[str, str] = field(default_factory=dict)


def is_onnx(path: Path) -> bool:
    """Whether a file is called, or begins, as ONNX files do: with the version of the format and a text or a graph."""
    with path.open("rb") as file:
        start = file.read(3)
    begins_so = len(start) == 3 and start[0] == 0x08 and 0 < start[1] < 0x80 and start[2] in (0x12, 0x1A, 0x3A, 0x42)
    return begins_so or path.suffix.lower() == ".onnx"


def read_onnx(path: Path) -> dict[str, torch.Tensor]:
    """The weights of an ONNX file by name: first those that its nodes use, in that order, then the rest.

    Values that lie in another file are read only from the same folder or one below it.

    Raises WeightsCorrupt if the file is damaged, beyond a limit, no ONNX file, or has values of an unusual type.
    """
    try:
        with path.open("rb") as file:
            return _read_model(MessageFile(file, most_fields=MOST_FIELDS), path)
    except DamagedMessage as error:
        raise WeightsCorrupt(
            f"{path.name} cannot be read as an ONNX file: {error}", hint="download it again, or take another file"
        ) from error


def _read_model(file: MessageFile, path: Path) -> dict[str, torch.Tensor]:
    size_bytes = path.stat().st_size
    graphs = [part for part in file.fields(0, size_bytes) if part.number == 7 and part.wire_type == BYTES]
    if len(graphs) != 1:
        raise DamagedMessage(f"it holds {len(graphs) or 'no'} graph{'s' if graphs else ''}, and should hold one")
    used, tensors = _read_graph(file, graphs[0])
    if not tensors:
        raise DamagedMessage("it holds no tensors")
    in_order = [name for name in used if name in tensors] + [name for name in tensors if name not in used]
    found: dict[str, torch.Tensor] = {}
    total_bytes = 0
    for name in in_order:
        found[name] = _values(file, tensors[name], path, room_bytes=MOST_TENSOR_BYTES - total_bytes)
        total_bytes += found[name].nbytes
    return found


def _read_graph(file: MessageFile, graph: Field) -> tuple[dict[str, None], dict[str, _Tensor]]:
    """The names that nodes take as inputs, in that order, and what is said of each tensor, by name."""
    used: dict[str, None] = {}
    tensors: dict[str, _Tensor] = {}
    for part in file.fields(graph.start, graph.end):
        if part.number == 1 and part.wire_type == BYTES:  # a node
            used |= dict.fromkeys(_inputs(file, part))
        elif part.number == 5 and part.wire_type == BYTES:  # an initializer
            tensor = _read_tensor(file, part)
            if tensor.name in tensors:
                raise DamagedMessage(f"two of its tensors are called {tensor.name!r}")
            tensors[tensor.name] = tensor
    return used, tensors


def _inputs(file: MessageFile, node: Field) -> Iterator[str]:
    for part in file.fields(node.start, node.end):
        if part.number == 1 and part.wire_type == BYTES:
            yield _text(file, part)


def _read_tensor(file: MessageFile, whole: Field) -> _Tensor:
    """What is said about a tensor; its values stay in the file."""
    tensor = _Tensor()
    shape: list[int] = []
    for part in file.fields(whole.start, whole.end):
        if part.number == 1:
            shape += _dimensions(file, part)
            if len(shape) > MOST_DIMENSIONS:
                raise DamagedMessage(f"a tensor has more than {MOST_DIMENSIONS} dimensions")
        elif part.number == 2:
            tensor.data_type = part.value
        elif part.number == 3:
            raise DamagedMessage("a tensor is stored in segments, which are not read here")
        elif part.number in _LISTS or part.number == 9:
            tensor.pieces.append(part)
        elif part.number == 8 and part.wire_type == BYTES:
            tensor.name = _text(file, part)
        elif part.number == 13 and part.wire_type == BYTES:
            tensor.external |= _entry(file, part)
        elif part.number == 14:
            tensor.is_external = part.value == 1
    tensor.shape = tuple(shape)
    if any(length < 0 for length in tensor.shape):
        raise DamagedMessage(f"{tensor.name!r} has the shape {tensor.shape}")
    return tensor


def _dimensions(file: MessageFile, part: Field) -> list[int]:
    if part.wire_type == VARINT:
        return [protobuf.signed(part.value)]
    if part.wire_type != BYTES or part.end - part.start > MOST_DIMENSIONS * protobuf.LONGEST_VARINT:
        raise DamagedMessage("the shape of a tensor cannot be read")
    return [int(length) for length in protobuf.packed_varints(file.bytes(part.start, part.end))]


def _entry(file: MessageFile, whole: Field) -> dict[str, str]:
    """One pair of key and value, of what is said about data in another file."""
    key = value = ""
    for part in file.fields(whole.start, whole.end):
        if part.number == 1:
            key = _text(file, part)
        elif part.number == 2:
            value = _text(file, part)
    return {key: value}


def _text(file: MessageFile, part: Field) -> str:
    if part.end - part.start > LONGEST_TEXT:
        raise DamagedMessage(f"a name of {part.end - part.start} bytes")
    try:
        return file.bytes(part.start, part.end).decode("utf-8")
    except UnicodeDecodeError as error:
        raise DamagedMessage("a name is not text") from error


_LISTS: Final = {4: "float32", 5: "int32", 7: "int64", 10: "float64"}
"""Fields that can hold the values of a tensor, and the type of the values there; 9 is the raw bytes.

The 11th, for unsigned numbers of 32 and 64 bits, and the 6th, for texts, hold no weights.
"""


def _values(file: MessageFile, tensor: _Tensor, path: Path, *, room_bytes: int) -> torch.Tensor:
    """A tensor with its values, in memory of its own."""
    import torch

    name = DTYPES.get(tensor.data_type)
    if name is None:
        raise DamagedMessage(
            f"{tensor.name!r} holds values of a type that is not read here (number {tensor.data_type})"
        )
    dtype: torch.dtype = getattr(torch, name)
    needed = math.prod(tensor.shape) * dtype.itemsize
    # The other lengths of an empty tensor count too: their product must have a place in 64 bits.
    if max(needed, math.prod(length or 1 for length in tensor.shape)) > room_bytes:
        raise DamagedMessage(f"its tensors need more than {MOST_TENSOR_BYTES >> 30} GB")
    raw = _external(tensor, path, needed) if tensor.is_external else _inline(file, tensor, name, needed)
    if len(raw) != needed:
        raise DamagedMessage(f"{tensor.name!r} has {len(raw)} bytes, and its shape {tensor.shape} needs {needed}")
    if not needed:
        return torch.empty(tensor.shape, dtype=dtype)
    if dtype == torch.bool and raw.translate(None, b"\0\1"):
        raise DamagedMessage(f"{tensor.name!r} holds truth values other than 0 and 1")
    return torch.frombuffer(bytearray(raw), dtype=dtype).reshape(tensor.shape)


def _inline(file: MessageFile, tensor: _Tensor, dtype: str, needed: int) -> bytes:
    """The bytes of values that lie in the file itself, little-endian and one after the other."""
    written = sum(piece.end - piece.start for piece in tensor.pieces)
    if written > protobuf.LONGEST_VARINT * needed:  # no list of so many values is longer, so it is not read at all
        raise DamagedMessage(f"{tensor.name!r} has {written} bytes, and its shape {tensor.shape} needs {needed}")
    numbers = {piece.number for piece in tensor.pieces}
    if len(numbers) > 1:
        raise DamagedMessage(f"{tensor.name!r} has its values in two places")
    if numbers == {9}:
        piece = tensor.pieces[-1]
        return file.bytes(piece.start, piece.end)
    return b"".join(_listed(file, piece, dtype) for piece in tensor.pieces)


def _listed(file: MessageFile, piece: Field, dtype: str) -> bytes:
    """The bytes of values that are written as a list, or of one of them."""
    listed_as = _LISTS[piece.number]
    if listed_as in ("float32", "float64"):
        if dtype != listed_as:
            raise DamagedMessage(f"values of the type {dtype} are listed as {listed_as}")
        if piece.wire_type in (FIXED_32, FIXED_64):
            return piece.value.to_bytes(piece.end - piece.start, "little")
        return file.bytes(piece.start, piece.end)
    if dtype in ("float32", "float64"):
        raise DamagedMessage(f"values of the type {dtype} are listed as whole numbers")
    if piece.wire_type == VARINT:
        values = np.array([protobuf.signed(piece.value)], np.int64)
    else:
        values = protobuf.packed_varints(file.bytes(piece.start, piece.end))
    target = np.dtype(BITS_IN_INT32.get(dtype, dtype))
    narrow = values.astype(target)
    if (narrow.astype(np.int64) != values).any():
        raise DamagedMessage(f"a value does not fit into the type {dtype}")
    return narrow.astype(target.newbyteorder("<")).tobytes()


def _external(tensor: _Tensor, path: Path, needed: int) -> bytes:
    """The bytes of values that lie in another file of the same folder."""
    location = tensor.external.get("location", "")
    try:
        folder = path.parent.resolve()
        beside = (folder / location).resolve()
    except (OSError, ValueError, RuntimeError) as error:  # characters that no file name has, or links that form a loop
        raise DamagedMessage(f"the values of {tensor.name!r} have no valid path: {location!r}") from error
    if not location or Path(location).is_absolute() or not beside.is_relative_to(folder):
        raise DamagedMessage(f"the values of {tensor.name!r} lie outside of its folder: {location!r}")
    if not beside.is_file():
        raise DamagedMessage(f"the values of {tensor.name!r} lie in {location!r}, and there is no such file beside it")
    offset = _number(tensor.external.get("offset", "0"))
    if _number(tensor.external.get("length", str(needed))) != needed:
        raise DamagedMessage(f"{tensor.name!r} has {tensor.external['length']} bytes in {location!r}, not {needed}")
    if offset + needed > beside.stat().st_size:
        raise DamagedMessage(f"{location!r} beside it is too short for {tensor.name!r}")
    with beside.open("rb") as file:
        return MessageFile(file, most_fields=0).bytes(offset, offset + needed)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise DamagedMessage(f"{text[:20]!r} is given as a number of bytes")
    return int(text)


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """The weights with a fraction of an ONNX file, in the order of `read_onnx`, without its whole numbers.

    Those are shapes and indices of the graph, unless the network is quantized.

    Raises WeightsCorrupt as `read_onnx` does, and if the network is quantized.
    """
    import torch

    tensors = read_onnx(path)
    for name, tensor in tensors.items():
        if tensor.dtype in (torch.int8, torch.uint8) and tensor.ndim > 1:
            raise WeightsCorrupt(
                f"{path.name} is quantized: {name!r} holds weights that are rounded to 8 bits",
                hint="take the file of the same network with weights in float32 or float16",
            )
    return {name: tensor for name, tensor in tensors.items() if tensor.is_floating_point()}
