"""Cut out every photo of a folder: python folder.py PHOTOS RESULTS

A photo that cannot be read is named, and the others are done all the same.
"""

import sys
from pathlib import Path

import dis_core

ENDINGS = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".heic"}


def cut_out_all(photos: Path, results: Path) -> int:
    """Write a PNG with a transparent background for each photo; how many could not be done."""
    results.mkdir(parents=True, exist_ok=True)
    paths = sorted(path for path in photos.iterdir() if path.suffix.lower() in ENDINGS)
    failed = 0
    # Without a model's name the full one is taken, and downloaded once. "dis-lite" comes with dis-core.
    with dis_core.Pipeline(model="dis-lite") as pipeline:
        # The next photo is read while the model looks at this one. Errors come as items of the loop.
        for path, found in pipeline.segment_many(paths, on_error="yield"):
            if isinstance(found, dis_core.DisError):
                print(f"{path.name}: {found.message}", file=sys.stderr)
                failed += 1
            else:
                found.cutout().save(results / f"{path.stem}.png", overwrite=True)
                print(results / f"{path.stem}.png")
    return failed


if __name__ == "__main__":
    sys.exit(1 if cut_out_all(Path(sys.argv[1]), Path(sys.argv[2])) else 0)
