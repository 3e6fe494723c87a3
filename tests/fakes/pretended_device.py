"""A device that is not there: tensors say that they are on it, and their numbers are computed on the CPU.

What runs is what would run on a Mac, as far as it is decided in Python and in torch's dispatcher: every operator
arrives here with its tensors, is looked up in a list of what the device's backend has, and is noted. One that the list
lacks but that torch composes of others is taken apart, and its parts are noted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import torch
from torch._prims_common import suggest_memory_format
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map_only

DEVICE: Final = "mps:0"

IN_PLACE_OF: Final = {
    "convolution": "_mps_convolution",
    "_convolution": "_mps_convolution",
    "scaled_dot_product_attention": "_scaled_dot_product_attention_math_for_mps",
    "copy_": "_copy_from",
    "_to_copy": "_copy_from",
    "arange": "arange.start_out",
    "arange.start": "arange.start_out",
    "arange.start_step": "arange.start_out",
}
"""What torch built for Macs calls where a build without that backend would take another way."""

HEADERS: Final = frozenset({"_unsafe_view", "alias", "detach", "lift_fresh"})
"""These give the same memory another shape at most, on every device."""

WAITS: Final = frozenset({"_local_scalar_dense", "nonzero", "masked_select", "equal"})
"""Operators whose answer is needed on the CPU, so that it waits for the device."""

COMPOSED: Final = ("CompositeImplicitAutograd", "CompositeExplicitAutograd", "CompositeExplicitAutogradNonFunctional")


@dataclass
class Record:
    """What ran on the device.

    `operators` are names with the types of their tensors; `lacking` those that its backend does not have, `mixed` those
    that were given a tensor of another device. `crossings` are copies, (where to, shape); `waits` what made the CPU
    wait. `gaps` are convolutions of a slice, and `attention` is how long queries and keys are, with all the numbers
    between them.
    """

    operators: set[tuple[str, tuple[str, ...]]] = field(default_factory=set)
    lacking: set[str] = field(default_factory=set)
    mixed: set[str] = field(default_factory=set)
    crossings: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)
    waits: list[str] = field(default_factory=list)
    gaps: set[str] = field(default_factory=set)
    attention: set[tuple[int, int, int]] = field(default_factory=set)

    @property
    def names(self) -> set[str]:
        """The operators without their types."""
        return {name for name, _ in self.operators}

    @property
    def dtypes(self) -> set[str]:
        """Every type of number on the device."""
        return {dtype for _, dtypes in self.operators for dtype in dtypes}


class PretendedTensor(torch.Tensor):
    """A tensor that says it is on the device; `numbers` has what it holds, on the CPU."""

    numbers: torch.Tensor
    device_of_all: PretendedDevice

    @staticmethod
    def __new__(cls, real: torch.Tensor, device: PretendedDevice) -> PretendedTensor:
        made: PretendedTensor = torch.Tensor._make_wrapper_subclass(
            cls,
            real.size(),
            strides=real.stride(),
            storage_offset=real.storage_offset(),
            dtype=real.dtype,
            layout=real.layout,
            device=torch.device(DEVICE),
        )
        made.numbers = real
        made.device_of_all = device
        return made

    def __repr__(self, **_: object) -> str:  # type: ignore[override]
        return f"PretendedTensor({tuple(self.shape)})"

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # torch's own
        # These three ask for the device's own driver before they reach the dispatcher.
        with torch._C.DisableTorchFunctionSubclass():
            if func is torch.Tensor.contiguous:
                return torch.ops.aten.contiguous(*args, **(kwargs or {}))
            if func is torch.Tensor.__getitem__:
                return picked(*args)
            if func is torch.Tensor.__setitem__:
                put(*args)
                return None
            return func(*args, **(kwargs or {}))

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]  # torch's own, which mypy takes for a plain function
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        (own, *_) = [one for one in tree_flatten((args, kwargs))[0] if isinstance(one, cls)]
        return own.device_of_all.run(func, args, kwargs or {})


def sliced(x: torch.Tensor, index: Any) -> tuple[torch.Tensor, list[torch.Tensor | None]]:
    """The view that numbers, slices and None of an index make, and its tensors by axis of that view."""
    items = list(index) if isinstance(index, tuple) else [index]
    tensors: dict[int, torch.Tensor] = {}
    axis = 0
    for number, item in enumerate(items):
        if item is Ellipsis:
            axis = x.dim() - sum(one is not None for one in items[number + 1 :])
        elif item is None:
            x, axis = x.unsqueeze(axis), axis + 1
        elif isinstance(item, slice):
            if item != slice(None):
                x = torch.ops.aten.slice.Tensor(x, axis, item.start, item.stop, item.step or 1)
            axis += 1
        elif isinstance(item, int):
            x = x.select(axis, item)
        else:
            tensors[axis] = item
            axis += 1
    return x, [tensors.get(axis) for axis in range(max(tensors, default=-1) + 1)]


def picked(x: torch.Tensor, index: Any) -> torch.Tensor:
    """`x[index]`."""
    view, tensors = sliced(x, index)
    return torch.ops.aten.index.Tensor(view, tensors) if tensors else view


def put(x: torch.Tensor, index: Any, value: torch.Tensor | float) -> None:
    """`x[index] = value`."""
    view, tensors = sliced(x, index)
    value = value if isinstance(value, torch.Tensor) else torch.tensor(value, dtype=x.dtype)
    if tensors:
        torch.ops.aten.index_put_(view, tensors, value)
    else:
        torch.ops.aten.copy_(view, value)


class PretendedDevice(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's own
    """Runs what is asked of its tensors; `has` are the operators of the backend. `record` is what happened so far."""

    def __init__(self, has: Collection[str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.record = Record()
        self.inside = _Inside(has, self)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # torch's own
        return self.run(func, args, kwargs or {})

    def run(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """An operator on tensors of which some may be on the device, or that makes one there."""
        given = tree_flatten((args, kwargs))[0]
        ours = [one for one in given if isinstance(one, PretendedTensor)]
        goes_to = [one for one in given if isinstance(one, torch.device)]
        arrives = any(one.type == torch.device(DEVICE).type for one in goes_to)
        if not ours and not arrives:
            return func(*args, **kwargs)
        name = func.name().removeprefix("aten::")
        if ours and any(type(one) is torch.Tensor and one.dim() for one in given) and name != "copy_":
            self.record.mixed.add(name)
        real_args, real_kwargs = tree_map_only(PretendedTensor, lambda one: one.numbers, (args, kwargs))
        real_args, real_kwargs = tree_map_only(torch.device, lambda _: torch.device("cpu"), (real_args, real_kwargs))
        with self.inside:
            out = self.inside.run(func, real_args, real_kwargs)
        leaves = bool(goes_to) and not arrives
        if leaves or (arrives and not ours and name in ("_to_copy", "to.device", "to.dtype_layout")):
            self.record.crossings.append(("cpu" if leaves else "device", tuple(out.shape)))
        if leaves:
            return out
        known = {id(one.numbers): one for one in ours}
        return tree_map_only(torch.Tensor, lambda one: self.again(one, known), out)

    def again(self, real: torch.Tensor, known: dict[int, PretendedTensor]) -> PretendedTensor:
        """The tensor on the device with these numbers: one that is there, if an operator has worked in place."""
        one = known.get(id(real))
        return one if one is not None and one.shape == real.shape else PretendedTensor(real, self)


class _Factories(TorchFunctionMode):
    """Makes tensors of Python's numbers on the CPU, which torch does too, and then takes them to the device."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # torch's own
        kwargs = dict(kwargs or {})
        if func is torch.tensor and torch.device(kwargs.get("device") or "cpu").type == torch.device(DEVICE).type:
            del kwargs["device"]
            return torch.tensor(*args, **kwargs).to(DEVICE)
        return func(*args, **kwargs)


