"""What other programs call models, and which model here is the same or the nearest."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from typing import Final

# Names of rembg, of the Hugging Face Hub and of papers, without regard to case.
SAME: Final = {
    "isnet-general-use": "isnet",
    "isnet-general": "isnet",
    "is-net": "isnet",
    "dis": "isnet-dis5k",
    "birefnet-general": "birefnet",
    "birefnet-general-lite": "birefnet-lite",
    "birefnet-dis": "birefnet-dis5k",
    "birefnet_lite": "birefnet-lite",
    "birefnet_hr": "birefnet-hr",
    "zhengpeng7/birefnet": "birefnet",
    "zhengpeng7/birefnet_hr": "birefnet-hr",
    "zhengpeng7/birefnet_lite": "birefnet-lite",
    "zhengpeng7/birefnet-portrait": "birefnet-portrait",
    "zhengpeng7/birefnet-matting": "birefnet-matting",
    "pdf-net": "pdfnet",
    "dissam": "dis-sam",
    "sam": "dis-sam",
}
NEAREST: Final = {
    "u2net": "isnet",
    "u2netp": "dis-lite",
    "silueta": "dis-lite",
    "u2net_human_seg": "birefnet-portrait",
    "isnet-anime": "toonout",
    "birefnet-massive": "birefnet",
    "birefnet_dynamic": "birefnet-dynamic",
    "bria-rmbg": "birefnet",
    "rmbg": "birefnet",
    "briaai/rmbg-1.4": "isnet",
    "briaai/rmbg-2.0": "birefnet",
    "ben2-base": "birefnet",
    "inspyrenet": "birefnet",
    "modnet": "birefnet-portrait",
}


def suggestion_for(name: str, known: Collection[str]) -> str:
    """A question to the user, such as "did you mean isnet?", or nothing. `known` are the names that exist."""
    wanted = name.strip().lower()
    spelled = {existing.lower(): existing for existing in known}
    same = spelled.get(wanted) or spelled.get(wanted.replace("_", "-")) or SAME.get(wanted)
    if same in known:
        return f"did you mean {same}?"
    nearest = NEAREST.get(wanted)
    if nearest in known:
        return f"the nearest here is {nearest}"
    close = difflib.get_close_matches(wanted, spelled, n=1, cutoff=0.75)
    return f"did you mean {spelled[close[0]]}?" if close else ""
