"""What a model declares about itself; nothing here imports torch.

Authors of plug-ins import all of it, with the types from `protocols`, boxes and points, from `dis_core.plugins`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dis_core.geometry import Box as Box
from dis_core.geometry import Points as Points
from dis_core.protocols import FULL_DTYPE as FULL_DTYPE
from dis_core.protocols import MAX_TILES as MAX_TILES
from dis_core.protocols import NO_PROMPT as NO_PROMPT
from dis_core.protocols import AnswersSmaller as AnswersSmaller
from dis_core.protocols import CloserLook as CloserLook
from dis_core.protocols import CompanionLoader as CompanionLoader
from dis_core.protocols import CompanionNetworkLoader as CompanionNetworkLoader
from dis_core.protocols import Converter as Converter
from dis_core.protocols import DepthEstimator as DepthEstimator
from dis_core.protocols import DepthLoader as DepthLoader
from dis_core.protocols import Effort as Effort
from dis_core.protocols import Extent as Extent
from dis_core.protocols import LooksLarger as LooksLarger
from dis_core.protocols import LooksOnce as LooksOnce
from dis_core.protocols import MatteLoader as MatteLoader
from dis_core.protocols import Memory as Memory
from dis_core.protocols import NetworkLoader as NetworkLoader
from dis_core.protocols import Placement as Placement
from dis_core.protocols import Prompt as Prompt
from dis_core.protocols import PromptNetwork as PromptNetwork
from dis_core.protocols import Quality as Quality
from dis_core.protocols import Refined as Refined
from dis_core.protocols import RefinedLevel as RefinedLevel
from dis_core.protocols import Refinement as Refinement
from dis_core.protocols import Refiner as Refiner
from dis_core.protocols import Segmentation as Segmentation
from dis_core.protocols import Segmenter as Segmenter

Precision = Literal["full", "half"]
"""full: all arithmetic in float32; half: for graphics cards, products and convolutions in float16."""


PromptKind = Literal["box", "points"]
"""With what a model can be told which subject is meant."""


PinSource = Literal["verified", "second-hand"]
"""How a commit and a checksum are known: asked of the Hub by us, or only found in other projects' lock files."""


@dataclass(frozen=True)
class WeightsFile:
    """One file of weights: on the Hugging Face Hub, in `repo`; or to be had by hand only, from a `homepage`; or, where
    both are None, in a package that is installed, or at a `path` of the user's own.

    That is the importable `package` of a plug-in, in whose folder the file lies; None is for dis-core's own weights.
    `revision` is a commit of the repository where one is known, else a branch. `sha256` is None until somebody has
    verified the file; then the first download is recorded and checked from there on. `size_bytes` is None if unknown.
    `pin_source` says how `revision` and `sha256` are known: what is only second-hand may be wrong, and the user can say
    that the Hub is right.
    """

    repo: str | None
    filename: str
    revision: str = "main"
    sha256: str | None = None
    size_bytes: int | None = None
    package: str | None = None
    homepage: str | None = None
    pin_source: PinSource = "verified"
    path: str | None = None

    @property
    def is_embedded(self) -> bool:
        """Whether it comes with a package, or is the user's own file: nothing has to be fetched."""
        return self.repo is None and self.homepage is None


@dataclass(frozen=True)
class Conversion:
    """How a published checkpoint becomes our file: `function` is the "module:function" of a `Converter`.

    `name` and `version` are what converted files are known by. A new version makes all of them anew; where the
    function lives does not matter.
    """

    name: str
    version: int
    function: str


@dataclass(frozen=True)
class Citation:
    """The paper that a model is from; `authors` as they are to be cited, `url` of a page that anybody can read."""

    title: str
    authors: str
    year: int
    url: str


@dataclass(frozen=True)
class NetworkInput:
    """One of the tensors that a network takes: (B, C, H, W) float32, of which `what` says in words what it is.

    Values in [0, 1] become `(value - mean) / std`, with a number for each channel. `resize` says how the authors bring
    it to the network's size; `shrunk` is by how much H and W are smaller than the image's.
    """

    name: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    what: str
    resize: str = "bilinear"
    shrunk: int = 1

    @property
    def channels(self) -> int:
        """How many planes it has."""
        return len(self.mean)


