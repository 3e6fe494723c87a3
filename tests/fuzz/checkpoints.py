"""Checkpoints: torch's archives, older pickles, safetensors. Each gives dense tensors or a DisError; no code is run."""

from __future__ import annotations

import io
import json
import os
import pickle
import random
import sys
import tempfile
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import save
from torch import nn

from dis_core.weights.checkpoint import convert, read_checkpoint
from tests.fuzz.kind import Kind

_RUNS_CODE: Final = {
    *("os.system", "os.exec", "os.posix_spawn", "os.fork", "os.mkdir", "os.rename", "os.putenv"),
    *("subprocess.Popen", "shutil.rmtree", "socket.connect", "pickle.find_class"),
}
"""Audit events of what hostile pickles do, and none that reading a checkpoint needs."""

_heard: list[str] = []
_watch: dict[str, Any] = {"installed": False, "now": False}


class _Calls:
    """What is called, with these arguments, by who unpickles it carelessly."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self._call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self._call


def _saved(state: object, *, zipped: bool = True) -> bytes:
    buffer = io.BytesIO()
    torch.save(state, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


def _seeds() -> list[bytes]:
    states = [*_honest(), *_odd()]
    zipped = [_saved(state) for state in (*states, *_hostile())]
    older = [_saved(state, zipped=False) for state in states[:4]]
    plain = [pickle.dumps({"a": call}, protocol) for protocol in (0, 2, 5) for call in _hostile()[:2]]
    deep = [b"\x80\x02" + b"]" * depth + b"a" * (depth - 1) + b"." for depth in (900, 100_000)]
    return [*zipped, _with_a_program(zipped[0]), *older, *plain, *deep, *_safetensors()]


def _with_a_program(archive: bytes) -> bytes:
    """An archive that says of itself that it is TorchScript."""
    buffer = io.BytesIO(archive)
    with zipfile.ZipFile(buffer, "a") as file:
        folder = file.namelist()[0].partition("/")[0]
        file.writestr(f"{folder}/constants.pkl", pickle.dumps(()))
        file.writestr(f"{folder}/code/__torch__.py", "def forward(self): pass\n")
    return buffer.getvalue()


def _honest() -> Iterator[object]:
    linear = nn.Linear(4, 3)
    yield {"encoder.weight": torch.arange(12.0).reshape(3, 4), "encoder.bias": torch.ones(3), "steps": torch.tensor(7)}
    yield {"state_dict": OrderedDict(linear.state_dict()), "epoch": 3, "lr": 0.1, "name": "é", "best": None}
    yield {"model": {f"module.{key}": nn.Parameter(value) for key, value in linear.state_dict().items()}}
    kinds = (torch.float16, torch.bfloat16, torch.float64, torch.int8, torch.int64, torch.bool, torch.uint8)
    yield {str(kind): torch.ones(2, 3, dtype=kind) for kind in kinds}
    yield {"a": torch.zeros(0), "b": torch.zeros(3, 0, 2), "c": torch.tensor(1.5)}


def _odd() -> Iterator[object]:
    whole = torch.arange(24.0).reshape(4, 6)
    yield {"tied": whole, "again": whole, "turned": whole.t(), "part": whole[1:3, 2:4], "wide": whole[:1].expand(9, 6)}
    yield {"sparse": torch.eye(3).to_sparse()}
    yield {"complex": torch.ones(2, dtype=torch.complex64), "conj": torch.ones(2, dtype=torch.complex64).conj()}
    yield {"meta": torch.empty(2, 2, device="meta")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there are newer ways to quantize
        yield {"quantized": torch.quantize_per_tensor(torch.ones(2, 2), 0.1, 0, torch.qint8)}
    yield {"eight": torch.ones(3).to(torch.float8_e4m3fn)}
    yield {"a": [torch.ones(2), {"b": (torch.zeros(1), 5)}], 3: torch.ones(1), "\ud800": torch.ones(1)}
    yield [1, 2.5, "text", {1, 2}, b"bytes", None, True]
    yield whole
    yield {"state_dict": {"state_dict": {"model": {"a": torch.ones(1)}}}}


def _hostile() -> list[object]:
    storage = torch.ones(4).untyped_storage()
    typed = torch.storage.TypedStorage(wrap_storage=storage, dtype=torch.float32, _internal=True)  # type: ignore[no-untyped-call]
    rebuild = torch._utils._rebuild_tensor_v2
    shapes: list[tuple[int, tuple[int, ...], tuple[int, ...]]] = [
        *((0, (1 << 40,), (0,)), (0, (1 << 31, 1 << 31), (0, 0)), (0, (1 << 33,), (1,)), (1 << 40, (2,), (1,))),
        *((-5, (2,), (1,)), (0, (-2,), (1,)), (0, (2, 2), (-1, 1)), (3, (2,), (1,)), (0, (2,) * 70, (0,) * 70)),
    ]
    tensors = [_Calls(rebuild, typed, *shape, False, OrderedDict()) for shape in shapes]
    calls = [
        _Calls(os.system, "true"),
        _Calls(eval, "__import__('os').mkdir('it-ran')"),
        _Calls(os.mkdir, "it-ran"),
        _Calls(getattr, storage, "__class__"),
        _Calls(torch.hub.load, "a", "b"),
    ]
    deep: object = torch.ones(1)
    for _ in range(60):
        deep = {"state_dict": deep}
    return [*({"a": call} for call in calls), deep, *({"a": tensor} for tensor in tensors)]


def _safetensors() -> Iterator[bytes]:
    kinds = (torch.float32, torch.bfloat16, torch.int64, torch.bool)
    yield save({str(kind): torch.ones(2, 3, dtype=kind) for kind in kinds}, {"model": "small"})
    yield save({"a": torch.zeros(0), "b": torch.tensor(1.0)})
    for shape, ends in (([2, 2], [0, 16]), ([1 << 40, 1 << 40], [0, 16]), ([4], [0, 1 << 60]), ([-4], [16, 0])):
        header = json.dumps({"a": {"dtype": "F32", "shape": shape, "data_offsets": ends}}).encode()
        yield len(header).to_bytes(8, "little") + header + bytes(16)


def _feed(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "weights.pth")
        path.write_bytes(data)
        with _watching():
            tensors = read_checkpoint(path)
        for value in tensors.values():
            assert value.layout == torch.strided, value.layout
            assert value.device.type == "cpu", value.device
            assert value.nbytes <= len(data), (value.shape, value.stride(), value.dtype)
        del tensors
        convert(path, Path(folder, "out.safetensors"), converter=None, metadata={})


@contextmanager
def _watching() -> Iterator[None]:
    """A block in which nothing may be called that hostile pickles call."""
    if not _watch["installed"]:
        _watch["installed"] = True
        sys.addaudithook(_hear)
    _heard.clear()
    _watch["now"] = True
    try:
        yield
    finally:
        _watch["now"] = False
        assert not _heard, f"it ran code: {_heard}"


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    if _watch["now"] and event in _RUNS_CODE:
        _heard.append(f"{event} {arguments!r}")


def _repair(data: bytes) -> bytes:
    """Archives with the right checksums and another pickle in them; safetensors with the right length of the header."""
    chance = random.Random(data)  # noqa: S311  no secret
    if data[8:9] == b"{":
        end = data.find(b"}}") + 2
        return (end - 8).to_bytes(8, "little") + data[8:] if end > 9 else data
    try:
        with zipfile.ZipFile(io.BytesIO(chance.choice(_archives()))) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError):
        return data
    name = next((name for name in parts if name.endswith("data.pkl")), None)
    if name is None:
        return data
    parts[name] = _other_pickle(chance, parts[name])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for each, content in parts.items():
            if chance.random() < 0.98:
                archive.writestr(zipfile.ZipInfo(each), content)
    return buffer.getvalue()


_made: list[bytes] = []


def _archives() -> list[bytes]:
    if not _made:
        _made.extend(seed for seed in _seeds() if seed.startswith(b"PK"))
    return _made


_NUMBERS: Final = (0, 1, 2, 127, 128, 255, -1, -128, 32767, 65536, 2**31 - 1, -(2**31), 2**40, 2**63 - 1, -(2**63))
_NAMES: Final = (
    *("torch FloatStorage", "torch ComplexFloatStorage", "torch QInt8Storage", "torch._utils _rebuild_tensor_v2"),
    *("torch._utils _rebuild_parameter", "torch._utils _rebuild_sparse_tensor", "collections OrderedDict"),
    *("torch._utils _rebuild_meta_tensor_no_storage", "torch._utils _rebuild_qtensor", "os system", "builtins eval"),
    *("torch Size", "torch.nested._internal.nested_tensor _rebuild_njt", "torch._tensor _rebuild_from_type_v2"),
    *("torch.storage UntypedStorage", "torch device", "torch float8_e4m3fn", "torch.jit load", "posix mkdir"),
)


def _other_pickle(chance: random.Random, pickled: bytes) -> bytes:
    """The pickle with one to four of its operations replaced, removed or repeated."""
    import pickletools

    try:
        found = [(operation, argument, at) for operation, argument, at in pickletools.genops(pickled)]
    except (ValueError, IndexError, UnicodeDecodeError):
        return pickled
    ends = [at for _, _, at in found[1:]] + [len(pickled)]
    parts = [pickled[at or 0 : end or 0] for (_, _, at), end in zip(found, ends, strict=True)]
    for _ in range(chance.choice((1, 1, 2, 4))):
        at = chance.randrange(1, len(parts))
        name, argument = found[at][0].name, found[at][1]
        if isinstance(argument, int) and "INT" in name:
            parts[at] = _whole_number(chance.choice(_NUMBERS))
        elif name == "GLOBAL":
            module, _, function = chance.choice(_NAMES).partition(" ")
            parts[at] = f"c{module}\n{function}\n".encode()
        elif name == "BINUNICODE":
            text = chance.choice(("", "cpu", "cuda:0", "meta", "0", "1", "a" * 99, "../0", "0" * 5000)).encode()
            parts[at] = b"X" + len(text).to_bytes(4, "little") + text
        else:
            parts[at] = chance.choice((b"", parts[at] * 2, chance.choice(parts), b"0", b"R", b"b", b"Q", b"}", b"t"))
    return b"".join(parts)


def _whole_number(value: int) -> bytes:
    coded = pickle.encode_long(value)
    return b"\x8a" + bytes([len(coded)]) + coded


CHECKPOINTS = Kind("checkpoints", _seeds, _feed, _repair)
