"""TextCNN: Kim 2014, "Convolutional Neural Networks for Sentence Classification" (arXiv 1408.5882).

A sentence is the rows of its words, one below the other. Each filter spans a few words, slides over the sentence, and
keeps its largest answer, wherever that was.
"""

import torch
from torch import Tensor, nn

_WIDTHS = (3, 4, 5)


class TextCNN(nn.Module):
    """Embedding ─► per width: convolution, ReLU, maximum over time ─► concatenation ─► dropout ─► linear."""

    def __init__(
        self, words: int, vocabulary: int, classes: int, dimensions: int, filters: int, dropout: float
    ) -> None:
        super().__init__()
        widths = [width for width in _WIDTHS if width <= words] or [words]
        self.embedding = nn.Embedding(vocabulary, dimensions, padding_idx=0)
        self.convolutions = nn.ModuleList(nn.Conv1d(dimensions, filters, width) for width in widths)
        self.over_time = nn.ModuleList(nn.MaxPool1d(words - width + 1) for width in widths)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(filters * len(widths), classes)

    def forward(self, ids: Tensor) -> Tensor:
        sentence = self.embedding(ids).transpose(1, 2)
        answers = [
            pool(torch.relu(convolution(sentence))).flatten(1)
            for convolution, pool in zip(self.convolutions, self.over_time, strict=True)
        ]
        return self.linear(self.dropout(torch.cat(answers, dim=1)))


def build(
    input_shape: tuple[int],
    classes: int,
    vocabulary: int,
    dimensions: int = 32,
    filters: int = 32,
    dropout: float = 0.5,
) -> nn.Module:
    """int64 [N, L] with ids below `vocabulary`, 0 of them padding -> logits [N, classes].

    14,275 parameters for 50 ids and 3 classes. The paper's has 300 dimensions and 100 filters a width.
    """
    return TextCNN(input_shape[0], vocabulary, classes, dimensions, filters, dropout)
