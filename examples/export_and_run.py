"""Export a network, and run the file without dis-core: python export_and_run.py flower.jpg mask.png

Exporting needs: pip install 'dis-core[export]'. `run` alone needs onnxruntime, numpy and Pillow, and no PyTorch.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image


def export(file: Path) -> None:
    import dis_core

    dis_core.export_model("dis-lite", file)


def run(file: Path, photo: Image.Image) -> Image.Image:
    """The matte of a photo, as fine as the network sees it: an export has no refinement."""
    session = onnxruntime.InferenceSession(file)
    # What the network wants is in the file.
    about = session.get_modelmeta().custom_metadata_map
    mean, std = (np.float32(json.loads(about[name])) for name in ("mean", "std"))
    _, _, height, width = session.get_inputs()[0].shape
    small = np.asarray(photo.resize((width, height), Image.Resampling.BILINEAR), np.float32) / 255
    (matte,) = session.run(None, {"image": ((small - mean) / std).transpose(2, 0, 1)[np.newaxis]})
    return Image.fromarray(np.uint8(matte[0, 0] * 255 + 0.5)).resize(photo.size, Image.Resampling.BILINEAR)


if __name__ == "__main__":
    network = Path("dis-lite.onnx")
    if not network.exists():
        export(network)
    run(network, Image.open(sys.argv[1]).convert("RGB")).save(sys.argv[2])
