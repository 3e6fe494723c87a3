"""What `dis-core doctor` checks: versions, the device, folders, the Hub, models."""

from __future__ import annotations

import os
import platform
import stat
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from dis_core.cli.doctor.findings import Findings, Folder, Problem
from dis_core.cli.doctor.plugin_checks import examine_plugins
from dis_core.daemon import endpoint
from dis_core.errors import DisError
from dis_core.files import UNFINISHED_ENDING, free_space, megabytes, nearest_existing
from dis_core.files import size_of as bytes_in
from dis_core.registry.requirements import why_not_importable
from dis_core.weights.rembg_files import find_rembg_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from dis_core.editors.find import Editor
    from dis_core.model_spec import ModelSpec


NEEDED = ("numpy", "pillow", "torch", "timm", "transformers", "huggingface-hub", "safetensors", "click")

MENTIONED = ("dis-core", *NEEDED, "torchvision", "tifffile", "imagecodecs", "diffusers")

SETTINGS = (*endpoint.SETTINGS, "PYTHONPATH")

HUB_S = 5.0
"""How long the Hub may take to answer."""

LITTLE_SPACE_BYTES = 2_000_000_000


def examine(*, ask_hub: bool) -> Findings:
    """Check everything; whatever is broken becomes a problem among the findings, never an exception."""
    findings = Findings()
    with ThreadPoolExecutor(1) as elsewhere:
        # First, because torch takes seconds to import, and an answer that does not come as long.
        hub_answers = elsewhere.submit(ask_hub_once) if ask_hub else None
        examine_all(findings, hub_answers)
    return findings


def examine_all(findings: Findings, hub_answers: Future[float] | None) -> None:
    """Check everything; `hub_answers` is after how many seconds the Hub answered, None if it was not asked."""
    with surviving(findings, "versions"):
        findings.versions = versions()
        findings.problems += package_problems(findings.versions)
    with surviving(findings, "settings"):
        findings.settings = settings()
    with surviving(findings, "editors"):
        findings.editors = find_editors()
    with surviving(findings, "daemon"):
        findings.daemon = daemon_in_words()
    with surviving(findings, "plug-ins of editors"):
        examine_plugins(findings)
    if not why_not_importable("torch"):
        with surviving(findings, "devices"):
            examine_device(findings)
    if not why_not_importable("huggingface_hub"):
        with surviving(findings, "models", blocks=True):
            examine_weights(findings, registered_models(), hub_answers)


def examine_weights(findings: Findings, specs: list[ModelSpec], hub_answers: Future[float] | None) -> None:
    """The folders, the Hub and the models."""
    with surviving(findings, "folders"):
        examine_folders(findings, specs)
    can_download = True if hub_answers is None else reach_hub(findings, hub_answers)
    examine_models(findings, specs, can_download=can_download)


@contextmanager
def surviving(findings: Findings, part: str, *, blocks: bool = False) -> Iterator[None]:
    """Let what goes wrong in the block be a finding: a report that breaks off helps nobody."""
    try:
        yield
    except DisError as error:
        findings.problems.append(Problem(error.message, error.hint, blocks=blocks))
    except Exception as error:  # noqa: BLE001 - whatever is broken here, the rest of the report is what helps
        what = f"the {part} could not be checked: {type(error).__name__}: {error}"
        findings.problems.append(Problem(what, "please report this, with this whole report", blocks=blocks))


def find_editors() -> list[Editor]:
    """Every Krita and GIMP on this machine."""
    from dis_core.editors import find

    return find.find_editors()


def daemon_in_words() -> list[str]:
    """What the daemon has loaded and is doing; empty if it is not running. Raises DaemonUnavailable if it is silent."""
    from dis_core.cli.commands.daemon import ask, in_words

    found = ask("status")
    return [] if found is None else list(in_words(found))


def registered_models() -> list[ModelSpec]:
    from dis_core.registry import manager as registry

    return list(registry.models().values())


def versions() -> dict[str, str]:
    """Versions by distribution, "not installed" where there is none."""

    def version(name: str) -> str:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            return "not installed"

    found = {name: version(name) for name in MENTIONED}
    if found["dis-core"] == "not installed":
        found["dis-core"] = "run from a checkout, not installed"
    return {**found, "python": platform.python_version(), "platform": platform.platform(), "program": sys.executable}


