"""Mistakes in what a recipe says of losses; see `mistakes`."""

_CALIBRATION = "calibration: {method: minmax, samples: 64}"
_CONSTANT = "nothing is learned from a loss that is always 0"


def _loss(text: str) -> tuple[str, str]:
    return ("{type: kd, temperature: 4.0, alpha: 0.9}", f"{{{text}}}")


def _learned_by(text: str) -> tuple[str, str]:
    method = f"method: {{type: lsq, epochs: 2, learning_rate: 0.001, loss: {{{text}}}}}"
    return (_CALIBRATION, f"{method}\n      {_CALIBRATION}")


LOSSES = {
    "a loss on logits that weighs nothing": (
        _loss("type: dist, inter: 0, intra: 0.0, label_weight: 0"),
        f"students.small.loss: {_CONSTANT}",
        "inter, intra and label_weight of 0",
        "more than 0 of at least one of inter, intra and label_weight",
    ),
    "a loss on features that weighs nothing": (
        _loss("type: fitnet, weight: 0, label_weight: 0"),
        f"students.small.loss: {_CONSTANT}",
        "at least one of weight and label_weight",
    ),
    "a loss of a method that weighs nothing": (
        _learned_by("type: dkd, alpha: 0, beta: 0, label_weight: 0"),
        f"quantized_students.int8.method.loss: {_CONSTANT}",
        "at least one of alpha, beta and label_weight",
    ),
}
