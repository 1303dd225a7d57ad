"""What README, and docs/adding.md, show works as it stands."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from compression_ops import implementations
from compression_ops.distillation import losses
from tests.conftest import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
ADDING = (REPOSITORY / "docs" / "adding.md").read_text(encoding="utf-8")
RESULTS = (REPOSITORY / "docs" / "results.md").read_text(encoding="utf-8")


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The loss of docs/adding.md as a module beside the product's own; its name."""
    (source,) = re.findall(r"```python\n(.*?)```", ADDING, re.DOTALL)
    (tmp_path / "mse.py").write_text(source)
    monkeypatch.setattr(losses, "__path__", [*losses.__path__, str(tmp_path)])
    _forget()
    yield "mse"
    _forget()
    sys.modules.pop("compression_ops.distillation.losses.mse", None)


def _forget() -> None:
    implementations.names.cache_clear()
    implementations.specs.cache_clear()


def test_the_loss_is_found_by_its_files_name_and_computes_what_it_says(example: str) -> None:
    assert example in implementations.names("distillation.losses")
    (spec_class,) = (spec for spec in implementations.specs("distillation.losses") if spec.__name__ == "MSE")
    spec = spec_class.model_validate({"type": example, "weight": 2.0})
    student, teacher = torch.randn(4, 3), torch.randn(4, 3)
    computed = implementations.module_of(spec).loss(spec, student, teacher.half(), torch.zeros(4, dtype=torch.long))
    assert float(computed) == pytest.approx(2.0 * float(((student - teacher.half().float()) ** 2).mean()), rel=1e-5)


def test_every_file_and_folder_that_is_named_exists() -> None:
    pages = {REPOSITORY: README} | {REPOSITORY / "docs": ADDING + RESULTS}
    for folder, page in pages.items():
        links = set(re.findall(r"\]\(([^)#:]+)", page))
        assert links
        assert [path for path in links if not (folder / path).exists()] == []
    commands = set(re.findall(r"(?:python |`)(benchmarks/\w+\.py)", README + RESULTS))
    assert commands
    assert [path for path in commands if not (REPOSITORY / path).exists()] == []


def test_every_module_that_is_named_has_its_folder() -> None:
    for path in re.findall(r"`(compression_ops/[\w/]+)/<\w+>\.py`", ADDING):
        assert (REPOSITORY / path).is_dir(), path
