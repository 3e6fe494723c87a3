"""Names of models in other programs: what is unknown here gets a suggestion."""

from __future__ import annotations

import pytest

from dis_core.errors import UnknownModel
from dis_core.registry import manager as registry
from dis_core.registry import other_names


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("PDFNet", "pdfnet"),
        ("isnet-general-use", "isnet"),
        ("u2net", "isnet"),
        ("u2netp", "dis-lite"),
        ("birefnet-general", "birefnet"),
        ("birefnet-general-lite", "birefnet-lite"),
        ("ZhengPeng7/BiRefNet", "birefnet"),
        ("DIS_SAM", "dis-sam"),
        ("bria-rmbg", "birefnet"),
        ("pfdnet", "pdfnet"),
        ("isnett", "isnet"),
    ],
)
def test_a_name_of_another_program_or_with_a_slip_gets_a_suggestion(name: str, meant: str) -> None:
    with pytest.raises(UnknownModel) as failure:
        registry.find_model(name)

    assert failure.value.message.rstrip("?").endswith(f" {meant}")


def test_a_name_that_is_like_no_other_gets_the_list() -> None:
    with pytest.raises(UnknownModel) as failure:
        registry.find_model("something else entirely")

    assert failure.value.message == "unknown model 'something else entirely'"
    assert failure.value.hint.startswith("choose one of: pdfnet, ")


def test_every_model_that_is_suggested_exists() -> None:
    suggested = {*other_names.SAME.values(), *other_names.NEAREST.values()}

    assert suggested <= set(registry.models())
