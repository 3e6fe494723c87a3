"""`POST /v1.0/removebg`: what clients of remove.bg send and read."""

from __future__ import annotations

import base64
import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

import dis_core
from dis_core.server.answers import Refused
from tests.fakes.served import Served, pixels_of, png, two_halves, with_box

BOX = (20, 10, 50, 40)


def test_an_image_becomes_a_cutout_with_the_headers_that_clients_read(server: Served) -> None:
    answer = server.removebg(png(with_box(BOX)), size="auto")

    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    found = pixels_of(answer.content)
    assert (found[10:40, 20:50] == [250, 240, 200, 255]).all()
    assert found[..., 3].sum() == 30 * 30 * 255
    headers = {name: answer.headers[f"x-{name}"] for name in ("width", "height", "type", "credits-charged")}
    assert headers == {"width": "80", "height": "60", "type": "other", "credits-charged": "0"}
    places = [answer.headers[f"x-foreground-{name}"] for name in ("left", "top", "width", "height")]
    assert places == ["20", "10", "30", "30"]


def test_the_cutout_is_the_one_that_the_library_makes(server: Served) -> None:
    gradient = np.tile(np.linspace(0, 255, 80).astype(np.uint8)[None, :, None], (60, 1, 3))

    answer = server.removebg(png(gradient))

    matte = dis_core.Matte((gradient[..., 0] > 127).astype(np.float32), "x", dis_core.read_picture(png(gradient)))
    assert (pixels_of(answer.content) == matte.cutout().channels()).all()


@pytest.mark.parametrize("kind", ["multipart", "urlencoded", "json"])
def test_an_image_in_base_64_comes_in_three_kinds_of_body(server: Served, kind: str) -> None:
    fields = {"image_file_b64": base64.b64encode(png(two_halves())).decode(), "size": "auto"}

    if kind == "json":
        answer = server.post("/v1.0/removebg", json={**fields, "crop": False, "scale": None})
    elif kind == "urlencoded":
        answer = server.post("/v1.0/removebg", data=fields)
    else:
        answer = server.post("/v1.0/removebg", files={name: (None, value) for name, value in fields.items()})

    assert answer.status_code == 200, answer.text
    assert (pixels_of(answer.content)[:, 40:, 3] == 255).all()


@pytest.mark.parametrize(
    "fields",
    [{"\ud800_b64": "!"}, {"\ud800": "x"}, {"bg_color": "\ud800"}, {"size": "\ud800"}, {"crop_margin": "\ud800"}],
    ids=ascii,
)
def test_text_that_utf_8_cannot_hold_is_refused(server: Served, fields: dict[str, str]) -> None:
    image = {"image_file_b64": base64.b64encode(png(two_halves())).decode()}

    answer = server.post("/v1.0/removebg", json={**fields, **image})

    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"][0]["title"]


def test_answers_hold_what_utf_8_cannot() -> None:
    answer = Refused(400, "invalid_parameters", "unknown \ud800").response()

    assert json.loads(bytes(answer.body))["errors"][0]["title"] == "unknown \ud800"
    assert answer.headers["content-type"] == "application/json"


def test_a_background_image_that_comes_as_text_is_refused(server: Served) -> None:
    answer = server.removebg(png(two_halves()), bg_image_file="photo.png")

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["title"] == "bg_image_file is not a file"


def test_json_is_answered_to_who_accepts_it(server: Served) -> None:
    answer = server.post(
        "/v1.0/removebg", files={"image_file": png(with_box(BOX))}, headers={"Accept": "application/json"}
    )

    data = answer.json()["data"]
    assert pixels_of(base64.b64decode(data["result_b64"])).shape == (60, 80, 4)
    assert (data["foreground_left"], data["foreground_top"]) == (20, 10)
    assert (data["foreground_width"], data["foreground_height"]) == (30, 30)


@pytest.mark.parametrize(("name", "kind"), [("png", "PNG"), ("jpg", "JPEG"), ("webp", "WEBP"), ("auto", "PNG")])
def test_formats(server: Served, name: str, kind: str) -> None:
    answer = server.removebg(png(with_box(BOX)), format=name)

    with Image.open(io.BytesIO(answer.content)) as image:
        assert (image.format, image.size) == (kind, (80, 60))
        corner = image.convert("RGBA").getpixel((0, 0))
    assert corner == ((255, 255, 255, 255) if name == "jpg" else (0, 0, 0, 0))


def test_a_zip_holds_the_colors_and_the_alpha(server: Served) -> None:
    answer = server.removebg(png(with_box(BOX)), format="zip")

    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as pack:
        assert pack.namelist() == ["color.jpg", "alpha.png"]
        alpha, color = pixels_of(pack.read("alpha.png")), pixels_of(pack.read("color.jpg"))
    assert (alpha[10:40, 20:50] == 255).all()
    assert int(alpha.sum()) == 30 * 30 * 255
    assert np.abs(color[20:30, 30:40].astype(int) - [250, 240, 200]).max() <= 8


