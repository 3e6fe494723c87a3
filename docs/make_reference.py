"""Writes docs/reference/ from the code: `python docs/make_reference.py`. A test holds that nobody forgot to.

The pages are made from the declarations themselves and not from what `--help` prints, whose line breaks differ between
versions of click and of Python.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import dis_core
from dis_core import errors, geometry, hookspecs, model_spec, plugins, progress, prompts, protocols
from dis_core.cli.commands.models import pin_of
from dis_core.cli.main import group
from dis_core.files import megabytes
from dis_core.matte import matte
from dis_core.registry import builtin_models

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import ModuleType

    from dis_core.model_spec import ModelSpec, NetworkInput, NetworkSpec, WeightsFile

REFERENCE = Path(__file__).parent / "reference"
MEASURED = json.loads((Path(__file__).parents[1] / "benchmarks" / "models.json").read_text(encoding="utf-8"))
YARDSTICK = "pdfnet"
NOTE = "<!-- Written by docs/make_reference.py; change the code and run it again. -->"


def command_page() -> Iterator[str]:
    """The command line: every command with its arguments and options."""
    yield from ("# The command `dis-core`", NOTE, paragraphs(group.help))
    yield "`python -m dis_core` is the same command."
    parent = click.Context(group, info_name="dis-core", help_option_names=group.context_settings["help_option_names"])
    yield "\n".join(option_lines(parent))
    yield from commands_of(group, parent, "##")


def commands_of(group: click.Group, parent: click.Context, heading: str) -> Iterator[str]:
    """The commands of a group, and those of groups among them."""
    for name, command in sorted(group.commands.items()):
        context = click.Context(command, info_name=name, parent=parent)
        yield f"{heading} {context.command_path}"
        yield fenced(" ".join([context.command_path, *command.collect_usage_pieces(context)]), "text")
        yield paragraphs(command.help)
        yield "\n".join(option_lines(context))
        if isinstance(command, click.Group):
            yield from commands_of(command, context, f"{heading}#")


def option_lines(context: click.Context) -> Iterator[str]:
    """A list item for every option of the context's command."""
    for parameter in context.command.get_params(context):
        if isinstance(parameter, click.Option):
            names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
            value = f" *{value_name(parameter)}*" if takes_value(parameter) else ""
            given = parameter.default
            shown = isinstance(given, (str, int, float)) and not isinstance(given, bool) and takes_value(parameter)
            default = f" Default: `{given}`." if shown else ""
            yield f"- {names}{value}: {sentence(parameter.help or '')}{default}"


def takes_value(option: click.Option) -> bool:
    return not (option.is_flag or option.count or option.is_eager)


def value_name(option: click.Option) -> str:
    """What the help shows for the option's value: a metavar, the choices, or the kind of value."""
    if option.metavar:
        return option.metavar
    if isinstance(option.type, click.Choice):
        return " | ".join(map(str, option.type.choices))
    return "TEXT" if isinstance(option.type, click.types.StringParamType) else option.type.name.upper()


