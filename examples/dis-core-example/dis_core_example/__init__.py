"""What dis-core is told of the model. Every command imports this, so it imports no torch."""

from dis_core.plugins import ModelSpec, WeightsFile, hookimpl

WARM = ModelSpec(
    name="warm",
    summary="what is warm in color is the subject: an example",
    license="MIT",
    commercial_use="yes",
    weights=WeightsFile("someone/warm", "warm.safetensors", size_bytes=212),
    loader="dis_core_example.network:load",
)


@hookimpl
def dis_register_models() -> tuple[ModelSpec, ...]:
    return (WARM,)