class _Inside(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's own
    """Looks operators up and takes apart what the backend lacks; all tensors are plain ones on the CPU here."""

    def __init__(self, has: Collection[str], device: PretendedDevice) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.has = has
        self.device = device

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # torch's own
        with self:
            return self.run(func, args, kwargs or {})

    def run(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        name, args = func.name().removeprefix("aten::"), as_declared(func, args)
        if name == "native_group_norm":
            args[0] = args[0].contiguous()  # as torch does before it calls this on a device that is not a CPU
        if IN_PLACE_OF.get(name, name) not in self.has and name not in HEADERS:
            for kernel in COMPOSED:
                if torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), kernel):
                    return func._op_dk(getattr(torch._C.DispatchKey, kernel), *args, **kwargs)
            self.device.record.lacking.add(name)
        with torch.utils._python_dispatch._disable_current_modes():
            out = computed(func, name, args, kwargs)
        self.note(name, args, kwargs, out)
        return out

    def note(self, name: str, args: Any, kwargs: Any, out: Any) -> None:
        record = self.device.record
        tensors = [one for one in tree_flatten((args, kwargs, out))[0] if isinstance(one, torch.Tensor)]
        # A number that Python gave becomes a tensor without axes on its way here, and stays a number on a device.
        dtypes = {str(one.dtype).removeprefix("torch.") for one in tensors if one.dim()}
        record.operators.add((name, tuple(sorted(dtypes))))
        if name in WAITS or (name in ("index.Tensor", "index_put_") and any(is_mask(one) for one in args[1])):
            record.waits.append(name)
        if name == "convolution" and not (
            has_no_gaps(args[1]) and (has_no_gaps(args[0]) or not looks_channels_last(args[0]))
        ):
            record.gaps.add(f"input {args[0].stride()} of {tuple(args[0].shape)}, weight {args[1].stride()}")
        if name == "scaled_dot_product_attention":
            query, key = args[0], args[1]
            record.attention.add((query.shape[-2], key.shape[-2], query[..., 0].numel() * key.shape[-2]))


