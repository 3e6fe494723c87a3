"""`python -m tests.fakes.bright_command cutout ...`: the command with the models of `bright_model`, to be killed."""

from __future__ import annotations

from dis_core.__main__ import main
from dis_core.registry import manager as registry
from tests.fakes import bright_model


def add_bright_models() -> None:
    """Let this process know the models too, for as long as it lives."""
    known = {**registry.models(), **bright_model.SPECS}
    setattr(registry, "models", lambda: known)  # noqa: B010 - type checkers see no function there to replace


if __name__ == "__main__":
    add_bright_models()
    main()
