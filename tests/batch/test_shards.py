"""Shares of very many images: none twice, none left out, and none that moves when others come."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dis_core.batch.shards import Shard, as_shard, family_of
from dis_core.cli.planning import stems_of
from dis_core.errors import BadRequest
from dis_core.images.formats import IMAGE_ENDINGS

PATHS = [f"{number // 100}/photo {number}.jpg" for number in range(2000)]


def test_every_image_is_in_one_shard() -> None:
    for path in PATHS:
        assert sum(Shard(number, 7).holds(path) for number in range(1, 8)) == 1


def test_shards_are_about_equally_large() -> None:
    sizes = Counter(number for number in range(1, 9) for path in PATHS if Shard(number, 8).holds(path))

    assert min(sizes.values()) > 0.8 * len(PATHS) / 8
    assert max(sizes.values()) < 1.2 * len(PATHS) / 8


def test_a_path_is_in_the_same_shard_in_every_version_and_on_every_machine() -> None:
    """Recorded with `printf "0/photo 5" | sha256sum`, the first 16 digits modulo 3."""
    assert [path for path in PATHS[:12] if Shard(2, 3).holds(path)] == [f"0/photo {n}.jpg" for n in (5, 8, 10)]


@given(
    st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=8),
    st.lists(st.sampled_from(sorted(IMAGE_ENDINGS)), min_size=2, max_size=2),
)
def test_images_whose_results_can_get_the_same_name_are_in_one_shard(stem: str, endings: list[str]) -> None:
    one, other = endings
    names = [stem, *islice(stems_of(Path(f"{stem}{one}")), 4)]

    assert len({family_of(f"deep/{name}{other}") for name in names} | {family_of(f"deep/{stem}{one}")}) == 1


def test_names_that_differ_in_case_only_are_in_one_shard() -> None:
    assert family_of("Photos/BEACH.JPG") == family_of("photos/beach.png")


@pytest.mark.parametrize("text", ["0/4", "5/4", "4", "a/b", "1/0", "-1/4", "1/4/2", "1.5/4", ""])
def test_an_impossible_shard_is_refused_in_words(text: str) -> None:
    with pytest.raises(BadRequest, match="shard"):
        as_shard(text)


def test_a_shard_is_read_as_it_is_written() -> None:
    assert as_shard(str(Shard(3, 16))) == Shard(3, 16)
