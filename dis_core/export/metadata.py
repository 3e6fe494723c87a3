"""What an exported file says about itself, so that it can be run and passed on without asking dis-core."""

from __future__ import annotations

import json
from collections.abc import Sequence

from dis_core import __version__
from dis_core.export.request import Request

OUTPUTS = {"matte": "the matte, 1 = subject", "depth": "relative inverse depth, near = large", "part": "", "prompt": ""}
"""By the task of a model: what its only output is."""


def input_shapes(request: Request) -> list[tuple[int, ...]]:
    """The shape of each input, one image at a time."""
    height, width = request.size
    return [(1, taken.channels, height // taken.shrunk, width // taken.shrunk) for taken in request.network.inputs]


def input_names(request: Request) -> list[str]:
    """What the inputs are called, in order."""
    return [taken.name for taken in request.network.inputs]


def output_name(request: Request) -> str:
    """What the only output is called."""
    return request.spec.task


def metadata(request: Request, *, revision: str, answer: Sequence[int]) -> dict[str, str]:
    """Text by name; `revision` is that of the weights, and `answer` the shape of the output.

    `inputs` and `outputs` are JSON lists. `mean` and `std` are those of the first input, which is the image, as JSON.
    """
    spec, first = request.spec, request.network.inputs[0]
    inputs = [
        {
            "name": taken.name,
            "shape": shape,
            "type": "float32",
            "what": taken.what,
            "mean": taken.mean,
            "std": taken.std,
            "resize": taken.resize,
        }
        for taken, shape in zip(request.network.inputs, input_shapes(request), strict=True)
    ]
    outputs = [
        {"name": output_name(request), "shape": list(answer), "type": "float32", "what": OUTPUTS[spec.task]},
    ]
    return {
        "dis_core": __version__,
        "model": spec.name,
        "revision": revision,
        "summary": spec.summary,
        "license": spec.license,
        "commercial_use": spec.commercial_use,
        "paper": "" if spec.citation is None else spec.citation.url,
        "inputs": json.dumps(inputs),
        "outputs": json.dumps(outputs),
        "mean": json.dumps(first.mean),
        "std": json.dumps(first.std),
        "side": str(min(request.size)),
        "precision": "float16" if request.precision == "half" else "float32",
    }