def computed(func: Any, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """What an operator makes. Convolutions of halves are computed in full: a CPU takes many times as long for them."""
    if name == "convolution" and args[0].dtype == torch.float16:
        full = [one.float() if isinstance(one, torch.Tensor) else one for one in args]
        return func(*full, **kwargs).half()
    return func(*args, **kwargs)


def is_mask(index: torch.Tensor | None) -> bool:
    """Whether an index picks by yes and no, so that somebody has to count first."""
    return index is not None and index.dtype == torch.bool


def has_no_gaps(x: torch.Tensor) -> bool:
    """Whether a tensor is all of its memory, in one of the two orders that convolutions know."""
    return x.is_contiguous() or x.is_contiguous(memory_format=torch.channels_last)


def looks_channels_last(x: torch.Tensor) -> bool:
    """Whether torch takes a tensor for one that is channels last, which it does for slices of those too."""
    return suggest_memory_format(x) == torch.channels_last


def as_declared(func: Any, args: Any) -> list[Any]:
    """Python's numbers as tensors where an operator takes only these."""
    takes = [str(one.type) for one in func._schema.arguments]
    return [
        torch.tensor(one) if kind == "Tensor" and isinstance(one, (int, float)) else one
        for kind, one in zip(takes, args, strict=False)
    ]


@cache
def operators_of_this_torch(backend: str = "MPS") -> frozenset[str]:
    """The operators for which the installed torch declares a kernel of this backend."""
    import torchgen  # type: ignore[import-untyped]
    import yaml  # type: ignore[import-untyped]

    listed = Path(torchgen.__file__).parent / "packaged" / "ATen" / "native" / "native_functions.yaml"
    entries = yaml.load(listed.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return operators_with_kernel({entry["func"].partition("(")[0]: entry for entry in entries}, backend)


def operators_with_kernel(entries: dict[str, Any], backend: str) -> frozenset[str]:
    """Of the entries of `native_functions.yaml` by name, those that run on a backend by a kernel of its own."""

    def has(entry: Any) -> bool:
        named = {one.strip() for key in entry.get("dispatch", {}) for one in key.split(",")}
        delegate = entry.get("structured_delegate")
        return backend in named or (delegate is not None and has(entries[delegate]))

    return frozenset(name for name, entry in entries.items() if has(entry))


@contextmanager
def pretended(has: Collection[str]) -> Iterator[PretendedDevice]:
    """A block in which tensors and networks can be moved to the device, for inference."""
    before = torch.__future__.get_overwrite_module_params_on_conversion()
    torch.__future__.set_overwrite_module_params_on_conversion(True)  # else parameters would stay what they are
    device = PretendedDevice(has)
    try:
        with torch.inference_mode(), _Factories(), device:
            yield device
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(before)