def python_page() -> Iterator[str]:
    """The package's public names, and what a plug-in implements and declares."""
    yield from ("# The Python package `dis_core`", NOTE)
    yield (
        "Shapes, ranges and orders of arrays and boxes are those of [arrays](arrays.md); the errors are "
        "[here](errors.md). Names load when they are first used: `import dis_core` alone is quick."
    )
    for name in ("segment", "Pipeline", "Session", "Matte", "Part", "Picture", "read_picture", "SegmentOptions"):
        yield from described(f"dis_core.{name}", getattr(dis_core, name))
    for name in ("list_models", "model_info", "ModelInfo", "Box", "Points", "CancelToken", "DisError"):
        yield from described(f"dis_core.{name}", getattr(dis_core, name))
    for name in ("load_network", "export_model", "register_model"):
        yield from described(f"dis_core.{name}", getattr(dis_core, name))
    yield "Programs tell `NoImage`, `BadRequest`, `OutOfMemory` and `Cancelled` apart: see [errors](errors.md)."
    yield "## Types in signatures"
    aliases = [*alias_lines(protocols, "Quality", "Exposure", "CloserLook")]
    aliases += [*alias_lines(model_spec, "Precision", "PromptKind"), *alias_lines(prompts, "PromptLike")]
    aliases += [*alias_lines(geometry, "BoxLike"), *alias_lines(progress, "Report"), *alias_lines(matte, "Background")]
    yield "\n".join(aliases)
    yield (
        "`ImageLike`: a path, the bytes of a file, an open file, a PIL image, an array, a tensor or a `Picture`; "
        "[here](arrays.md#what-can-be-given-as-an-image) is what each may be. All these are found at run time: "
        "`typing.get_type_hints(dis_core.segment)` works."
    )
    yield from ("## For authors of plug-ins", paragraphs(plugins.__doc__))
    yield from ("## Hooks of plug-ins", paragraphs(hookspecs.__doc__))
    for name in sorted(vars(hookspecs)):
        if name.startswith("dis_"):
            yield from described(f"dis_core.hookspecs.{name}", getattr(hookspecs, name))
    yield from ("## Declarations of plug-ins", paragraphs(model_spec.__doc__))
    for name in (
        "ModelSpec",
        "WeightsFile",
        "Citation",
        "RefinerSpec",
        "Placement",
        "Prompt",
        "Segmentation",
        "Effort",
    ):
        yield from described(f"dis_core.plugins.{name}", getattr(plugins, name))
    for name in (
        "Refined",
        "RefinedLevel",
        "Segmenter",
        "AnswersSmaller",
        "LooksLarger",
        "LooksOnce",
        "Memory",
        "Refiner",
    ):
        yield from described(f"dis_core.plugins.{name}", getattr(plugins, name))
    for name in ("DepthEstimator", "MatteLoader", "CompanionLoader", "DepthLoader", "Conversion", "Converter"):
        yield from described(f"dis_core.plugins.{name}", getattr(plugins, name))
    for name in ("NetworkSpec", "NetworkInput", "NetworkLoader", "CompanionNetworkLoader"):
        yield from described(f"dis_core.plugins.{name}", getattr(plugins, name))
    yield "## What models of plug-ins are made of"
    for name in ("SquareSegmenter", "load_strictly", "obtain", "run_on", "prompt_objects", "to_tensor", "to_array"):
        yield from described(f"dis_core.plugins.{name}", getattr(plugins, name))
    for name in ("resize_by_area", "resize_to_corners", "shrink_smoothly", "span"):
        yield from described(f"dis_core.plugins.{name}", getattr(plugins, name))
    yield (
        "`IMAGENET_MEAN` and `IMAGENET_STD` are tensors (1, 3, 1, 1), to normalize an image with. Errors to raise are "
        "`BadRequest`, `OutOfMemory` and `WeightsCorrupt`."
    )
    yield from described("dis_core.model_spec.Refinement", model_spec.Refinement)


def described(path: str, thing: Any) -> Iterator[str]:
    """A heading, the signature and the docstring; of a class also its public methods and properties."""
    yield f"### {path}"
    if not inspect.isclass(thing):
        yield fenced(signature(path.rpartition(".")[2], thing), "python")
        yield paragraphs(thing.__doc__)
        return
    if "__init__" in vars(thing) and not getattr(thing, "_is_protocol", False):
        yield fenced(signature(thing.__name__, thing.__init__), "python")
    if hasattr(thing, "_fields"):
        yield fenced(f"{thing.__name__}({', '.join(f'{name}: {kind}' for name, kind in fields_of(thing))})", "python")
    yield paragraphs(thing.__doc__)
    for name, member in vars(thing).items():
        if name.startswith("_") and name != "__call__":
            continue
        if isinstance(member, property):
            yield f"**`.{name}`** {paragraphs(member.__doc__)}"
        elif inspect.isfunction(member):
            yield fenced(signature(f".{name}" if name != "__call__" else name, member), "python")
            yield paragraphs(member.__doc__)


def fields_of(named_tuple: type) -> Iterator[tuple[str, str]]:
    """(name, annotation) of what a named tuple holds."""
    for name, kind in named_tuple.__annotations__.items():
        yield name, kind if isinstance(kind, str) else getattr(kind, "__forward_arg__", repr(kind))


def signature(name: str, function: Callable[..., object]) -> str:
    """`name(...)` with annotations and defaults as they are written, on one line if they fit, else on one line each."""
    parts, starred = [], False
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name == "self":
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not starred:
            parts.append("*")
            starred = True
        annotation = "" if parameter.annotation is parameter.empty else f": {parameter.annotation}"
        default = "" if parameter.default is parameter.empty else f" = {written(parameter.default)}"
        parts.append(f"{parameter.name}{annotation}{default}")
    returned = function.__annotations__.get("return")
    end = ")" if returned in (None, "None") else f") -> {returned}"
    line = f"{name}({', '.join(parts)}{end}"
    return line if len(line) <= 100 else f"{name}(\n" + "".join(f"    {part},\n" for part in parts) + end


def written(default: object) -> str:
    """A default as it reads in code; a function by its name."""
    if default is model_spec.NO_PROMPT:
        return "NO_PROMPT"
    if type(default).__name__ == "_HAS_DEFAULT_FACTORY_CLASS":
        return "..."
    return str(default.__name__) if inspect.isroutine(default) else repr(default)


