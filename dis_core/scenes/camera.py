"""What a camera does to a scene: exposure, white balance, vignette, sharpness, noise, JPEG."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image

from dis_core.planes import Plane
from dis_core.scenes.textures import Picture, resized_picture, softened, unit_range

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def exposed(rng: np.random.Generator, picture: Picture) -> Picture:
    """Gain, gamma, white balance, saturation, contrast curve, vignette; one picture in twelve becomes gray."""
    balance = np.exp(rng.normal(0, 0.05, 3)).astype(np.float32)
    picture = leveled(picture, strength=rng.uniform(0.2, 1)) * balance
    picture = np.clip(picture * np.float32(np.exp(rng.normal(0, 0.12))), 0, 1)
    picture = picture ** np.float32(np.exp(rng.normal(-0.15, 0.2)))
    # Photographs are paler than paint: most chroma goes, and a contrast curve takes its place.
    gray = (picture @ _LUMA)[..., None]
    vividness = float(np.ptp(picture[::4, ::4], axis=-1).mean())
    wanted = rng.choice([0.0, rng.uniform(0.04, 0.2), rng.uniform(0.15, 0.4)], p=(0.08, 0.8, 0.12))
    chroma = np.float32(min(wanted / max(vividness, 0.01), 1.1))
    picture = np.clip(gray + chroma * (picture - gray), 0, 1)
    picture = picture + np.float32(rng.uniform(-0.1, 0.5)) * (picture * picture * (3 - 2 * picture) - picture)
    if rng.random() < 0.3:
        y, x = np.linspace(-1, 1, picture.shape[0])[:, None], np.linspace(-1, 1, picture.shape[1])[None, :]
        picture = picture * (1 - rng.uniform(0.05, 0.3) * (x**2 + y**2)).astype(np.float32)[..., None]
    return picture


def leveled(picture: Picture, *, strength: float) -> Picture:
    """Automatic exposure: stretched towards the full range of brightness, all the way if `strength` is 1."""
    dark, bright = (float(level) for level in np.percentile(picture[::4, ::4], (1, 99)))
    # At most threefold: a dim wall at night is not a high-key photograph.
    gain = min(0.95 / max(bright - dark, 0.05), 3.0)
    stretched = (picture - np.float32(dark)) * np.float32(gain) + np.float32(0.02)
    mixed: Picture = picture + np.float32(strength) * (stretched - picture)
    return mixed


def sharpened(picture: Picture, amount: float) -> Picture:
    """Unsharp masking as cameras do it, `amount` of about 0.2 to 1."""
    crisp: Picture = picture + np.float32(amount) * (picture - softened(picture, 1.0))
    return np.clip(crisp, 0, 1)


def noisy(rng: np.random.Generator, picture: Picture) -> Picture:
    """Sensor noise: stronger in the shadows, partly in coarse grains of color."""
    height, width = picture.shape[:2]
    level = float(rng.choice([0.002, 0.006, 0.015, 0.035], p=[0.35, 0.35, 0.22, 0.08]))
    grain = rng.standard_normal((height, width), dtype=np.float32)[..., None] * np.float32(level)
    coarse = rng.standard_normal((height // 2 + 1, width // 2 + 1, 3), dtype=np.float32) * np.float32(level * 0.6)
    grain = grain + resized_picture(coarse, (height, width))
    seen: Picture = picture + grain * (np.float32(1.2) - np.float32(0.6) * picture)
    return np.clip(seen, 0, 1)


def compressed(picture: Picture, quality: int) -> Picture:
    """What is left after JPEG of a `quality` from 1 to 95."""
    stream = BytesIO()
    Image.fromarray((picture * 255 + np.float32(0.5)).astype(np.uint8)).save(stream, "JPEG", quality=quality)
    return unit_range(Image.open(stream))


def photographed(rng: np.random.Generator, picture: Picture) -> Picture:
    """The picture, (H, W, 3), as a camera would store it, in [0, 1]."""
    picture = exposed(rng, picture)
    if rng.random() < 0.3:
        picture = sharpened(picture, rng.uniform(0.2, 0.9))
    picture = noisy(rng, picture)
    if rng.random() < 0.3:
        picture = compressed(picture, int(rng.integers(40, 96)))
    return picture


def focused(rng: np.random.Generator, *planes: Plane) -> list[Plane]:
    """The subject's planes with one lens blur for all of them: mostly none to slight, in one scene of ten strong."""
    longer = max(planes[0].shape[:2])
    roll = rng.random()
    if roll < 0.4:
        return list(planes)
    radius = rng.uniform(0.0015, 0.003) if roll < 0.9 else rng.uniform(0.003, 0.006)
    variance_px = min((radius * longer) ** 2, 9.0)
    return [softened(plane, variance_px) for plane in planes]
