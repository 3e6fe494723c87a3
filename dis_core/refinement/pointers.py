"""The prompt network that is loaded beside a pipeline's models, ready for one image after the other."""

from __future__ import annotations

from typing import cast

from dis_core.device import load_on
from dis_core.images.reading import ImageLike, as_picture
from dis_core.model_spec import ModelSpec
from dis_core.progress import Report
from dis_core.prompts import SegmentOptions
from dis_core.protocols import Placement, PromptNetwork
from dis_core.refinement.pointing import Pointer
from dis_core.refinement.remembering import Findings, KeptImage, OpenedImage, RecalledImage
from dis_core.registry.requirements import refuse_without_packages
from dis_core.registry.selection import refuse_noncommercial
from dis_core.weights import store
from dis_core.weights.loading import load_depth_model
from dis_core.weights.store import Installed


class Pointers:
    """Gets prompt networks, and keeps the last one loaded, with what was found out for the last prompts."""

    def __init__(self) -> None:
        self._loaded: tuple[Installed, PromptNetwork] | None = None
        self._findings: Findings = []

    def opened(self, image: ImageLike | KeptImage, options: SegmentOptions, spec: ModelSpec) -> OpenedImage:
        """An image to segment with a model: where the last prompt was about the same one, nothing is looked at twice.

        Raises NoImage, OutOfMemory.
        """
        if isinstance(image, KeptImage):
            return image
        if (options.boxes or options.points) and not spec.prompts:
            return RecalledImage(as_picture(image), self._findings)
        return OpenedImage(as_picture(image))

    def pointer_for(
        self,
        spec: ModelSpec | None,
        options: SegmentOptions,
        opened: OpenedImage,
        placement: Placement,
        report: Report,
    ) -> Pointer | None:
        """The network, downloaded first if need be, as it is to be run on an image; None if none is wanted.

        Raises PackagesMissing, LicenseNotAccepted, WeightsMissing, WeightsCorrupt, OutOfMemory.
        """
        if spec is None:
            return None
        refuse_without_packages(spec)
        if not options.accept_noncommercial:
            refuse_noncommercial(spec)
        installed = store.obtain(spec, report=report)
        network = self._network(installed, placement, report)
        return Pointer(network, spec.name, options.extent, lambda image: opened.memory_of(installed, image))

    def _network(self, installed: Installed, placement: Placement, report: Report) -> PromptNetwork:
        if self._loaded is None or self._loaded[0] != installed:
            self._loaded = None  # first, so that no two are ever in memory
            report(1.0, f"loading {installed.spec.name}")
            with load_on(placement):
                loaded = load_depth_model(installed.spec, installed.path, placement=placement)
            self._loaded = installed, cast("PromptNetwork", loaded)
        return self._loaded[1]

    @property
    def loaded(self) -> tuple[str, ...]:
        """The name of what is in memory, if anything."""
        return () if self._loaded is None else (self._loaded[0].spec.name,)

    def unload(self) -> None:
        """Let go of what is loaded and of what was found out."""
        self._loaded = None
        self._findings.clear()
