"""All kinds of subjects and backdrops, and how often each is chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dis_core.scenes.backdrops import places, simple
from dis_core.scenes.subjects import living
from dis_core.scenes.subjects.cars import car
from dis_core.scenes.subjects.household import basket, cup_on_saucer, potted_plant, statue
from dis_core.scenes.subjects.objects import MADE, bicycle, fruit, lattice
from dis_core.scenes.subjects.seated import lying_pet, sitting_pet, upper_body

if TYPE_CHECKING:
    from collections.abc import Callable

    from dis_core.scenes.backdrops.backdrop import Backdrop
    from dis_core.scenes.parts import Maker

    Place = Callable[[np.random.Generator, tuple[int, int]], Backdrop]

SUBJECTS: dict[Maker, float] = {
    **dict.fromkeys((*living.LIVING, *MADE), 0.7),
    living.blossoms_of_shapes: 3.6,
    living.portrait: 2.2,
    living.animal_face: 1.8,
    living.vessel: 1.5,
    living.flower: 1.2,
    living.standing_person: 1.4,
    living.four_legs: 1.2,
    fruit: 1.2,
    lattice: 0.5,
    bicycle: 0.6,
    upper_body: 4.0,
    sitting_pet: 2.0,
    lying_pet: 2.2,
    car: 2.6,
    basket: 1.8,
    cup_on_saucer: 1.6,
    potted_plant: 2.2,
    statue: 1.2,
}

PLACES: dict[Place, float] = {
    simple.studio: 0.08,
    simple.table: 0.1,
    simple.landscape: 0.07,
    simple.sky: 0.04,
    simple.foliage: 0.07,
    simple.interior: 0.06,
    simple.from_above: 0.08,
    places.room: 0.14,
    places.bookshelves: 0.05,
    places.street: 0.1,
    places.thicket: 0.06,
    places.lawn: 0.07,
    places.table_top: 0.05,
    places.planks: 0.03,
}


def random_maker(rng: np.random.Generator) -> Maker:
    """Choose a kind of subject; people, pets, cars, household things and abstract shapes are more frequent."""
    makers = list(SUBJECTS)
    odds = np.array([SUBJECTS[maker] for maker in makers])
    return makers[int(rng.choice(len(makers), p=odds / odds.sum()))]


def random_backdrop(rng: np.random.Generator, size: tuple[int, int]) -> Backdrop:
    """Choose and make a backdrop of `size` (height, width)."""
    makers = list(PLACES)
    odds = np.array([PLACES[maker] for maker in makers])
    return makers[int(rng.choice(len(makers), p=odds / odds.sum()))](rng, size)
