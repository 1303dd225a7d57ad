"""Which models no other model beats on both cost and value."""

from collections.abc import Sequence


def front(costs: Sequence[float], values: Sequence[float]) -> list[int]:
    """Indices of the Pareto front, by rising cost: no other point costs at most as much and is worth at least as much
    while being better in one of the two. Of points equal in both, all are kept. Raises ValueError if lengths differ.
    """
    if len(costs) != len(values):
        raise ValueError(f"{len(costs)} costs for {len(values)} values; each point needs both")

    def dominated(index: int) -> bool:
        return any(
            costs[other] <= costs[index]
            and values[other] >= values[index]
            and (costs[other] < costs[index] or values[other] > values[index])
            for other in range(len(costs))
        )

    kept = [index for index in range(len(costs)) if not dominated(index)]
    return sorted(kept, key=lambda index: (costs[index], values[index], index))
