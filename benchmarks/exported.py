"""The embedded model as a file: how long one look takes and how much memory, in other programs and in torch.

    python benchmarks/exported.py           # one thread
    python benchmarks/exported.py --threads 4

Each program runs in a process of its own, one after the other, in turns: the ratios of one run can be compared, also on
a machine that has other work. Memory is the most that a process held, with the program itself and its libraries.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SIDE_PX = 384
LOOKS = 10
TURNS = 3

Look = Callable[[NDArray[np.float32]], object]


def in_torch(_file: Path, threads: int) -> Look:
    """The network as dis-core runs it."""
    import torch

    import dis_core

    torch.set_num_threads(threads)
    network = dis_core.load_network("dis-lite", device="cpu")

    def look(image: NDArray[np.float32]) -> object:
        with torch.inference_mode():
            return network(torch.from_numpy(image)).sigmoid()

    return look


def in_onnxruntime(file: Path, threads: int) -> Look:
    """The exported file in onnxruntime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    return lambda image: session.run(None, {"image": image})


def in_openvino(file: Path, threads: int) -> Look:
    """The exported file in OpenVINO, with all arithmetic in float32."""
    import openvino

    settings = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.compile_model(file, "CPU", settings)
    return lambda image: compiled([image])[0]


PROGRAMS: dict[str, Callable[[Path, int], Look]] = {
    "torch": in_torch,
    "onnxruntime": in_onnxruntime,
    "openvino": in_openvino,
}


def measure(program: str, file: Path, threads: int) -> dict[str, float]:
    """CPU seconds of the median look after a first one, of getting ready with that first one, and the peak."""
    image = np.random.default_rng(0).standard_normal((1, 3, SIDE_PX, SIDE_PX), dtype=np.float32)
    started = time.process_time()
    look = PROGRAMS[program](file, threads)
    look(image)
    ready_s = time.process_time() - started
    times = []
    for _ in range(LOOKS):
        started = time.process_time()
        look(image)
        times.append(time.process_time() - started)
    return {"ready_s": ready_s, "look_s": float(np.median(times)), "peak_mb": peak_bytes() / 1e6}


def peak_bytes() -> int:
    """The most memory that this process has held; on Linux."""
    status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (line,) = (line for line in status if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def main() -> None:
    """Export, measure in turns, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--task", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.task:
        print(json.dumps(measure(given.task[0], Path(given.task[1]), given.threads)))
        return
    environment = {**os.environ, "OMP_NUM_THREADS": str(given.threads)}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "dis-lite.onnx"
        subprocess.run([sys.executable, "-m", "dis_core", "export", "dis-lite", str(file)], check=True)
        found: dict[str, list[dict[str, float]]] = {name: [] for name in PROGRAMS}
        for program in list(PROGRAMS) * TURNS:
            command = [sys.executable, __file__, "--task", program, str(file), "--threads", str(given.threads)]
            shown = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
            found[program].append(json.loads(shown.stdout.splitlines()[-1]))
    for program, turns in found.items():
        numbers = {key: float(np.median([turn[key] for turn in turns])) for key in turns[0]}
        print(program, {key: round(value, 3) for key, value in numbers.items()})


if __name__ == "__main__":
    main()
