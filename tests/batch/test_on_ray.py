"""What actors do and what is said of them, without a cluster around it."""

from __future__ import annotations

import io
import json
import pickle
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from dis_core.batch.cutter import Cut, Cutter
from dis_core.batch.on_ray import (
    Actors,
    JobWorker,
    absolute,
    counted_actors,
    error_from,
    outcome_from,
    watched,
    what_is_missing,
)
from dis_core.errors import BadRequest, NoImage, PackagesMissing, UnknownModel
from dis_core.jobs.job import CutoutStyle, Job, JobFailure, JobResult, MaskStyle
from dis_core.jobs.json_values import to_json_value
from dis_core.prompts import SegmentOptions
from dis_core.ray import Cutter as RayCutter
from dis_core.ray import refuse_without_ray
from tests.fakes.bright_squares import bright_square

pa = pytest.importorskip("pyarrow")

pytestmark = pytest.mark.usefixtures("bright_models")

JOB = Job(None, None, "png", CutoutStyle(), SegmentOptions(model="bright", device="cpu"))


def png(height: int = 40) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(bright_square(height)).save(buffer, "PNG")
    return buffer.getvalue()


def made_of(worker: JobWorker, job: Job) -> JobResult | JobFailure:
    batch = pa.table({"number": [7], "item": [json.dumps(to_json_value(job))]})
    (row,) = worker(batch).to_pylist()
    assert row["number"] == 7
    return outcome_from(json.loads(row["made"]))[0]


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """The job for one photo, which is there."""
    (tmp_path / "a.png").write_bytes(png())
    return replace(JOB, source=tmp_path / "a.png", destination=tmp_path / "deep" / "a-cutout.png")


def test_a_cutter_travels_without_its_model_and_makes_the_same(tmp_path: Path) -> None:
    cutter = Cutter(JOB)
    here = cutter(png())

    there = pickle.loads(pickle.dumps(cutter))(png())  # noqa: S301 - our own

    assert isinstance(here, Cut)
    assert here.data == there.data
    assert len(pickle.dumps(cutter)) < 5000


def test_a_cutter_makes_the_same_of_bytes_and_of_their_file(job: Job) -> None:
    cutter = Cutter(JOB)
    assert job.source is not None

    of_file, of_bytes = cutter(job.source), cutter(job.source.read_bytes())

    assert isinstance(of_file, Cut)
    assert isinstance(of_bytes, Cut)
    assert of_file.data == of_bytes.data
    assert of_file.result.size == (40, 60)


def test_a_cutter_returns_what_is_wrong_with_an_image_and_raises_what_is_wrong_with_all() -> None:
    failed = Cutter(JOB)(b"broken")

    assert isinstance(failed, JobFailure)
    assert failed.error.code == "NoImage"
    with pytest.raises(UnknownModel):
        Cutter(replace(JOB, options=SegmentOptions(model="nonesuch")))(png())


def test_an_actor_writes_the_result_and_tells_of_it(job: Job) -> None:
    outcome = made_of(JobWorker(job), job)

    assert isinstance(outcome, JobResult)
    assert outcome.model.startswith("bright@")
    assert job.destination is not None
    with Image.open(job.destination) as result:
        assert result.size == (60, 40)


def test_an_actor_tells_of_a_broken_image(job: Job, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"broken")

    outcome = made_of(JobWorker(job), job)

    assert isinstance(outcome, JobFailure)
    assert isinstance(outcome.error, NoImage)
    assert outcome.error.hint


def test_what_a_killed_actor_has_written_is_taken_as_done(job: Job) -> None:
    made_of(JobWorker(job), job)

    assert isinstance(made_of(JobWorker(job), job), JobResult)


def test_a_result_of_somebody_else_is_kept_by_actors(job: Job) -> None:
    assert job.destination is not None
    job.destination.parent.mkdir()
    job.destination.write_bytes(b"mine")

    outcome = made_of(JobWorker(job), job)

    assert isinstance(outcome, JobFailure)
    assert outcome.error.code == "OutputExists"
    assert job.destination.read_bytes() == b"mine"


def test_rows_of_a_table_get_results_or_errors(tmp_path: Path) -> None:
    (tmp_path / "b.png").write_bytes(png(50))
    batch = pa.table({"id": [1, 2, 3], "bytes": [png(), b"broken", None], "path": ["x", "y", str(tmp_path / "b.png")]})

    made = RayCutter(JOB, ["bytes", "path"], "table")(batch).to_pylist()

    assert [row["error_code"] for row in made] == [None, "NoImage", None]
    assert [row["path"] for row in made] == ["x", "y", str(tmp_path / "b.png")]
    assert Image.open(io.BytesIO(made[2]["result"])).size == (60, 50)
    assert "bytes" not in made[0]


