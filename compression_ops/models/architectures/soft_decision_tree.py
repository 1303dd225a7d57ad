"""A soft decision tree: Frosst & Hinton 2017, "Distilling a Neural Network Into a Soft Decision Tree".

An inner node i has a filter over all pixels and sends a sample right with the probability p_i = σ(β_i (w_i·x + b_i)),
where the inverse temperature β_i is learned. A leaf holds a distribution over the classes, the same for all samples. A
leaf's path probability is the product of what the nodes above it decide.

The paper answers with the leaf of the greatest path probability. Here the logits are the logarithm of the mixture: of
all leaves' distributions, each weighed by its path probability. So every loss on logits can train the tree, and what is
trained is what is measured; `decision_path` tells the paper's leaf.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

# Below it no probability of a class falls, so that its logarithm stays finite.
_LEAST = 1e-12
_EPSILON = 1e-6
_DEEPEST = 12


def build(
    input_shape: tuple[int, int, int], classes: int, depth: int = 8, balance: float = 0.1, balance_decay: float = 0.5
) -> nn.Module:
    """float32 [N, C, H, W] -> log-probabilities [N, classes]. 202,990 parameters for 28×28, 10 classes and depth 8.

    depth          levels of inner nodes, 1 to 12: 2^depth leaves
    balance        λ, how strongly a node is asked to send half of its samples either way while it trains; 0: not at all
    balance_decay  by which λ is multiplied a level, in (0, 1]; the paper's 2^-d is 0.5
    """
    if depth not in range(1, _DEEPEST + 1):
        raise ValueError(f"depth is {depth!r}; allowed is a whole number from 1 to {_DEEPEST}")
    if not balance >= 0 or not 0 < balance_decay <= 1:
        raise ValueError(
            f"balance is {balance!r} and balance_decay {balance_decay!r}; allowed are 0 and more, and more than 0 to 1"
        )
    return SoftDecisionTree(input_shape, classes, depth, balance, balance_decay)


@dataclass(frozen=True)
class DecisionPath:
    """From the root to the leaf that a sample most probably ends in; D nodes.

    filters       float32 [D, C, H, W]: β_i w_i, what each node multiplies the normalized sample with
    right         the probability with which each sends the sample right
    turns         whether the path turns right there
    leaf          number of the leaf, from the left
    probability   of ending in it
    distribution  what it answers: a probability a class
    """

    filters: Tensor
    right: tuple[float, ...]
    turns: tuple[bool, ...]
    leaf: int
    probability: float
    distribution: tuple[float, ...]


class SoftDecisionTree(nn.Module):
    """Nodes are counted level by level from the root: below node i are 2i + 1, on the left, and 2i + 2. So are leaves,
    from the left. With D levels there are 2^D - 1 inner nodes and 2^D leaves.
    """

    arrived: Tensor
    went_right: Tensor

    def __init__(
        self, input_shape: tuple[int, int, int], classes: int, depth: int, balance: float, balance_decay: float
    ) -> None:
        super().__init__()
        self.depth, self.balance, self.balance_decay = depth, balance, balance_decay
        nodes = 2**depth - 1
        channels, height, width = input_shape
        self.input_shape = (channels, height, width)
        self.filters = nn.Linear(channels * height * width, nodes)
        self.inverse_temperature = nn.Parameter(torch.ones(nodes))
        self.leaves = nn.Parameter(0.1 * torch.randn(2**depth, classes))
        # What the regularizer averages over batches: nobody needs it once the tree is trained.
        self.register_buffer("arrived", torch.zeros(nodes), persistent=False)
        self.register_buffer("went_right", torch.zeros(nodes), persistent=False)
        self._penalty: Tensor | None = None

    def forward(self, images: Tensor) -> Tensor:
        right = self.right(images)
        paths = self.path_probabilities(right)
        if self.training and self.balance > 0:
            self._penalty = self._imbalance(right, paths)
        mixture = paths[-1] @ self.distributions()
        return torch.log(mixture + _LEAST)

    def right(self, images: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, nodes]: the probability that each node sends each sample right."""
        return torch.sigmoid(self.filters(images.flatten(1)) * self.inverse_temperature)

    def path_probabilities(self, right: Tensor) -> list[Tensor]:
        """[N, nodes] -> for each level from the root, and last for the leaves, [N, 2^level]: of arriving there."""
        found = [torch.ones_like(right[:, :1])]
        for level in range(self.depth):
            here = right[:, 2**level - 1 : 2 ** (level + 1) - 1]
            both = torch.stack([found[-1] * (1 - here), found[-1] * here], dim=2)
            found.append(both.flatten(1))
        return found

    def distributions(self) -> Tensor:
        """[leaves, classes]: what each leaf answers."""
        return functional.softmax(self.leaves, dim=1)

    def training_penalty(self) -> Tensor | None:
        """Of the last batch in training mode: C = -Σ_i λ_i (log α_i + log(1 - α_i)) / 2, equation 5 of the paper.

        α_i is the share of what arrives at node i that it sends right, a running average over a window of 2^level
        batches; λ_i halves with each level by default.
        """
        penalty, self._penalty = self._penalty, None
        return penalty

    def decision_path(self, image: Tensor) -> DecisionPath:
        """Of one sample, float32 [C, H, W]: the nodes above the leaf of the greatest path probability, root first."""
        with torch.no_grad():
            right = self.right(image[None])
            paths = self.path_probabilities(right)[-1][0]
            leaf = int(paths.argmax())
            nodes = [0]
            turns = [bool(leaf >> level & 1) for level in reversed(range(self.depth))]
            for turn in turns[:-1]:
                nodes.append(2 * nodes[-1] + 1 + turn)
            filters = (self.filters.weight * self.inverse_temperature[:, None])[nodes]
            return DecisionPath(
                filters=filters.reshape(-1, *self.input_shape).cpu(),
                right=tuple(right[0, nodes].tolist()),
                turns=tuple(turns),
                leaf=leaf,
                probability=float(paths[leaf]),
                distribution=tuple(self.distributions()[leaf].tolist()),
            )

    def _imbalance(self, right: Tensor, paths: list[Tensor]) -> Tensor:
        arriving = torch.cat(paths[:-1], dim=1).float()
        levels = torch.cat([torch.full((2**level,), float(level)) for level in range(self.depth)]).to(right.device)
        kept = 1 - 2.0**-levels  # of the average so far: at the root nothing, the batch is large enough
        arrived = kept * self.arrived + (1 - kept) * arriving.mean(dim=0)
        went_right = kept * self.went_right + (1 - kept) * (arriving * right.float()).mean(dim=0)
        self.arrived, self.went_right = arrived.detach(), went_right.detach()
        share = (went_right / (arrived + _EPSILON)).clamp(_EPSILON, 1 - _EPSILON)
        weight = self.balance * self.balance_decay**levels
        return -(weight * 0.5 * (share.log() + (1 - share).log())).sum()
