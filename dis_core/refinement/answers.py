"""At which side a model answers, which may be less than what it sees: what is larger than that can become finer."""

from __future__ import annotations

from dis_core.protocols import AnswersSmaller, Quality, Segmenter


def answer_side_of(segmenter: Segmenter, quality: Quality) -> int:
    """The side in pixels of the square that the model's matte is made of: what it sees, unless it says otherwise."""
    if isinstance(segmenter, AnswersSmaller):
        return segmenter.answer_side_for(quality)
    return segmenter.side_for(quality)
