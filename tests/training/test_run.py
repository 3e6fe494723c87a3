"""A training run: it learns, and a kill at any moment changes nothing but the time."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dis_core.errors import BadRequest, Cancelled, OutputFailed, TrainingDiverged, WeightsCorrupt
from dis_core.progress import Report, ignore
from dis_core.training.learner import Losses
from dis_core.training.lite_learner import LiteLearner
from dis_core.training.log import Journal, open_board
from dis_core.training.losses import output_loss, shape_loss
from dis_core.training.networks import Sizes, build_depth_tiny, build_dis_lite, build_pdfnet
from dis_core.training.pdfnet_learner import PDFNetLearner, with_trust_applied
from dis_core.training.run import LOWEST_RATE, WARM_UP_STEPS, Run, rate_share
from dis_core.training.sample import Sample
from dis_core.training.samples import Scenes
from dis_core.training.settings import Settings

SIZES = Sizes("efficientnet-lite0", width=8, side_px=256)
SETTINGS = Settings(
    network="pdfnet-tiny",
    backbone=SIZES.backbone,
    width=SIZES.width,
    side_px=SIZES.side_px,
    start="imagenet",
    batch_size=1,
    steps=4,
    minutes=None,
    coarse_share=0.0,
    accumulate=1,
    learning_rate=1e-3,
    backbone_rate=0.3,
    weight_decay=0.02,
    average_decay=0.9,
    precision="float32",
    seed=0,
)


def make_learner(*, own_depth: bool = False) -> PDFNetLearner:
    torch.manual_seed(0)
    depth = build_depth_tiny("imagenet") if own_depth else None
    return PDFNetLearner(build_pdfnet(SIZES, "imagenet"), width=8, own_depth=depth, output_loss=output_loss)


def make_run(folder: Path, settings: Settings = SETTINGS, *, own_depth: bool = False) -> Run:
    run = Run(folder, make_learner(own_depth=own_depth), settings, device="cpu")
    run.resume()
    return run


def train(run: Run, report: Report = ignore, *, workers: int = 0) -> None:
    run.train(Scenes(), workers=workers, evaluate=lambda *_: {"mae": 0.5}, journal=Journal(run.folder), report=report)


def stop_after(steps: int) -> Report:
    taken = iter(range(steps))

    def report(fraction: float, doing: str) -> None:
        if next(taken, None) == steps - 1:
            raise Cancelled

    return report


def weights_of(run: Run) -> dict[str, torch.Tensor]:
    return {**run.learner.state_dict(), **{f"average.{k}": v for k, v in run.average.module.state_dict().items()}}


def test_a_learner_gets_better_at_a_scene_that_it_sees_again() -> None:
    learner = make_learner(own_depth=True)
    optimizer = torch.optim.AdamW(learner.parameters(), lr=3e-3)
    sample = Sample(*(plane[None] for plane in Scenes()(0, 256)))
    losses: list[Losses] = []

    for _ in range(12):
        losses.append(learner(sample, torch.tensor([False])))
        optimizer.zero_grad()
        losses[-1].total.backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
        optimizer.step()

    assert losses[-1].matte < 0.9 * losses[0].matte
    assert losses[-1].depth < 0.9 * losses[0].depth


def test_a_dis_lite_gets_better_at_a_scene_that_it_sees_again() -> None:
    torch.manual_seed(0)
    learner = LiteLearner(build_dis_lite(replace(SIZES, width=16), "imagenet"))
    optimizer = torch.optim.AdamW(learner.parameters(), lr=3e-3)
    sample = Sample(*(plane[None] for plane in Scenes()(0, 128)))
    losses: list[Losses] = []

    for _ in range(12):
        losses.append(learner(sample, torch.tensor([False])))
        optimizer.zero_grad()
        losses[-1].total.backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
        optimizer.step()

    assert losses[-1].matte < 0.7 * losses[0].matte


def test_where_a_matte_is_not_trusted_a_pdfnet_is_held_to_its_own_answer() -> None:
    logits, nothing = torch.full((1, 1, 2, 2), 2.0), torch.zeros(1, 1, 2, 2)
    trust = torch.tensor([[[[1.0, 0.0], [0.5, 1.0]]]])

    matte = with_trust_applied(Sample(torch.zeros(1, 3, 2, 2), matte=nothing, depth=nothing, trust=trust), logits).matte

    torch.testing.assert_close(matte, (1 - trust) * torch.tensor(2.0).sigmoid())


def test_pdfnet_sees_its_own_networks_depth_and_sometimes_the_exact_one() -> None:
    learner = make_learner(own_depth=True)
    batch = Sample(torch.rand(2, 3, 256, 256), *torch.rand(3, 2, 1, 256, 256))
    estimate = torch.full((2, 1, 256, 256), 0.5, requires_grad=True)

    shown = learner.shown_depth(batch, estimate, torch.tensor([True, False]))

    assert torch.equal(shown[0], batch.depth[0])
    assert torch.equal(shown[1], estimate[1])
    assert not shown.requires_grad, "the matte's losses would train the depth network"
    assert torch.equal(learner.shown_depth(batch, None, torch.tensor([False, False])), batch.depth)


@pytest.mark.parametrize(
    "settings",
    [SETTINGS, replace(SETTINGS, side_px=512, coarse_share=0.75, accumulate=2, steps=4)],
    ids=["plain", "coarse first, two batches a step"],
)
def test_a_run_that_was_stopped_ends_as_one_that_was_not(tmp_path: Path, settings: Settings) -> None:
    uninterrupted = make_run(tmp_path / "one", settings, own_depth=True)
    train(uninterrupted)
    stopped = make_run(tmp_path / "two", settings, own_depth=True)
    with pytest.raises(Cancelled):
        train(stopped, stop_after(2))

    resumed = make_run(tmp_path / "two", settings, own_depth=True)
    assert resumed.progress.step == 2
    train(resumed, workers=1)

    assert resumed.progress.samples == uninterrupted.progress.samples
    for name, value in weights_of(uninterrupted).items():
        torch.testing.assert_close(weights_of(resumed)[name], value, rtol=0, atol=0, msg=name)


def test_minutes_end_a_run_and_evaluations_do_not_count(tmp_path: Path) -> None:
    run = make_run(tmp_path, replace(SETTINGS, steps=10**9, minutes=1e-6))

    train(run)

    assert run.progress.step == 1


def test_losses_that_are_not_finite_end_the_run_and_spare_its_state(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.keep()
    with torch.no_grad():
        next(run.learner.pdfnet.decoder.parameters()).fill_(float("nan"))

    with pytest.raises(TrainingDiverged, match="step 1"):
        train(run)

    assert all(torch.isfinite(value).all() for value in weights_of(make_run(tmp_path)).values())


def test_a_kill_while_the_state_is_written_leaves_the_state_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(tmp_path)
    run.progress.step = 7
    run.keep()
    run.progress.step = 8

    def die_halfway(state: object, file: Path) -> None:
        file.write_bytes(b"half a sta")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", die_halfway)
    with pytest.raises(KeyboardInterrupt):
        run.keep()

    assert make_run(tmp_path).progress.step == 7


def test_two_batches_accumulated_are_one_step_of_a_batch_of_both(tmp_path: Path) -> None:
    """The losses are means of one number per sample, so the gradients must agree."""
    accumulating = make_run(tmp_path / "one", replace(SETTINGS, accumulate=2, steps=1))
    at_once = make_run(tmp_path / "two", replace(SETTINGS, batch_size=2, steps=1))

    train(accumulating)
    train(at_once)

    assert (accumulating.progress.step, accumulating.progress.samples) == (1, 2)
    for name, value in weights_of(at_once).items():
        torch.testing.assert_close(weights_of(accumulating)[name], value, rtol=1e-3, atol=1e-5, msg=name)


def test_the_coarse_part_is_at_half_the_side_with_twice_the_batch(tmp_path: Path) -> None:
    run = make_run(tmp_path, replace(SETTINGS, side_px=512, coarse_share=0.5))

    coarse, fine = (next(run.batches(Scenes(), coarse=coarse, workers=0)) for coarse in (True, False))

    assert coarse.image.shape == (2, 3, 256, 256)
    assert fine.image.shape == (1, 3, 512, 512)


def test_bfloat16_is_what_the_layers_compute_in_and_its_losses_are_near_those_of_float32(tmp_path: Path) -> None:
    run, exact = (make_run(tmp_path / p, replace(SETTINGS, precision=p)) for p in ("bfloat16", "float32"))
    batch = Sample(*(plane[None] for plane in Scenes()(0, 256)))
    seen: list[torch.dtype] = []
    run.learner.pdfnet.decoder.upsample2.register_forward_hook(lambda _module, _x, output: seen.append(output.dtype))

    losses, expected = (r.add_gradients(batch, first_sample=0) for r in (run, exact))

    assert seen == [torch.bfloat16]
    assert losses.total.dtype == torch.float32
    assert losses.matte == pytest.approx(float(expected.matte), rel=0.02)


def test_half_written_settings_are_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text("")

    with pytest.raises(BadRequest, match=r"settings\.json"):
        make_run(tmp_path)


def test_a_run_with_other_settings_is_refused_in_words(tmp_path: Path) -> None:
    make_run(tmp_path)

    with pytest.raises(BadRequest, match=r"learning_rate .*0\.001 .*0\.0001"):
        make_run(tmp_path, replace(SETTINGS, learning_rate=1e-4))


@pytest.mark.parametrize("damage", [lambda _: b"", lambda data: data[:1000], lambda _: b"no state at all"])
def test_a_damaged_state_is_an_error_with_its_cure(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    run = make_run(tmp_path)
    run.keep()
    run.state_file.write_bytes(damage(run.state_file.read_bytes()))

    with pytest.raises(WeightsCorrupt, match=r"state\.pt"):
        make_run(tmp_path)


def test_losses_and_evaluations_are_logged_as_json_lines_and_for_tensorboard(tmp_path: Path) -> None:
    board = open_board(tmp_path, after_step=0)
    journal = Journal(tmp_path, board=board)

    journal.losses(20, {"matte": 1.5}, spent_s=3.0)
    journal.evaluation(20, {"mae": 0.25})
    board.close()

    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert lines == [
        {"kind": "losses", "step": 20, "matte": 1.5, "spent_s": 3.0},
        {"kind": "evaluation", "step": 20, "mae": 0.25},
    ]
    assert scalars_in(tmp_path) == {"losses/matte": 1.5, "losses/spent_s": 3.0, "evaluation/mae": 0.25}


def test_a_resumed_run_forgets_what_it_had_logged_after_its_state(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for step in (20, 40, 60):
        journal.losses(step, {"matte": 1.0}, spent_s=step)
    with journal.file.open("a") as file:
        file.write('{"kind": "los')

    journal.forget_after(40)
    journal.losses(60, {"matte": 0.5}, spent_s=61)

    lines = [json.loads(line) for line in journal.file.read_text().splitlines()]
    assert [(line["step"], line["matte"]) for line in lines] == [(20, 1.0), (40, 1.0), (60, 0.5)]


def test_a_folder_that_cannot_be_made_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(OutputFailed, match="could not be written"):
        make_run(tmp_path / "file")


def scalars_in(folder: Path) -> dict[str, float]:
    """What TensorBoard itself reads in a folder."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return {tag: events.Scalars(tag)[0].value for tag in events.Tags()["scalars"]}


def test_the_rate_warms_up_and_then_falls_along_a_cosine() -> None:
    assert rate_share(0, 0.0) == pytest.approx(1 / WARM_UP_STEPS)
    assert rate_share(WARM_UP_STEPS, 0.0) == pytest.approx(1.0)
    assert rate_share(WARM_UP_STEPS, 0.5) == pytest.approx((1 + LOWEST_RATE) / 2)
    assert rate_share(WARM_UP_STEPS, 1.0) == pytest.approx(LOWEST_RATE)


def test_the_loss_without_the_integrity_prior_does_not_look_at_the_depth() -> None:
    torch.manual_seed(0)
    logits, mask = torch.randn(1, 1, 64, 64), (torch.rand(1, 1, 64, 64) > 0.5).float()
    depths = torch.rand(2, 1, 64, 64)[:, None]

    assert torch.equal(*(shape_loss(logits, mask, depth) for depth in depths))
    assert not torch.equal(*(output_loss(logits, mask, depth) for depth in depths))