def alias_lines(module: ModuleType, *names: str) -> Iterator[str]:
    """A list item for each alias of a type: its definition and the string that follows it."""
    body = ast.parse(inspect.getsource(module)).body
    for statement, following in itertools.pairwise(body):
        if isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.value is not None:
            name = ast.unparse(statement.target if isinstance(statement, ast.AnnAssign) else statement.targets[0])
            if name in names:
                text = following.value.value if isinstance(following, ast.Expr) else ""  # type: ignore[attr-defined]
                yield f"- `{name} = {ast.unparse(statement.value)}`: {' '.join(text.split())}"


def errors_page() -> Iterator[str]:
    """Every error with its code, its meaning and the exit status of a command that ends with it."""
    yield from ("# Errors", NOTE, paragraphs(errors.__doc__))
    yield (
        "In Python all are `dis_core.DisError` and come from `dis_core.errors`; the code is also the name of the "
        "class, and `.message` and `.hint` are the words; `str(error)` is both. A file that is not there is also a "
        "`FileNotFoundError`. With `--progress json` a failed image among several is a "
        'line with `"event": "error"` and these codes.'
    )
    kinds = [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, errors.DisError)]
    rows = [
        (f"`{kind.code}`", first_paragraph(kind), str(kind.exit_status))
        for kind in kinds
        if kind is not errors.DisError
    ]
    yield table(("Code", "Meaning", "Exit status"), rows)
    yield (
        "`HubUnreachable` is also a `WeightsMissing`. When several images fail, the exit status is 1. 0 is success, "
        "and 70 is a bug in dis-core."
    )


def models_page() -> Iterator[str]:
    """Every built-in model as it is declared, with what was measured of it."""
    specs = builtin_models.dis_register_models()
    mattes, parts = ([spec for spec in specs if (spec.task == "matte") is wanted] for wanted in (True, False))
    yield from ("# Models", NOTE)
    yield (
        "What comes with dis-core, as declared in `dis_core/registry/builtin_models.py`. `dis-core models` shows it "
        "too, with the models of plug-ins and what of it is here. *Commercial use* is about the weights: with "
        "*conditional* their own license allows it, but there are terms to read first, of the license or of the data "
        "that they were trained on; [licenses](licenses.md) says which."
    )
    rows = [
        (f"[`{spec.name}`](#{spec.name})", spec.summary, spec.commercial_use, size_of(spec), *effort_of(spec))
        for spec in mattes
    ]
    yield table(("Model", "What it is", "Commercial use", "Size", "Time", "Memory"), rows)
    yield (
        "*Size* is that of the download, with all that the model needs. *Time* is for one picture at normal quality "
        f"and without refinement, in multiples of what `{YARDSTICK}` took on the same machine, "
        f"{MEASURED[YARDSTICK]['cpu_seconds']:.0f} seconds of one core, with the estimate of depth; *memory* is the "
        "most that the process held. `benchmarks/models.py` measures both, with random weights."
    )
    for spec in mattes:
        yield from (f"## {spec.name}", sentence(spec.summary[0].upper() + spec.summary[1:]), "\n".join(facts(spec)))
    yield from networks()
    yield "## Parts of other models"
    part_rows = [
        (
            f"`{spec.name}`",
            spec.summary,
            spec.license,
            spec.commercial_use,
            size_of(spec),
            place_of(spec),
            paper_of(spec),
        )
        for spec in parts
    ]
    yield table(("Model", "What it is", "License", "Commercial use", "Size", "Weights", "Paper"), part_rows)


def networks() -> Iterator[str]:
    """What every network takes and answers, those of one declaration together."""
    alike: dict[object, list[tuple[str, NetworkSpec]]] = {}
    for spec in builtin_models.dis_register_models():
        if (network := spec.network) is not None:
            kind = (network.inputs, network.answer, network.multiple_px)
            alike.setdefault(kind, []).append((f"`{spec.name}`", network))
    yield (
        "## Networks\n\nWhat `dis_core.load_network` gives: a `torch.nn.Module` that takes float32 tensors, (B, "
        "channels, height, width). Values in [0, 1] become (value - mean) / std for it. Other sides than the "
        "published ones are taken too, in multiples of what the table says."
    )
    rows = []
    for members in alike.values():
        network = members[0][1]
        published = ", ".join(dict.fromkeys(sides(other) for _, other in members))
        names = ", ".join(name for name, _ in members)
        taken = "; ".join(map(taken_in_words, network.inputs))
        rows.append((names, taken, f"{published}; multiples of {network.multiple_px}", sentence(network.answer)))
    yield table(("Model", "Takes", "Sides", "Answers"), rows)


