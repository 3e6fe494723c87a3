"""`POST /v1/segment` and the addresses around it."""

from __future__ import annotations

import base64
import email.parser
import email.policy
import json
from typing import Any

import numpy as np
import pytest
import requests
from openapi_spec_validator import validate

from dis_core.server import removebg, segment
from tests.fakes.served import Served, pixels_of, png, two_halves, with_box

BOX = (20, 10, 50, 40)


def parts_of(answer: requests.Response) -> dict[str, bytes]:
    """The parts of a multipart answer by name, as Python's own reader for e-mail takes them apart."""
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + answer.content)
    parts = {}
    for part in message.iter_parts():
        payload = part.get_payload(decode=True)
        assert isinstance(payload, bytes)
        parts[str(part.get_param("name", header="content-disposition"))] = payload
    return parts


def events_of(answer: requests.Response) -> list[tuple[str, Any]]:
    """The server-sent events of an answer."""
    found = []
    for block in answer.text.strip().split("\n\n"):
        name, data = block.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def test_a_result_is_a_cutout_unless_a_matte_is_asked_for(server: Served) -> None:
    cutout = server.segment(png(with_box(BOX)))
    matte = server.segment(png(with_box(BOX)), result="matte")

    assert cutout.status_code == matte.status_code == 200, cutout.text
    assert pixels_of(cutout.content)[20, 30].tolist() == [250, 240, 200, 255]
    assert pixels_of(matte.content).shape == (60, 80)
    assert cutout.headers["x-model"].startswith("bright@")


def test_all_parts_come_as_multipart(server: Served) -> None:
    answer = server.segment(png(with_box(BOX)), result="all")

    parts = parts_of(answer)
    assert set(parts) == {"result", "cutout", "matte"}
    facts = json.loads(parts["result"])
    assert (facts["width"], facts["height"], facts["remarks"]) == (80, 60, [])
    assert facts["foreground"] == {"left": 20, "top": 10, "width": 30, "height": 30}
    assert pixels_of(parts["cutout"]).shape == (60, 80, 4)
    assert pixels_of(parts["matte"]).max() == 65535


def test_the_depth_map_is_one_of_the_parts(server: Served) -> None:
    answer = server.segment(png(with_box(BOX)), {"model": "bright-with-depth"}, result="all")

    assert pixels_of(parts_of(answer)["depth"]).shape == (60, 80)


def test_boxes_and_points_say_what_the_subject_is(server: Served) -> None:
    pixels = with_box((5, 5, 25, 25)) | with_box((50, 30, 75, 55))

    options: list[dict[str, Any]] = [
        {"model": "bright-where-told", "boxes": [[45, 25, 80, 60]]},
        {"model": "bright-where-told", "points": {"subject": [[62.5, 42]]}},
        {"model": "bright", "roi": [40, 0, 80, 60]},
    ]
    alphas = [pixels_of(server.segment(png(pixels), asked, result="matte").content) for asked in options]

    assert all((alpha[:26, :26] == 0).all() for alpha in alphas)
    assert (alphas[0][30:55, 50:75] == 255).all()
    assert alphas[1][42, 62] == 255
    assert (alphas[2] == alphas[0]).all()


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        ("[]", 400, "invalid_json"),
        ('{"model": "pdfnot"}', 422, "unknown_model"),
        ('{"model": "pdfnet"}', 422, "model_not_installed"),
        ('{"model": "../../etc/passwd"}', 422, "unknown_model"),
        ('{"model": "bright", "depth_model": "depth-anything-v2-small"}', 422, "model_not_installed"),
        ('{"model": "dis-lite", "depth_model": "pdfnet"}', 422, "unknown_model"),
        ('{"model": "depth-anything-v2-small"}', 422, "unknown_model"),
        ('{"model": "\\ud800"}', 422, "unknown_model"),
        ('{"\\ud800": 1}', 400, "unknown_parameter"),
        ('{"depth": "/etc/passwd"}', 400, "invalid_parameters"),
        ('{"device": "cuda"}', 400, "invalid_parameters"),
        ('{"accept_noncommercial": true}', 400, "invalid_parameters"),
        ('{"qualty": "best"}', 400, "unknown_parameter"),
        ('{"quality": "superb"}', 400, "invalid_parameters"),
        ('{"refine": "magic"}', 400, "invalid_parameters"),
        ('{"roi": [1, 2, 3]}', 400, "invalid_parameters"),
        ('{"roi": [500, 500, 600, 600]}', 400, "invalid_parameters"),
        ('{"points": {"subject": [[9, 9]]}}', 422, "model_not_installed"),
        ('{"boxes": [[1, 1, 20, 20]], "prompt_model": "sam-vit-base"}', 422, "model_not_installed"),
        ('{"boxes": [[1, 1, 20, 20]], "prompt_model": "sam"}', 422, "unknown_model"),
        ('{"max_tiles": -5}', 400, "invalid_parameters"),
        ('{"max_tiles": 1e400}', 400, "invalid_parameters"),
    ],
)
def test_options_that_cannot_be_are_refused_in_words(server: Served, options: str, status: int, code: str) -> None:
    answer = server.post("/v1/segment", files={"image": png(two_halves())}, data={"options": options})

    assert answer.status_code == status, answer.text
    assert answer.json()["errors"][0]["code"] == code
    assert answer.json()["errors"][0]["title"]


