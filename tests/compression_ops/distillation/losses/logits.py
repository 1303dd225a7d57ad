"""Logits of a student and a teacher, and their probabilities by scipy, for the tests of losses."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import special

_GENERATOR = torch.Generator().manual_seed(0)
STUDENT = torch.randn(6, 4, dtype=torch.float64, generator=_GENERATOR) * 3
TEACHER = torch.randn(6, 4, dtype=torch.float64, generator=_GENERATOR) * 3
LABELS = torch.tensor([0, 1, 2, 3, 0, 1])
WEIGHTS = torch.tensor([0.5, 2.0, 1.0, 3.0], dtype=torch.float64)


def probabilities(temperature: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of the student and of the teacher, [6, 4]."""
    student, teacher = (special.softmax(logits.numpy() / temperature, axis=1) for logits in (STUDENT, TEACHER))
    return student, teacher


def cross_entropies() -> NDArray[np.float64]:
    """Of each sample with its label, in nats, [6]."""
    return -special.log_softmax(STUDENT.numpy(), axis=1)[np.arange(len(LABELS)), LABELS.numpy()]
