"""Commands that mean something else in other programs: refused before anything is done, with the right one."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from dis_core.cli.planning import STANDARD_STREAM, is_folder
from dis_core.errors import BadRequest
from dis_core.files import refuse_irreplaceable
from dis_core.images.formats import IMAGE_ENDINGS, OUTPUT_ENDINGS, format_of


def refuse_mix_ups(inputs: Sequence[str], output: str | None) -> None:
    """Raises BadRequest for `cutout in.jpg out.png`, `cutout a.jpg b.jpg -o one.png` and `cutout in.jpg > out.png`.

    Raises OutputFailed for `-o /dev/null`.
    """
    refuse_output_among_inputs(inputs, output)
    refuse_one_file_for_several(inputs, output)
    if output not in (None, STANDARD_STREAM, "") and not is_folder(str(output)):
        refuse_irreplaceable(Path(str(output)))  # before its name is asked for a format: /dev/null has no ending
    if output != STANDARD_STREAM and not (output is None and STANDARD_STREAM in inputs):
        refuse_paths_in_image_file()


def refuse_output_among_inputs(inputs: Sequence[str], output: str | None) -> None:
    """Raises BadRequest if the second of two inputs does not exist, but the first does."""
    if output is not None or len(inputs) != 2 or STANDARD_STREAM in inputs:
        return
    source, missing = inputs
    if os.path.lexists(missing) or not os.path.lexists(source):
        return
    ending = Path(missing).suffix.lower()
    if is_folder(source) or (ending in OUTPUT_ENDINGS and format_of(missing) != "jpeg"):  # which is for backgrounds
        meant = missing
    else:
        meant = str(Path(missing).with_suffix(".png")) if ending in IMAGE_ENDINGS else f"{missing}.png"
    raise BadRequest(f"there is no file {missing}", hint=f"did you mean -o {meant}?")


def refuse_one_file_for_several(inputs: Sequence[str], output: str | None) -> None:
    """Raises BadRequest if several results shall go to what is named like one image, and is no folder yet."""
    several = len(inputs) != 1 or is_folder(inputs[0])
    if not several or output in (None, STANDARD_STREAM) or is_folder(str(output)) or os.path.lexists(str(output)):
        return
    if Path(str(output)).suffix.lower() in IMAGE_ENDINGS:
        raise BadRequest(
            f"several results need a folder, and {output} is the name of one image",
            hint=f"give a folder with -o; if it shall be called so, write -o {output}/",
        )


def refuse_paths_in_image_file() -> None:
    """Raises BadRequest if standard output, which gets the paths of the results, is an image file to the shell."""
    name = name_of_stdout()
    if Path(name).suffix.lower() in IMAGE_ENDINGS:
        raise BadRequest(
            f"{Path(name).name} would get the path of the result, and not the image",
            hint="to write the image to standard output, add -o -; better, give the file with -o instead of >",
        )


def name_of_stdout() -> str:
    """The path of the file that standard output goes to; empty for pipes and terminals, and where it cannot be told."""
    try:
        number = sys.stdout.fileno()
    except (OSError, ValueError, AttributeError):
        return ""
    try:
        if sys.platform == "win32":
            return _name_on_windows(number)
        elif sys.platform == "darwin":  # noqa: RET505
            import fcntl

            return os.fsdecode(fcntl.fcntl(number, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0"))
        else:
            return os.readlink(f"/proc/self/fd/{number}")  # noqa: PTH115 - not a path that leads anywhere
    except OSError:
        return ""


def _name_on_windows(number: int) -> str:
    if sys.platform == "win32":
        import ctypes
        import msvcrt

        buffer = ctypes.create_unicode_buffer(32768)
        handle = ctypes.c_void_p(msvcrt.get_osfhandle(number))
        length = ctypes.windll.kernel32.GetFinalPathNameByHandleW(handle, buffer, len(buffer), 0)
        return buffer.value if 0 < length < len(buffer) else ""
    else:  # noqa: RET505 - or type checkers call this unreachable on Windows
        return ""
