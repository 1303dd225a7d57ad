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
    "a warm-up of a loss that is longer than the training": (
        _loss("type: dkd, warmup_epochs: 3"),
        "students.small.loss.warmup_epochs: longer than the training",
        "3 (a number)",
        "at most 2, the epochs of that training",
    ),
    "a warm-up of a student that is longer than the training": (
        ("batch_size: 64\n      learning_rate", "warmup_epochs: 2.5\n      batch_size: 64\n      learning_rate"),
        "students.small.warmup_epochs: longer than the training",
        "2.5 (a number)",
        "at most 2",
    ),
    "a warm-up of a teacher that is longer than the training": (
        ("weight_decay: 0.0001", "warmup_epochs: 1.5"),
        "teacher.warmup_epochs: longer than the training",
        "1.5 (a number)",
        "at most 1",
    ),
    "a warm-up of a method that is longer than the training": (
        _learned_by("type: dkd, warmup_epochs: 20"),
        "quantized_students.int8.method.loss.warmup_epochs: longer than the training",
        "20 (a number)",
        "at most 2",
    ),
}
