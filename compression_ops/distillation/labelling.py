"""The teacher labels the train split: its logits for every view, one view at a time."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

from compression_ops.data.dataset import Description
from compression_ops.data.view import View
from compression_ops.data.views import Views
from compression_ops.errors import ModelError
from compression_ops.models.inference import batch_size_on
from compression_ops.onnx_model.inference import Forward


def label_views(
    teacher: Forward, images: Tensor, description: Description, views: Views, batch_size: int | None = None
) -> Iterator[Tensor]:
    """The teacher's logits for each view in turn: float16 [N, classes]. One batch of pixels a thread is in memory.

    Where a view mixes samples, they are its answer to the mixture (Beyer et al. 2022, "Knowledge distillation: A good
    teacher is patient and consistent": function matching). The batches are the same whatever the number of threads, and
    so are the bits. Raises ModelError if a logit is not finite in float16, DataError if the images do not allow the
    augmentation.
    """
    device = torch.device(teacher.device)
    size = batch_size or batch_size_on(device)
    with ThreadPoolExecutor(teacher.threads) as pool:
        for number in range(views.views):
            view = views.view(number, images, description)

            def label(rows: Tensor, view: View = view) -> Tensor:
                return teacher.logits(view.samples(rows, device)).to(torch.float16)

            labels = torch.cat(list(pool.map(label, torch.arange(len(images)).split(size))))
            if not torch.isfinite(labels).all():
                raise ModelError(
                    f"the teacher gives logits for view {number} that float16 cannot hold (beyond ±65504, or not "
                    "finite). Train the teacher with a lower learning_rate or more weight_decay."
                )
            yield labels
