"""Hostile and damaged inputs by chance, and by a seed: `python -m tests.fuzz --what images --seconds 60 --seed 1`.

Whatever comes in, our code answers with a result or a DisError, in bounded time and memory. A further kind of input is
a module like `images`, with a `Kind`, and a line in `kinds`.
"""