def test_alpha_alone_is_a_gray_image(server: Served) -> None:
    found = pixels_of(server.removebg(png(two_halves()), channels="alpha").content)

    assert (found == np.repeat([[0, 255]], 40, axis=1).repeat(60, axis=0)).all()


@pytest.mark.parametrize(
    ("color", "expected"),
    [
        ("81d4fa", (129, 212, 250, 255)),
        ("#81d4fa", (129, 212, 250, 255)),
        ("fff", (255, 255, 255, 255)),
        ("green", (0, 128, 0, 255)),
        ("0000ff80", (0, 0, 255, 128)),
    ],
)
def test_background_colors(server: Served, color: str, expected: tuple[int, ...]) -> None:
    answer = server.removebg(png(two_halves()), bg_color=color, format="png")

    found = pixels_of(answer.content)
    assert (*found[0, 0], 255)[:4] == expected
    assert (*found[0, 79], 255)[:4] == (250, 240, 200, 255)


def test_a_background_image_lies_behind_the_subject(server: Served) -> None:
    behind = np.full((30, 40, 3), (10, 200, 30), np.uint8)
    files = {"image_file": png(two_halves()), "bg_image_file": png(behind)}

    answer = server.post("/v1.0/removebg", files=files)

    with Image.open(io.BytesIO(answer.content)) as image:
        assert image.format == "JPEG", "nothing is transparent, so that auto means JPEG"
        left = image.convert("RGB").getpixel((10, 30))
    assert isinstance(left, tuple)
    assert np.abs(np.subtract(left, (10, 200, 30))).max() <= 6


@pytest.mark.parametrize(
    ("margin", "size"),
    [
        ("", (30, 30)),
        ("5px", (40, 40)),
        ("10%", (36, 36)),
        ("5px 10px", (40, 50)),
        ("1 2 3 4", (34, 36)),
    ],
)
def test_cropping_leaves_a_margin(server: Served, margin: str, size: tuple[int, int]) -> None:
    answer = server.removebg(png(with_box(BOX)), crop="true", crop_margin=margin)

    found = pixels_of(answer.content)
    assert found.shape[:2] == size
    assert int((found[..., 3] == 255).sum()) == 900
    assert (answer.headers["x-width"], answer.headers["x-height"]) == (str(size[1]), str(size[0]))


def test_a_margin_of_four_goes_around_from_the_top(server: Served) -> None:
    answer = server.removebg(png(with_box(BOX)), crop="true", crop_margin="1px 2px 3px 4px")

    assert (answer.headers["x-foreground-top"], answer.headers["x-foreground-left"]) == ("1", "4")


def test_a_scale_makes_the_subject_fill_the_canvas_in_the_middle(server: Served) -> None:
    answer = server.removebg(png(with_box(BOX)), scale="100%")

    found = pixels_of(answer.content)
    assert found.shape[:2] == (60, 80)
    assert (found[2:58, 12:68, 3] == 255).all()
    assert (found[:, :9, 3] == 0).all()


@pytest.mark.parametrize(
    ("position", "corner"), [("center", (25, 15)), ("0%", (0, 0)), ("100% 0%", (50, 0)), ("original", (20, 10))]
)
def test_positions(server: Served, position: str, corner: tuple[int, int]) -> None:
    answer = server.removebg(png(with_box(BOX)), position=position)

    assert (answer.headers["x-foreground-left"], answer.headers["x-foreground-top"]) == tuple(map(str, corner))


@pytest.mark.parametrize("roi", ["0px 0px 35px 60px", "0% 0% 43.75% 100%"])
def test_only_what_is_in_the_roi_is_the_subject(server: Served, roi: str) -> None:
    answer = server.removebg(png(with_box(BOX)), roi=roi)

    assert answer.headers["x-foreground-width"] == "15"


def test_a_preview_has_a_quarter_of_a_megapixel_and_its_roi_still_fits(server: Served) -> None:
    large = np.kron(with_box(BOX), np.ones((12, 12, 1), np.uint8))

    answer = server.removebg(png(large), size="preview", roi="0px 0px 420px 720px")

    width, height = (int(answer.headers[f"x-{name}"]) for name in ("width", "height"))
    assert 0.24e6 < width * height <= 0.25e6
    assert abs(width / height - 4 / 3) < 0.01
    assert abs(int(answer.headers["x-foreground-width"]) - 15 * width / 80) <= 2
    assert pixels_of(answer.content).shape == (height, width, 4)


def test_a_transparent_image_stays_transparent_where_it_was(server: Served) -> None:
    pixels = np.dstack([two_halves(), np.full((60, 80), 255, np.uint8)])
    pixels[:30, :, 3] = 100

    found = pixels_of(server.removebg(png(pixels)).content)

    assert (found[:30, 41:, 3] == 100).all()
    assert (found[30:, 41:, 3] == 255).all()


