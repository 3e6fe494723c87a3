"""Makes the screenshots of a first use in Krita and GIMP for docs/how-to: `python docs/make_editor_pictures.py`.

It needs what the tests in tests/hosts need. These hold that the same clicks select the subject.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
WIDTH_PX, QUALITY = 1200, 80


def save(screenshot: Path) -> None:
    """Keep a screenshot as a JPEG of less than 150 KB."""
    with Image.open(screenshot) as image:
        shown = image.convert("RGB")
    shown = shown.crop(shown.getbbox())  # the screen is black around what it shows
    height_px = round(shown.height * WIDTH_PX / shown.width)
    smaller = shown.resize((WIDTH_PX, height_px), Image.Resampling.LANCZOS)
    smaller.save(ROOT / "docs" / "pictures" / f"{screenshot.stem}.jpg", quality=QUALITY, optimize=True)


def main() -> None:
    """Use both editors for the first time, and keep what their screens show."""
    from tests.hosts.conftest import home_with_plugin
    from tests.hosts.first_use import use_gimp_first, use_krita_first
    from tests.hosts.gimp_program import prepare_gimp_home
    from tests.hosts.gimp_screen import gimp_on_screen
    from tests.hosts.krita_program import running_krita

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running_krita(home_with_plugin(folder / "krita"), HF_HUB_OFFLINE="1") as krita:
            shots = use_krita_first(krita, folder)
        with gimp_on_screen(prepare_gimp_home(folder / "gimp")) as window:
            shots += use_gimp_first(window, folder)
        for shot in shots:
            save(shot)


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "plugins")]
    main()
