"""Exported files run by other programs, each with one thread; a test is skipped where the program is not installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

EXTRA = "needs: pip install 'dis-core[export]'"


def onnx_session(file: Path) -> Any:  # onnxruntime has no types
    """A file in onnxruntime."""
    runtime = pytest.importorskip("onnxruntime", reason=EXTRA)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    return runtime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def answer_of_onnxruntime(file: Path, planes: Sequence[torch.Tensor]) -> NDArray[np.float32]:
    """The only output of a file for these inputs."""
    session = onnx_session(file)
    given = {taken.name: plane.numpy() for taken, plane in zip(session.get_inputs(), planes, strict=True)}
    (answer,) = session.run(None, given)
    return np.asarray(answer)


def answer_of_openvino(file: Path, planes: Sequence[torch.Tensor]) -> NDArray[np.float32]:
    """The same in OpenVINO, which computes in float32 if it is told to."""
    openvino = pytest.importorskip("openvino", reason="needs: pip install openvino")
    settings = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.compile_model(file, "CPU", settings)
    return np.asarray(compiled([plane.numpy() for plane in planes])[0])


def about(file: Path) -> Mapping[str, str]:
    """What an ONNX file says about itself."""
    found: Mapping[str, str] = onnx_session(file).get_modelmeta().custom_metadata_map
    return found


def onnx_nodes(file: Path) -> Sequence[str]:
    """The names of the operators in a file, one for each time that it is used."""
    onnx = pytest.importorskip("onnx", reason=EXTRA)
    return [node.op_type for node in onnx.load(file).graph.node]