def settings() -> dict[str, str]:
    """The environment variables that change what happens, without secrets."""
    from dis_core.weights.hub import without_userinfo

    plain = {name: os.environ[name] for name in SETTINGS if name in os.environ}
    if "HF_ENDPOINT" in plain:
        plain["HF_ENDPOINT"] = without_userinfo(plain["HF_ENDPOINT"])
    return {**plain, **{name: "(set)" for name in endpoint.SECRET_SETTINGS if name in os.environ}}


def package_problems(found: dict[str, str]) -> list[Problem]:
    """Packages that are missing, cannot be imported, or do not fit together."""
    reinstall = "install dis-core again: pip install --force-reinstall dis-core"
    problems = [
        Problem(f"{name} is not installed", reinstall, blocks=True) for name in NEEDED if found[name] == "not installed"
    ]
    if found["torch"] != "not installed" and (reason := why_not_importable("torch")):
        problems.append(Problem(f"torch {found['torch']} cannot be imported: {reason}", reinstall, blocks=True))
    elif found["torchvision"] != "not installed" and (reason := why_not_importable("torchvision")):
        pair = f"torchvision {found['torchvision']} does not fit torch {found['torch']}: {reason}"
        cure = "install both together: pip install --force-reinstall torch torchvision"
        problems.append(Problem(pair, cure, blocks=True))
    return problems


def examine_device(findings: Findings) -> None:
    """List the devices, and do a little arithmetic on the one that would be used."""
    import torch

    from dis_core.device import choose_placement, describe_devices

    try:
        findings.devices = describe_devices()
        used = choose_placement("auto").device
        findings.devices.append(f"default: {used}")
        answer = float(torch.ones(8, 8, device=used).mm(torch.ones(8, 8, device=used)).sum().cpu())
    except (RuntimeError, DisError) as error:
        what = f"the default device does not work: {(str(error).splitlines() or ['no reason given'])[0]}"
        findings.problems.append(Problem(what, "use --device cpu, and update the driver or torch", blocks=True))
        return
    if answer != 512.0:
        what = f"{used} calculates wrongly: the result should be 512, but is {answer}"
        findings.problems.append(Problem(what, "use --device cpu, and update the driver", blocks=True))


def examine_folders(findings: Findings, specs: list[ModelSpec]) -> None:
    """The folders that dis-core writes to, and what is wrong with them."""
    from dis_core.weights import hub
    from dis_core.weights.records import records_folder, weights_folder

    places: dict[str, Path] = {}
    for purpose, find in (
        ("downloads", hub.cache_folder),
        ("converted weights", weights_folder),
        ("records", records_folder),
    ):
        with surviving(findings, "folders"):
            places[purpose] = find()
    for purpose, path in places.items():
        # Other programs use the Hub's cache too: only the models of dis-core are counted.
        is_shared = purpose == "downloads"
        repositories = {hub.repo_folder(spec.weights) for spec in specs if is_shared and spec.weights.repo is not None}
        counted = repositories if is_shared else {path}
        size_bytes = sum(map(size_of, counted))
        folder = Folder(purpose, str(path), size_bytes, free_space(path), is_writable(path))
        findings.folders.append(folder)
        if not folder.writable:
            cure = "change its owner, or point HF_HOME, XDG_CACHE_HOME or XDG_DATA_HOME at another folder"
            findings.problems.append(Problem(f"cannot write to the folder for {purpose}: {path}", cure))
        elif folder.free_bytes < LITTLE_SPACE_BYTES:
            what = f"only {megabytes(folder.free_bytes)} free in the folder for {purpose}: {path}"
            findings.problems.append(Problem(what, "free some space: a model takes up to 850 MB while it is prepared"))
    ours = places.get("converted weights")
    left = [] if ours is None else [path for path, _ in files_in(ours) if path.suffix in (".tmp", UNFINISHED_ENDING)]
    for leftover in sorted(left):
        what = f"a conversion was interrupted and left {leftover}"
        findings.problems.append(Problem(what, "run dis-core fetch again for that model, or delete the file"))


