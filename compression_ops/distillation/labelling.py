"""The teacher labels the train split: its logits for every view, one view at a time."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

from compression_ops.data.augmentation import augment
from compression_ops.data.storage import mapped
from compression_ops.data.views import Views
from compression_ops.errors import ModelError
from compression_ops.models.inference import BATCH_SIZE
from compression_ops.onnx_model.inference import Forward


def label_views(teacher: Forward, images: Tensor, views: Views, batch_size: int = BATCH_SIZE) -> Iterator[Tensor]:
    """The teacher's logits for each view in turn: float16 [N, classes]. One batch of pixels a thread is in memory.

    The batches are the same whatever the number of threads, and so are the bits. Raises ModelError if a logit is not
    finite in float16.
    """
    with ThreadPoolExecutor(teacher.threads) as pool:
        for view in range(views.views):
            transformations = views.transformations(len(images), view)

            def label(start: int, transformations: Tensor | None = transformations) -> Tensor:
                rows = slice(start, start + batch_size)
                taken = images[rows]
                mapped.used(taken)
                pixels = augment(taken, None if transformations is None else transformations[rows])
                return teacher.logits(pixels).to(torch.float16)

            labels = torch.cat(list(pool.map(label, range(0, len(images), batch_size))))
            if not torch.isfinite(labels).all():
                raise ModelError(
                    f"the teacher gives logits for view {view} that float16 cannot hold (beyond ±65504, or not "
                    "finite). Train the teacher with a lower learning_rate or more weight_decay."
                )
            yield labels
