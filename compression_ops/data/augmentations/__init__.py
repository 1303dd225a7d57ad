"""Augmentations, one a module, found by its file name: `cutout.py` is `augmentation: {cutout: {size: 8}}`.

A module defines its parameters, a `Spec` with the class variable `order`, which says where it comes among the others
(the affine map has 20), and as functions

    misfits(spec, shape) -> the parameters that raw samples of a shape, such as (channels, height, width), do not allow
    draw(spec, samples, shape, random) -> tuple of tensors, each with a row for every sample of a split
        all that is random, from the given generator alone
    transform(spec, pixels, drawn, description) -> pixels
        raw samples as float32, such as [B, C, H, W] with values in [0, 255], and the rows drawn for these B samples

It changes images, unless it says of what else: `modalities: ClassVar[tuple[str, ...]] = ("signal",)`.

One that mixes each sample with another says `mixes: ClassVar[bool] = True`. Its `draw` begins with the other samples,
int64 [N], and the share of a sample's own label, float32 [N]; instead of `transform` it has

    mix(spec, pixels, others, drawn) -> pixels

What it computes for a sample may depend on that sample's batch in no bit, or the teacher's answers would be those to
other images than the student sees: arithmetic element by element, and sums that are exact in any order.
One whose parameters are all at their defaults does nothing.
"""
