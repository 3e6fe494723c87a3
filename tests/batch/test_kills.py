"""A run that is killed at any moment goes on where it stopped, and its results are those of a run that was not."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dis_core.batch.manifest import read_manifest
from dis_core.files import UNFINISHED_ENDING
from tests.fakes.killed_commands import kill_after_results, run_to_end

COUNT = 40
CUT = ["cutout", "photos", "--recursive", "--model", "bright", "--device", "cpu"]


def write_photos(folder: Path) -> None:
    """Noise of several sizes with a bright part, in two folders, and three broken ones among them."""
    generator = np.random.default_rng(1)
    for number in range(COUNT):
        path = folder / str(number % 2) / f"photo {number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        if number % 13 == 5:
            path.write_bytes(b"\x89PNG\r\n\x1a\nbroken")
        else:
            pixels = generator.integers(0, 256, (60 + 10 * number, 300, 3), np.uint8)
            Image.fromarray(pixels).save(path)


def files_in(folder: Path) -> dict[str, bytes]:
    """Without what a kill leaves of a file that was being written, under a hidden name."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != UNFINISHED_ENDING]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos, and what a run that nothing disturbs makes of them in `whole`."""
    folder = tmp_path_factory.mktemp("kills")
    write_photos(folder / "photos")
    assert run_to_end([*CUT, "-o", "whole"], folder) == 1
    return folder


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_makes_what_one_does_that_is_not(folder: Path) -> None:
    recorded = [*CUT, "-o", "out", "--manifest", "m.jsonl"]
    moment = random.Random(20)  # noqa: S311 - not a secret

    told = [kill_after_results(recorded, folder, results=moment.randrange(1, 9), moment=moment) for _ in range(3)]
    status = run_to_end(recorded, folder)

    assert sum(told) < COUNT, "it has to be killed before it is done"
    assert status == 1
    assert files_in(folder / "out") == files_in(folder / "whole")
    ended = Counter(
        (row["path"], row["status"])
        for row in map(json.loads, (folder / "m.jsonl").read_text().splitlines())
        if row.get("status") in ("done", "failed")
    )
    assert set(ended.values()) == {1}
    assert len(ended) == COUNT
    assert {row.code for row in read_manifest(folder / "m.jsonl").rows.values() if row.status == "failed"} == {
        "NoImage"
    }


@pytest.mark.slow
def test_a_killed_shard_goes_on_and_all_shards_together_make_what_one_run_makes(folder: Path) -> None:
    moment = random.Random(7)  # noqa: S311 - not a secret

    for number in (1, 2):
        shard = [*CUT, "-o", "shards", "--manifest", f"m{number}.jsonl", "--shard", f"{number}/2"]
        if number == 1:
            kill_after_results(shard, folder, results=4, moment=moment)
        run_to_end(shard, folder)

    assert files_in(folder / "shards") == files_in(folder / "whole")
    one, other = (set(read_manifest(folder / f"m{number}.jsonl").rows) for number in (1, 2))
    assert (len(one & other), len(one | other)) == (0, COUNT)
