"""ONNX nodes, written one after the other."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from onnx import NodeProto


class Nodes:
    """Nodes in the order in which they compute, each with one output of a free name."""

    def __init__(self, names: Iterator[str]) -> None:
        self.nodes: list[NodeProto] = []
        self._names = names

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add one; the name of what it computes."""
        from onnx import helper

        self.nodes.append(helper.make_node(operator, [*inputs], [next(self._names)], **attributes))
        return self.nodes[-1].output[0]

    def constant(self, values: "NDArray[Any]") -> str:
        """Numbers of their own type, as a node."""
        from onnx import numpy_helper

        return self.node("Constant", value=numpy_helper.from_array(values))

    def number(self, value: float) -> str:
        """One of float32."""
        import numpy as np

        return self.constant(np.array(value, np.float32))

    def column(self, values: "NDArray[np.float32]") -> str:
        """[M] as [M, 1]."""
        return self.constant(values.reshape(-1, 1))

    def cast(self, value: str) -> str:
        """As float32."""
        from onnx import TensorProto

        return self.node("Cast", value, to=TensorProto.FLOAT)

    def whole(self, first: int, stop: int) -> str:
        """first, first + 1, … stop - 1, int64."""
        import numpy as np

        return self.node("Range", *(self.constant(np.array(each, np.int64)) for each in (first, stop, 1)))