def taken_in_words(taken: NetworkInput) -> str:
    """One input of a network: its name, what it is, how it is resized and normalized."""
    numbers = [", ".join(f"{value:g}" for value in values) for values in (taken.mean, taken.std)]
    size = f", at 1/{taken.shrunk} of the side" if taken.shrunk > 1 else f" (resized: {taken.resize})"
    return f"`{taken.name}`: {taken.what}{size}; mean {numbers[0]}, std {numbers[1]}"


def sides(network: NetworkSpec) -> str:
    """The published sides of a network."""
    height, width = network.size
    return f"{height}" if height == width else f"{height} x {width}"


def facts(spec: ModelSpec) -> Iterator[str]:
    """A list item for everything that one model declares."""
    yield f"- License: {spec.license}; commercial use: {spec.commercial_use}"
    yield f"- Weights: {place_of(spec)}"
    needs = [f"`{name}`" for name in spec.needed]
    if spec.extra:
        needs.append(f"`pip install 'dis-core[{spec.extra}]'`, for {', '.join(spec.packages)}")
    yield f"- Needs: {', '.join(needs) or 'nothing else'}"
    yield from (f"- {what[0].upper()}{what[1:]}: {value}" for what, value in spec.details)
    yield f"- Can be told: {told(spec)}"
    yield f"- Half precision on graphics cards: {'yes' if spec.half_precision else 'not known to be right'}"
    yield f"- Paper: {paper_of(spec)}"


def paper_of(spec: ModelSpec) -> str:
    """What to cite for a model."""
    paper = spec.citation
    return "none" if paper is None else f"{paper.authors}, [*{paper.title}*]({paper.url}), {paper.year}"


def told(spec: ModelSpec) -> str:
    """What a person can say to a model beside the picture."""
    said = ["a box to look in"]
    if spec.depth_model is not None:
        said.append("a depth map")
    if spec.prompts:
        kinds = {"box": "boxes", "points": "points"}
        said.append(f"which subject is meant, by {' or '.join(kinds[kind] for kind in spec.prompts)}, and wants to be")
    return ", ".join(said)


def place_of(spec: ModelSpec) -> str:
    """Where a model's file is to be had."""
    weights = spec.weights
    if weights.homepage is not None:
        return f"`{weights.filename}`, to be fetched [by hand]({weights.homepage})"
    if weights.repo is None:
        return f"`{weights.filename}`, in the package"
    file = f"`{weights.filename}` of [{weights.repo}](https://huggingface.co/{weights.repo})"
    return f"{file}, {pin_in_words(weights)}"


def pin_in_words(weights: WeightsFile) -> str:
    """Which commit is asked for, what its file should be, and how that is known."""
    known = pin_of(weights)
    if known is None:
        return "not pinned: the first download is recorded"
    checksum = f"SHA-256 `{weights.sha256[:12]}…`" if weights.sha256 else "no checksum"
    return f"commit `{weights.revision[:12]}`, {checksum} ({known})"


def size_of(spec: ModelSpec) -> str:
    """What a model has to download, with all that it needs."""
    by_name = {other.name: other for other in builtin_models.dis_register_models()}
    sizes = [by_name[name].weights.size_bytes for name in (spec.name, *spec.needed)]
    if spec.weights.is_embedded:
        return "in the package"
    return "unknown" if None in sizes else megabytes(sum(filter(None, sizes)))


def effort_of(spec: ModelSpec) -> tuple[str, str]:
    """The time, in multiples of the yardstick's, and the memory that a model was measured with, or one like it."""
    like = [spec.name, *(other.name for other in builtin_models.dis_register_models() if other.loader == spec.loader)]
    measured = next((MEASURED[name] for name in like if name in MEASURED), None)
    if measured is None:
        return "not measured", ""
    return f"{measured['of_pdfnet']:.2g} x", f"{measured['peak_gb']:.1f} GB"


def paragraphs(text: str | None) -> str:
    """A docstring as Markdown: indented blocks stay code, other paragraphs become one line each."""
    blocks = inspect.cleandoc(text or "").split("\n\n")
    return "\n\n".join(block if block.startswith("    ") else " ".join(block.split()) for block in blocks)


def first_paragraph(thing: type) -> str:
    return paragraphs(thing.__doc__).split("\n\n")[0]


def sentence(text: str) -> str:
    text = " ".join(text.split())
    return text if text.endswith((".", "?")) else f"{text}."


def fenced(code: str, language: str) -> str:
    return f"```{language}\n{code}\n```"


def table(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [headings, ("---",) * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


PAGES = {
    "cli.md": command_page,
    "python.md": python_page,
    "errors.md": errors_page,
    "models.md": models_page,
}


def pages() -> dict[Path, str]:
    """The text of every generated page by its place."""
    return {REFERENCE / name: "\n\n".join(filter(None, make())) + "\n" for name, make in PAGES.items()}


def main() -> None:
    """Write all pages."""
    REFERENCE.mkdir(exist_ok=True)
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