def size_of(folder: Path) -> int:
    """The bytes of all files below a folder, without links."""
    return sum(size_bytes for _, size_bytes in files_in(folder))


def files_in(folder: Path) -> Iterator[tuple[Path, int]]:
    """Every readable file below a folder with its size in bytes, without links."""
    for place, _, names in os.walk(folder):  # unlike Path.glob, it skips folders that cannot be read
        for path in (Path(place, name) for name in names):
            try:
                status = path.lstat()
            except OSError:
                continue
            if stat.S_ISREG(status.st_mode):
                yield path, status.st_size


def is_writable(folder: Path) -> bool:
    """Whether a file can be created in a folder, or in the nearest one above it that exists."""
    try:
        with tempfile.TemporaryFile(dir=nearest_existing(folder)):
            return True
    except OSError:
        return False


def ask_hub_once() -> float:
    """After how many seconds the Hub answers. Raises HubUnreachable."""
    from dis_core.weights import hub

    return hub.reach(HUB_S)


def reach_hub(findings: Findings, hub_answers: Future[float]) -> bool:
    """Whether the Hub can be reached within `HUB_S`."""
    from dis_core.weights import hub

    address = hub.without_userinfo(hub.endpoint())
    try:
        findings.hub = f"{address} answered after {hub_answers.result():.1f} s"
    except DisError as error:
        findings.hub = f"{address} did not answer"
        findings.problems.append(Problem(error.message, error.hint))
        return False
    return True


def examine_models(findings: Findings, specs: list[ModelSpec], *, can_download: bool) -> None:
    """Which models are here, which have changed, and whether there is any model to cut out an image with."""
    from dis_core.registry.requirements import install_command, missing_packages
    from dis_core.weights import store

    found = {spec.name: store.find_installed(spec) for spec in specs}
    ready = {name: None if installed is None else installed.path for name, installed in found.items()}
    for spec in specs:
        findings.models[spec.name] = str(ready[spec.name] or "not here")
        if missing := missing_packages(spec):
            findings.models[spec.name] += f"; {', '.join(missing)} not installed, run: {install_command(spec)}"
        if ready[spec.name] is None and (file := find_rembg_file(spec.name)) is not None:
            findings.models[spec.name] += f"; rembg has its weights, run: dis-core fetch {spec.name} --from {file}"
        findings.problems += model_problems(spec, ready[spec.name])
    if not any(spec.task == "matte" and is_complete(spec, ready) for spec in specs):
        what = "no model is complete on this machine" + ("" if can_download else ", and none can be downloaded")
        cure = "when there is a connection, run: dis-core fetch pdfnet"
        findings.problems.append(Problem(what, cure, blocks=not can_download))


def is_complete(spec: ModelSpec, ready: dict[str, Path | None]) -> bool:
    """Whether a model and all that it needs are on this machine."""
    from dis_core.registry.requirements import missing_packages

    return not missing_packages(spec) and all(ready.get(name) is not None for name in (spec.name, *spec.needed))


def model_problems(spec: ModelSpec, ready: Path | None) -> Iterator[Problem]:
    from dis_core.weights import bundled, hub_cache, records, store

    if ready is not None:
        yield from package_trouble(spec)
    if ready is None and spec.weights.is_embedded:
        what = f"the built-in weights of {spec.name} are missing: {store.embedded_path(spec)}"
        yield Problem(what, f"this installation is incomplete; install {bundled.comes_with(spec)} again")
    elif ready is None and records.read_record(spec) is not None:
        what = f"the weights of {spec.name} have changed since they were verified, or are missing"
        yield Problem(what, f"run: dis-core fetch {spec.name}")
    if spec.weights.repo is not None:
        for path in hub_cache.partials_in(spec.weights):
            what = f"a download of {spec.name} was interrupted after {megabytes(bytes_in(path))}"
            yield Problem(what, f"to resume it, run: dis-core fetch {spec.name}")


def package_trouble(spec: ModelSpec) -> Iterator[Problem]:
    """The packages that a model needs and that are missing or broken."""
    from dis_core.registry.requirements import install_command

    for name in spec.packages:
        if reason := why_not_importable(name):
            what = f"{spec.name} needs {name}, which cannot be imported: {reason}"
            yield Problem(what, f"run: {install_command(spec)}")
