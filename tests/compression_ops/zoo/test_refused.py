"""A network that cannot go the whole way is refused before its first epoch, in words that say what to do."""

import pytest

from compression_ops import dry_run
from compression_ops.errors import ModelError
from compression_ops.models.network import Network
from compression_ops.quantization.methods.calibrated import Calibrated
from compression_ops.quantization.precision import Precision
from tests.compression_ops import small_data
from tests.compression_ops.zoo import refused

REFUSALS = {
    "softmax": ("probabilities", "Leave the softmax at its end out"),
    "random_in_evaluation": ("other outputs for the same samples", "self.training"),
    "branch_on_data": ("export to ONNX failed", "control flow that depends on the data"),
    "other_classes": ("(2, 4)", "Correct the architecture's last layer"),
    "tuple_in_evaluation": ("is tuple", "Correct the architecture's last layer"),
    "mixes_samples": ("in a batch with others", "only while `self.training`"),
    "no_gradient": ("no weight of the network has a gradient", "argmax"),
    "not_a_number": ("the loss is nan before anything was learned", "logarithm"),
    "forgetful": ("gives other logits", "buffers that are saved"),
    "features_first": ("shapes [4, 8], [4, 3], of which [4, 8] comes first", "return the logits first, or alone"),
    "complex_weights": ("complex numbers, filter;", "as two parameters"),
    "state_beside_tensors": ("_extra_state of type dict", "get_extra_state return a tensor"),
    "ends_the_process": ("refused.py:", "SystemExit: no licence (it ends the process; let it raise an error"),
    "ends_it_by_another_exception": ("refused.py:", "CancelledError: cancelled"),
    "ends_it_while_it_runs": ("refused.py:", "SystemExit: 3 (it ends the process"),
    "ends_it_in_evaluation": ("refused.py:", "SystemExit: 3 (it ends the process"),
    "nothing": ("the factory returned NoneType", "must return a torch.nn.Module"),
    "views_of_one_tensor": ("cannot be saved", "share all of their memory or none"),
}


def tried(name: str) -> tuple[str, ...]:
    data = small_data.data()
    network = Network(f"{refused.__name__}:{name}", small_data.SHAPE, small_data.CLASSES)
    return dry_run.check(
        network,
        small_data.training(epochs=50, learning_rate=0.01),
        data.train,
        data.description,
        [(Precision(), Calibrated())],
    )


@pytest.mark.parametrize("name", REFUSALS)
def test_a_network_is_refused_with_the_cure(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ModelError) as caught:
        tried(name)
    assert all(words in str(caught.value) for words in REFUSALS[name]), str(caught.value)
    assert "".join(capfd.readouterr()) == ""


def test_a_state_that_is_a_tensor_goes_the_whole_way() -> None:
    assert tried("state_that_is_a_tensor") == ()


def test_outputs_of_a_sigmoid_are_warned_of() -> None:
    (warning,) = tried("sigmoid")
    assert "between 0 and 1" in warning
    assert "Leave that last activation out" in warning