def test_batches_without_a_single_failure_have_the_columns_of_others() -> None:
    one = RayCutter(JOB, ["bytes"], "table")(pa.table({"bytes": [png()]}))
    other = RayCutter(JOB, ["bytes"], "table")(pa.table({"bytes": [b"broken"]}))

    assert one.schema == other.schema


def test_samples_keep_what_failed_and_replace_what_did_not() -> None:
    batch = pa.table({"__key__": ["1", "2", "3"], "png": [png(), b"broken", None], "txt": [b"a", b"b", b"c"]})

    made = RayCutter(JOB, ["jpg", "png"], "samples")(batch).to_pylist()

    assert made[0]["png"] != png()
    assert made[1]["png"] == b"broken"
    assert json.loads(made[1]["error.json"])["code"] == "NoImage"
    assert (made[2]["png"], made[2]["error.json"], made[2]["txt"]) == (None, None, b"c")


def test_masks_of_samples_stand_beside_their_images() -> None:
    job = replace(JOB, style=MaskStyle())

    (made,) = RayCutter(job, ["jpg"], "samples")(pa.table({"__key__": ["1"], "jpg": [png()]})).to_pylist()

    assert made["jpg"] == png()
    assert Image.open(io.BytesIO(made["matte.png"])).mode == "L"


@pytest.mark.parametrize(
    ("actors", "resources", "expected"),
    [
        (Actors(), {"CPU": 4.0}, (4, 0.0)),
        (Actors(2), {"CPU": 4.0}, (2, 0.0)),
        (Actors(99), {"CPU": 4.0}, (8, 0.0)),
        (Actors(), {"CPU": 1.0}, (1, 0.0)),
        (Actors(), {"CPU": 64.0, "GPU": 8.0}, (8, 1.0)),
        (Actors(gpus=0.5), {"CPU": 64.0, "GPU": 8.0}, (16, 0.5)),
        (Actors(gpus=0), {"CPU": 6.0, "GPU": 8.0}, (6, 0)),
        (Actors(), {"CPU": 2.0, "GPU": 8.0}, (4, 1.0)),
    ],
)
def test_actors_are_as_many_as_fit(actors: Actors, resources: dict[str, float], expected: tuple[int, float]) -> None:
    assert counted_actors(actors, resources) == expected


@pytest.mark.parametrize(
    ("actors", "resources", "said"),
    [
        (Actors(gpus=1), {"CPU": 4.0}, "each actor needs 1 graphics cards, and the cluster has 0"),
        (Actors(), {}, "the cluster has 0 CPUs, and an actor needs 0.5"),
    ],
)
def test_a_cluster_that_is_too_small_is_refused_at_once(actors: Actors, resources: dict[str, float], said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        counted_actors(actors, resources)


def test_what_a_run_waits_for_is_said_in_words() -> None:
    said = what_is_missing({"CPU": 4.0, "GPU": 1.0}, {"CPU": 0.25}, actors=2, gpus=1.0)

    assert said == (
        "the work needs 2 actors with 0.5 CPUs and 1 graphics cards each; 0.25 of 4 CPUs are free, and 0 of 1 graphics "
        "cards are free; other work on the cluster may hold the rest"
    )


def test_errors_keep_their_kind_on_the_way() -> None:
    error = error_from({"code": "NoImage", "message": "a.png is empty", "hint": "make it again"})

    assert (type(error), error.message, error.hint) == (NoImage, "a.png is empty", "make it again")


def test_jobs_for_actors_have_whole_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    job = absolute(replace(JOB, source=Path("a.png"), destination=Path("out/a.png")))

    assert (job.source, job.destination) == (tmp_path / "a.png", tmp_path / "out/a.png")


def test_without_ray_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray.data", None)

    with pytest.raises(PackagesMissing) as caught:
        refuse_without_ray()

    assert "dis-core[ray]" in caught.value.hint


def test_a_run_without_results_says_again_and_again_what_it_waits_for(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray", reason="Ray has no wheels for this Python")
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 2.0})
    monkeypatch.setattr(ray, "available_resources", lambda: {"CPU": 2.0})
    said: list[str] = []

    with watched(1, 0.0, said.append, silent_for_s=0.05):
        give_up_at = time.monotonic() + 60
        while len(said) < 2 and time.monotonic() < give_up_at:
            time.sleep(0.01)

    assert len(said) >= 2
    assert all("2 of 2 CPUs are free" in line and line.startswith("nothing was done for 0 s") for line in said)


def test_a_run_with_results_is_not_watched_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="Ray has no wheels for this Python")
    said: list[str] = []

    with watched(1, 0.0, said.append, silent_for_s=30.0) as came:
        came()

    assert said == []
