"""`dis-core export`: a model's network as a file for other programs."""

from __future__ import annotations

import contextlib
from pathlib import Path

import click

from dis_core.cli.stop_at_eof import interrupt_at_eof, stop_option
from dis_core.cli.terminal import ProgressStyle, progress_option, progress_report, say, say_event, say_path


@click.command()
@click.argument("model", metavar="MODEL")
@click.argument("file", metavar="OUT", type=click.Path(path_type=Path))
@click.option(
    "--side",
    "side_px",
    type=click.IntRange(1),
    metavar="PIXELS",
    help="Shorter side of the input instead of the published one; each network says which multiples it takes.",
)
@click.option(
    "--opset", type=click.IntRange(1), metavar="NUMBER", help="Version of ONNX's operators, 18 to 23; 20 if not given."
)
@click.option("--half", is_flag=True, help="Weights in float16: half the file, for graphics cards.")
@click.option("--overwrite", is_flag=True, help="Replace a file that is there.")
@click.option("--accept-noncommercial", is_flag=True, help="Allow weights that forbid commercial use.")
@progress_option
@stop_option
def export(
    *,
    model: str,
    file: Path,
    side_px: int | None,
    opset: int | None,
    half: bool,
    overwrite: bool,
    accept_noncommercial: bool,
    progress: ProgressStyle,
    stop_at_eof: bool,
) -> None:
    """Write the network of MODEL to the file OUT for other programs: .onnx, or .pt2 for PyTorch.

    The file holds the network alone: it takes an image of a fixed size, normalized, and answers with the matte. Its
    metadata say how. .onnx needs: pip install 'dis-core[export]'. The path of the file is printed when it is ready.
    """
    from dis_core.export.exporting import export_model
    from dis_core.files import megabytes, size_of

    with interrupt_at_eof() if stop_at_eof else contextlib.nullcontext(), progress_report(progress) as report:
        written = export_model(
            model,
            file,
            side_px=side_px,
            opset=opset,
            precision="half" if half else "full",
            overwrite=overwrite,
            accept_noncommercial=accept_noncommercial,
            report=report,
        )
    if progress == "json":
        say_event("exported", model=model, file=str(written))
    else:
        say(f"dis-core: {model} is exported, {megabytes(size_of(written))}")
        say_path(written)
