"""A trained network tells the same classes in C as in onnxruntime, in any compiler's build, without a fault."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from compression_ops.c_code import reference, source
from compression_ops.models.network import Network, build
from compression_ops.onnx_model import export, session
from tests.compression_ops.c_code import compiled, quantized

SHAPE = (1, 8, 8)


def digits() -> tuple[np.ndarray, np.ndarray]:
    """1,797 images, uint8 [N, 1, 8, 8], and their labels."""
    bunch = load_digits()
    return (bunch.images * 15.9375).astype(np.uint8)[:, None], bunch.target


def trained(images: np.ndarray, labels: np.ndarray) -> nn.Module:
    """A strided_cnn, in five epochs."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build(Network("strided_cnn", SHAPE, 10))
        optimizer = torch.optim.Adam(network.parameters(), 0.005)
        inputs, targets = (torch.from_numpy(images) / 255 - 0.3) / 0.2, torch.from_numpy(labels)
        for _ in range(5):
            for rows in torch.randperm(len(inputs)).split(64):
                optimizer.zero_grad()
                nn.functional.cross_entropy(network(inputs[rows]), targets[rows]).backward()
                optimizer.step()
    return network.eval()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    images, labels = digits()
    file = tmp_path_factory.mktemp("digits") / "model.onnx"
    network = export.export(trained(images, labels), SHAPE)
    return quantized.shipped(network, images[:256], quantized.described(SHAPE, 10), file)


def test_999_of_1000_classes_are_those_of_onnxruntime(model: Path) -> None:
    images, labels = digits()
    theirs = session.predict(session.open_session(model), images)
    ordered = np.sort(theirs, axis=1)
    clear = ordered[:, -1] > ordered[:, -2]
    assert clear.mean() > 0.99
    found = reference.Predictor(model).classes(images[:, 0])
    assert (found == theirs.argmax(axis=1))[clear].mean() >= 0.999
    assert (found == labels).mean() > 0.95


@pytest.mark.compiler
def test_the_c_code_tells_the_classes_of_all_digits(model: Path) -> None:
    images, _ = digits()
    source.write(model, model.parent)
    logits, classes = compiled.run(compiled.build(model.parent), images)
    predictor = reference.Predictor(model)
    np.testing.assert_array_equal(logits, predictor(images))
    np.testing.assert_array_equal(classes, predictor.classes(images))


@pytest.mark.slow
@pytest.mark.compiler
@pytest.mark.parametrize(
    "flags",
    [
        ("-O0",),
        ("-O3", "-march=native"),
        ("-Os",),
        ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover"),
    ],
    ids=["unoptimized", "fastest", "smallest", "sanitized"],
)
@pytest.mark.parametrize("compiler", ["cc", pytest.param("clang", marks=pytest.mark.clang)])
def test_every_build_gives_the_same_integers(
    compiler: str, flags: tuple[str, ...], model: Path, tmp_path: Path
) -> None:
    images, _ = digits()
    source.write(model, tmp_path)
    logits, _ = compiled.run(compiled.build(tmp_path, compiler, flags), images[:500])
    np.testing.assert_array_equal(logits, reference.Predictor(model)(images[:500]))


@pytest.mark.compiler
def test_the_object_needs_nothing_but_what_compilers_put_for_loops(model: Path, tmp_path: Path) -> None:
    source.write(model, tmp_path)
    command = ["cc", *compiled.STRICT, "-O3", "-c", "-o", str(tmp_path / "model.o"), str(tmp_path / "model.c")]
    subprocess.run(command, check=True)
    told = subprocess.run(["nm", str(tmp_path / "model.o")], capture_output=True, text=True, check=True).stdout
    symbols = [line.split()[-2:] for line in told.splitlines()]
    assert {name for kind, name in symbols if kind == "U"} <= {"memcpy", "memset", "memmove", "_GLOBAL_OFFSET_TABLE_"}
    assert {name for kind, name in symbols if kind == "T"} == {"model_predict", "model_classify"}


def test_the_source_holds_no_float_and_includes_nothing_but_stdint(model: Path, tmp_path: Path) -> None:
    written = source.write(model, tmp_path)
    texts = [file.read_text() for file in (written.header, written.source)]
    code = re.sub(r"/\*.*?\*/", "", "".join(texts), flags=re.DOTALL)
    assert re.findall(r"#include (.*)", code) == ["<stdint.h>", '"model.h"']
    assert not re.search(r"\b(float|double|malloc|calloc|free)\b|\d\.\d|\d[eE][-+]?\d", code)
    assert {file.name for file in tmp_path.iterdir()} == {"model.h", "model.c"}


def test_the_same_model_is_written_the_same_and_another_name_names_all(model: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    once, again = source.write(model, first), source.write(model, second)
    assert once.source.read_bytes() == again.source.read_bytes()
    assert once.header.read_bytes() == again.header.read_bytes()
    named = source.write(model, second, "digit")
    assert named.source.name == "digit.c"
    assert "void digit_predict(const uint8_t *pixels, int32_t *logits);" in named.header.read_text()
    assert "model_" not in named.source.read_text() + named.header.read_text()