@dataclass(frozen=True)
class NetworkSpec:
    """The network of a model without all that is around it: for those who train it, export it or look inside.

    `loader` is the "module:function" of a `NetworkLoader`; with `companions`, which are those of the model's whose
    files the network itself needs, of a `CompanionNetworkLoader`. `inputs` are what its forward takes, in order; `size`
    is (height, width) in pixels of the published ones, and others have sides that are multiples of `multiple_px`.
    `answer` says in words what it returns. `exportable` is the "module:function" that makes of the network what is
    exported: a module that takes the same, has one answer, the matte or the depth, and is made of what other programs
    know too. Where there is none, `obstacle` says why.
    """

    loader: str
    inputs: tuple[NetworkInput, ...]
    size: tuple[int, int]
    answer: str
    multiple_px: int = 32
    companions: tuple[str, ...] = ()
    exportable: str | None = None
    obstacle: str = ""


@dataclass(frozen=True)
class ModelSpec:
    """A model by name: what it is for, whose weights it runs with, and the function that brings it to life.

    `loader` is "module:function": a `MatteLoader` for a matte model, a `DepthLoader` for a depth model. `conversion`
    turns the published checkpoint into the state dict of our network: a `Conversion`, or the "module:function" of a
    `Converter`, or None where the file is used as it is. `depth_model` names the model that estimates the depth this
    one needs. `companions` name models whose files its loader, a `CompanionLoader`, is given too; what is only good
    for that has the task "part" and is loaded like a depth model, as is a `PromptNetwork`, with the task "prompt", that
    finds what is pointed at for models that take no prompts. `license` is the SPDX name of the license of the
    weights. `half_precision` says that float16 was measured to change its mattes by very little noise only. The
    weights of an `embedded` one come with dis-core.
    A model with `prompts` finds what it is told to, and needs at least one of these kinds of prompts.
    `aliases` are names that the model can be called by too: what it was once called, say.
    `packages` are those that the model imports beyond what dis-core needs itself, and `extra` is the extra of dis-core
    that brings them; a plug-in's models need none, as the plug-in has dependencies of its own. `citation` is what
    whoever publishes results should cite. `details` are (what, value) of these weights alone that lists should show.
    `network` is for those who want nothing but the network: `dis_core.load_network`, `dis_core.export_model`.
    `load` is what `dis_core.register_model` was given, which fills in `weights` too.
    """

    name: str
    summary: str
    license: str
    commercial_use: Literal["yes", "no", "conditional"]
    weights: WeightsFile = WeightsFile(None, "")
    loader: str = ""
    task: Literal["matte", "depth", "prompt", "part"] = "matte"
    conversion: Conversion | str | None = None
    depth_model: str | None = None
    companions: tuple[str, ...] = ()
    half_precision: bool = False
    embedded: bool = False
    aliases: tuple[str, ...] = ()
    prompts: tuple[PromptKind, ...] = ()
    extra: str | None = None
    packages: tuple[str, ...] = ()
    citation: Citation | None = None
    details: tuple[tuple[str, str], ...] = ()
    network: NetworkSpec | None = None
    load: MatteLoader | CompanionLoader | DepthLoader | None = None

    @property
    def converter(self) -> str | None:
        """The "module:function" that converts the published checkpoint, if one does."""
        return self.conversion.function if isinstance(self.conversion, Conversion) else self.conversion

    @property
    def conversion_id(self) -> str | None:
        """What converted files are known by: the conversion's name and version, or the plain "module:function"."""
        if isinstance(self.conversion, Conversion):
            return f"{self.conversion.name} v{self.conversion.version}"
        return self.conversion

    @property
    def needed(self) -> tuple[str, ...]:
        """The names of the models without which this one does not run."""
        return self.companions if self.depth_model is None else (self.depth_model, *self.companions)


@dataclass(frozen=True)
class RefinerSpec:
    """A refiner by name: what it does, and the function, "module:function", that is a `Refiner`.

    `looks_closer` says whether the model takes a second look at a small subject first.
    """

    name: str
    summary: str
    refiner: str
    looks_closer: bool = True
