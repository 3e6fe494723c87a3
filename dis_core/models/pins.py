"""Which commit of each published file is asked for, and what its bytes should be.

A pin is either `verified`, which means that a maintainer's run of `scripts/pin_weights.py` has asked the Hub for it, or
`second-hand`: found alike in public lock files of several other projects, and never compared with the Hub by us. Where
the Hub has something else than a second-hand pin says, `dis-core fetch --trust-new` still gets it.

Files that are not in the table are taken from the branch `main`; their checksum is recorded at the first download and
must not change from then on.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from dis_core.model_spec import PinSource, WeightsFile


class Pin(NamedTuple):
    """A commit, the SHA-256 of the file in it and its size in bytes (None if not known), and how these are known."""

    commit: str
    sha256: str | None
    size_bytes: int | None
    source: PinSource


PINS: Final = {
    "ZhengPeng7/BiRefNet/model.safetensors": Pin(
        "e2bf8e4460fc8fa32bba5ea4d94b3233d367b0e4",
        "9ab37426bf4de0567af6b5d21b16151357149139362e6e8992021b8ce356a154",
        444_473_596,
        "second-hand",
    ),
    "ZhengPeng7/BiRefNet_lite/model.safetensors": Pin(
        "7838f1c3472f827cd8ce13ab5ccc2ce48077360f",
        "4417d89795250e698c3cb0ae8df15743810065f646f48a694fdfa7ca052d0815",
        177_634_392,
        "second-hand",
    ),
    "ZhengPeng7/BiRefNet-portrait/model.safetensors": Pin(
        "b6561965a70070d9143fd9e558f6ca3c481510db",
        "4a4eb3a5469b75f0cccaec6772c22fc30e6c12ed429c2c0ba71b43e3d8d97182",
        None,
        "second-hand",
    ),
    "ZhengPeng7/BiRefNet-matting/model.safetensors": Pin(
        "eccde0a8cbdce7ac5fecfeb06340fe7b949e85d9",
        "a9875de5b1e6c8eb5fdaa8c727a82927ce442cdc87ba3abee6a77e6fa46c25bb",
        None,
        "second-hand",
    ),
    "ZhengPeng7/BiRefNet_lite-matting/model.safetensors": Pin(
        "99c33412e3f58e1f33187abdc8c435c645243690",
        "ce8bcfc045e336322c0424a5863dcfb7e9ce8fed0a5fd4d1b2b20adf12d97243",
        None,
        "second-hand",
    ),
    "ZhengPeng7/BiRefNet_dynamic/model.safetensors": Pin(
        "280306042f57b7a33854319da62fd86aaa89ec4c",
        "e3d2e4884e51ff30f0cd630edc6b1e41b06b7f23a0a2a5169f7b7cb33a711c2d",
        None,
        "second-hand",
    ),
    "ZhengPeng7/BiRefNet_HR-matting/model.safetensors": Pin(
        "5d6b6f8adcb5b417c871b1d84ceaae9871355b7f",
        "a5a4de698739ea5e0e8bbab28e1b293dde95092b87a442d566cbc585c53cef55",
        None,
        "second-hand",
    ),
    "ZhengPeng7/BiRefNet_HR/model.safetensors": Pin(
        "a7a562f6fd16021180f2f4348f4de003a2d3d1e1",
        "9d678bafec0b0019fbb073b7fd02f05ede25dc4b15254f23b2fb0be333200c0d",
        444_473_596,
        "second-hand",
    ),
    "egeorcun/lucida/model.safetensors": Pin(
        "6cbedc9722652dc9a3df91dd871f0c4f3334e922", None, 884_878_856, "second-hand"
    ),
    "joelseytre/toonout/birefnet_finetuned_toonout.pth": Pin(  # the checksum is from one source alone
        "cbf720eca394edcde66b861a8a8c20fbabe9c748",
        "8c7f8a0bc24400f4caade76622f75ff22ca1e93e169add9d2b70093e2487fbe5",
        None,
        "second-hand",
    ),
    "depth-anything/Depth-Anything-V2-Small-hf/model.safetensors": Pin(
        "5426e4f0f36572d16453bbda7a8389317b1bef99",
        "3152477ce0d8d6978d76b995120de97cb5b928701fd0f817769f59e249a16b70",
        99_173_660,
        "second-hand",
    ),
    "depth-anything/Depth-Anything-V2-Large-hf/model.safetensors": Pin(
        "7581137eff8d4e94f6e796d3baea0e9fa79b22d2",
        "4e01e34ed5549b529b70b92d53226bc370f03041977b390d3dde45d47f516cf9",
        1_341_322_868,
        "second-hand",
    ),
}
"""By repository and file, as `scripts/pin_weights.py` prints it."""


def published(repo: str, filename: str, *, size_bytes: int | None = None) -> WeightsFile:
    """A file on the Hub, at the commit that it is pinned to. `size_bytes` is for people, where no pin knows better."""
    pin = PINS.get(f"{repo}/{filename}")
    if pin is None:
        return WeightsFile(repo, filename, size_bytes=size_bytes)
    return WeightsFile(
        repo,
        filename,
        revision=pin.commit,
        sha256=pin.sha256,
        size_bytes=pin.size_bytes or size_bytes,
        pin_source=pin.source,
    )