@pytest.mark.parametrize(
    ("fields", "status", "code", "words"),
    [
        ({"add_shadow": "true"}, 400, "not_supported", "shadows"),
        ({"shadow_type": "drop"}, 400, "not_supported", "shadows"),
        ({"semitransparency": "false"}, 400, "not_supported", "transparent"),
        ({"size": "huge"}, 400, "invalid_parameters", "unknown size 'huge'"),
        ({"type": "dragon"}, 400, "invalid_parameters", "unknown type"),
        ({"format": "bmp"}, 400, "invalid_parameters", "unknown format"),
        ({"channels": "cmyk"}, 400, "invalid_parameters", "unknown channels"),
        ({"crop": "maybe"}, 400, "invalid_parameters", "unknown crop"),
        ({"crop": "true", "crop_margin": "60%"}, 400, "invalid_parameters", "margin"),
        ({"crop": "true", "crop_margin": "1 2 3"}, 400, "invalid_parameters", "3 margins"),
        ({"crop": "true", "crop_margin": "-1px"}, 400, "invalid_parameters", "margin"),
        ({"crop": "true", "scale": "50%"}, 400, "invalid_parameters", "cropped or placed"),
        ({"scale": "5%"}, 400, "invalid_parameters", "scale"),
        ({"scale": "50px"}, 400, "invalid_parameters", "scale"),
        ({"position": "120%"}, 400, "invalid_parameters", "position"),
        ({"roi": "1 2 3"}, 400, "invalid_parameters", "four"),
        ({"roi": "50px 50px 10px 10px"}, 400, "invalid_parameters", "roi"),
        ({"roi": "nonsense"}, 400, "invalid_parameters", "not a length"),
        ({"bg_color": "blueish"}, 400, "invalid_parameters", "unknown color"),
        ({"bg_color": "red", "channels": "alpha"}, 400, "invalid_parameters", "background"),
        ({"channels": "alpha", "format": "zip"}, 400, "invalid_parameters", "zip"),
        ({"bg_colour": "red"}, 400, "unknown_parameter", "did you mean bg_color?"),
        ({"image_url": "http://example.com/a.png"}, 400, "multiple_sources", "more than one"),
        ({"bg_image_url": "http://example.com/a.png"}, 400, "url_not_allowed", "does not fetch"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_in_words(
    server: Served, fields: dict[str, str], status: int, code: str, words: str
) -> None:
    answer = server.removebg(png(two_halves()), **fields)

    assert answer.status_code == status, answer.text
    (error,) = answer.json()["errors"]
    assert error["code"] == code
    assert words in f"{error['title']} {error['detail']}"


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"not an image", 415, "invalid_file_type"),
        (b"", 415, "invalid_file_type"),
        (png(np.zeros((60, 80, 3), np.uint8)), 422, "unknown_foreground"),
        (png(two_halves())[:60], 415, "invalid_file_type"),
    ],
    ids=["text", "empty", "no subject", "cut off"],
)
def test_images_that_cannot_be_cut_out_are_refused(server: Served, data: bytes, status: int, code: str) -> None:
    answer = server.removebg(data)

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, code), answer.text
    assert str(server.temporary) not in answer.text


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({"data": {"size": "auto"}}, 400, "missing_source"),
        ({"data": {"image_file": "/etc/passwd"}}, 400, "missing_source"),
        ({"data": {"image_url": "http://example.com/a.png"}}, 400, "url_not_allowed"),
        ({"data": {"image_file_b64": "%%%"}}, 400, "invalid_parameters"),
        ({"data": b"\x89PNG", "headers": {"Content-Type": "image/png"}}, 415, "unsupported_media_type"),
        ({"data": b"{", "headers": {"Content-Type": "application/json"}}, 400, "invalid_json"),
        ({"data": b"[]", "headers": {"Content-Type": "application/json"}}, 400, "invalid_json"),
        ({"data": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 400, "invalid_form"),
        ({"data": b"x", "headers": {"Content-Type": "multipart/form-data; boundary=y"}}, 400, None),
    ],
    ids=str,
)
def test_requests_without_an_image_are_refused(
    server: Served, sent: dict[str, object], status: int, code: str | None
) -> None:
    answer = server.post("/v1.0/removebg", **sent)

    assert answer.status_code == status, answer.text
    assert code is None or answer.json()["errors"][0]["code"] == code


def test_a_parameter_that_is_given_twice_is_refused(server: Served) -> None:
    files = [("image_file", png(two_halves())), ("size", (None, "auto")), ("size", (None, "hd"))]

    answer = server.post("/v1.0/removebg", files=files)

    assert (answer.status_code, answer.json()["errors"][0]["title"]) == (400, "'size' is given twice")
