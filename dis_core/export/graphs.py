"""A network as a graph of operators, and that graph as a file: torch's exporters are called here and nowhere else."""

from __future__ import annotations

import contextlib
import json
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from dis_core import __version__
from dis_core.export.metadata import input_names, output_name
from dis_core.export.request import Request
from dis_core.progress import Report

if TYPE_CHECKING:
    from torch.export import ExportedProgram

METADATA_FILE = "dis_core.json"
"""Under this name a .pt2 file holds what it says about itself: `torch.export.load(..., extra_files={...})` reads it."""


def traced(network: nn.Module, planes: tuple[torch.Tensor, ...]) -> tuple[ExportedProgram, tuple[int, ...]]:
    """The network as a program of operators for inputs of these shapes, and the shape of its answer."""
    network.requires_grad_(requires_grad=False)
    with torch.no_grad(), quietly():
        program = torch.export.export(network, planes)
    answer = next(node for node in program.graph.nodes if node.op == "output").args[0][0].meta["val"]
    return program, tuple(answer.shape)


def save_as_torch(program: ExportedProgram, file: Path, about: dict[str, str], report: Report) -> None:
    """Write a file for `torch.export.load`."""
    report(0.0, "writing")
    with file.open("wb") as opened, quietly():
        torch.export.save(program, opened, extra_files={METADATA_FILE: json.dumps(about)})


def save_as_onnx(program: ExportedProgram, file: Path, request: Request, about: dict[str, str], report: Report) -> None:
    """Write one ONNX file with the weights in it."""
    report(0.0, "translating to ONNX")
    with torch.no_grad(), quietly():
        translated = torch.onnx.export(
            program,
            dynamo=True,
            opset_version=request.opset,
            input_names=input_names(request),
            output_names=[output_name(request)],
            verbose=False,
        )
    assert translated is not None  # noqa: S101 - it is where no file is named
    model = translated.model
    model.producer_name, model.producer_version = "dis-core", __version__
    model.doc_string = request.spec.summary
    model.metadata_props.update(about)
    report(0.8, "writing")
    translated.save(file, external_data=False)


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Without the exporters' remarks about their own work."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir", "torch.export")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