def test_progress_comes_as_events_and_the_result_as_the_last_one(server: Served) -> None:
    files, accept = {"image": png(with_box(BOX))}, {"Accept": "text/event-stream"}

    answer = server.post("/v1/segment", files=files, headers=accept)

    assert answer.headers["content-type"].startswith("text/event-stream")
    *progress, (name, result) = events_of(answer)
    assert {kind for kind, _ in progress} == {"progress"}
    shares = [data["fraction"] for _, data in progress]
    assert shares == sorted(shares)
    assert shares[-1] <= 1
    assert "segmenting" in [data["doing"] for _, data in progress]
    assert (name, result["media_type"]) == ("result", "image/png")
    assert pixels_of(base64.b64decode(result["data"])).shape == (60, 80, 4)


def test_events_say_why_there_is_no_result(server: Served) -> None:
    answer = server.post("/v1/segment", files={"image": b"nothing"}, headers={"Accept": "text/event-stream"})

    name, data = events_of(answer)[-1]
    assert (name, data["status"], data["errors"][0]["code"]) == ("error", 415, "invalid_file_type")


def test_large_results_arrive_whole_in_events(server: Served) -> None:
    noise = np.random.default_rng(1).integers(129, 256, (400, 500, 3), np.uint8)

    plain = server.segment(png(noise))
    answer = server.post("/v1/segment", files={"image": png(noise)}, headers={"Accept": "text/event-stream"})

    assert base64.b64decode(events_of(answer)[-1][1]["data"]) == plain.content
    assert len(plain.content) > 300_000


def test_models_are_listed_without_paths(server: Served) -> None:
    answer = server.get("/v1/models")

    models = {model["name"]: model for model in answer.json()["models"]}
    assert models["bright"]["default"]
    assert models["bright"]["usable"]
    assert models["bright-where-told"]["prompts"] == ["box", "points"]
    assert models["bright"]["prompts"] == []
    assert "box" in models["bright"]["accepts"]
    assert (models["pdfnet"]["installed"], models["pdfnet"]["usable"]) == (False, False)
    assert "/" not in "".join(json.dumps(model) for model in models.values()).replace("http://", "").replace(
        "and/or", ""
    )


def test_metrics_are_what_prometheus_reads(server: Served) -> None:
    server.removebg(png(two_halves()))
    before = server.metric("dis_core_images_total")

    server.removebg(png(two_halves()))
    server.get("/no/such/path")

    assert server.metric("dis_core_images_total") == before + 1
    assert server.metric('dis_core_requests_total{path="/v1.0/removebg",status="200"}') >= 2
    assert server.metric('dis_core_requests_total{path="other",status="404"}') >= 1
    for line in server.get("/metrics").text.splitlines():
        assert line.startswith("# ") or len(line.rsplit(" ", 1)) == 2


def test_the_description_is_valid_and_names_what_is_read(server: Served) -> None:
    described = server.get("/openapi.json").json()

    validate(described)
    content = described["paths"]["/v1.0/removebg"]["post"]["requestBody"]["content"]
    assert set(content["multipart/form-data"]["schema"]["properties"]) == set(removebg.PARAMETERS)
    content = described["paths"]["/v1/segment"]["post"]["requestBody"]["content"]
    assert set(content["multipart/form-data"]["schema"]["properties"]) == set(segment.PARAMETERS)


def test_other_addresses_and_methods_are_refused(server: Served) -> None:
    assert server.get("/nothing").status_code == 404
    assert server.get("/v1.0/removebg").status_code == 405
    assert server.get("/../../etc/passwd").status_code == 404
    assert server.get("/page.js/../../app.py").status_code == 404
