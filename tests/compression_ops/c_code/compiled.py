"""The C code of a model as a program that reads samples and writes logits."""

import subprocess
from pathlib import Path

import numpy as np

STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic")
_MAIN = """\
#include <stdio.h>
#include "model.h"

int main(void)
{
    static model_input sample[MODEL_INPUTS];
    int32_t row[MODEL_CLASSES + 1];
    while (fread(sample, sizeof sample, 1, stdin) == 1) {
        model_predict(sample, row);
        row[MODEL_CLASSES] = model_classify(sample);
        fwrite(row, sizeof row, 1, stdout);
    }
    return 0;
}
"""


def build(folder: Path, compiler: str = "cc", flags: tuple[str, ...] = ("-O1",)) -> Path:
    """The program of `folder/model.c`."""
    main, program = folder / "main.c", folder / "program"
    main.write_text(_MAIN)
    command = [compiler, *STRICT, *flags, "-o", str(program), str(main), str(folder / "model.c")]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    return program


def run(program: Path, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What C takes of samples, [N, ...], to logits, int32 [N, classes], and classes, int32 [N]."""
    finished = subprocess.run([str(program)], input=samples.tobytes(), capture_output=True, check=False)
    assert finished.returncode == 0, finished.stderr.decode()
    rows = np.frombuffer(finished.stdout, np.int32).reshape(len(samples), -1)
    return rows[:, :-1], rows[:, -1]
