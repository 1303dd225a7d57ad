"""The rules of the layout that import-linter cannot state."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.graph.asset import OBSERVED
from pipelines.kinds.kind import kinds
from tests.conftest import REPOSITORY

_LONGEST = 300  # lines of a file
_FULLEST = 16  # modules of a folder
# A folder of methods grows by a module for each of them, and nothing else has to be known to read it.
_METHODS = {"losses", "augmentations", "architectures", "sources", "calibration", "methods", "targets"}
_METHODS |= {"kinds", "stages"}


def _modules(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((REPOSITORY / folder).rglob("*.py"))]


@pytest.mark.parametrize("folder", ["compression_ops", "pipelines", "tests", "benchmarks", "docs"])
def test_no_file_is_too_long_to_be_read_at_once(folder: str) -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in _modules(folder)}
    assert {str(path): length for path, length in lengths.items() if length > _LONGEST} == {}


def test_no_folder_holds_more_modules_than_can_be_overlooked() -> None:
    count = Counter(path.parent for path in _modules("compression_ops", "pipelines", "tests"))
    assert {str(folder): n for folder, n in count.items() if n > _FULLEST and folder.name not in _METHODS} == {}


def test_no_module_outside_kinds_compares_a_kind_of_assets_name() -> None:
    names = set(kinds()) - set(OBSERVED)  # a cause may be of the kind `generation`, which is no asset
    found = {
        str(path): comparison
        for path in _modules("pipelines", "compression_ops")
        if path.parent.name != "kinds"
        for comparison in _comparisons(ast.parse(path.read_text(encoding="utf-8")), names)
    }
    assert found == {}


def _comparisons(tree: ast.Module, names: set[str]) -> Iterator[str]:
    """Where something that is called a kind is compared with the name of one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and any(_is_kind(part) for part in (node.left, *node.comparators)):
            if names & {item.value for item in ast.walk(node) if isinstance(item, ast.Constant)}:
                yield ast.unparse(node)
        elif isinstance(node, ast.Match) and _is_kind(node.subject):
            patterns = [case.pattern for case in node.cases]
            values = [item for pattern in patterns for item in ast.walk(pattern) if isinstance(item, ast.Constant)]
            if names & {item.value for item in values}:
                yield ast.unparse(node.subject)


def _is_kind(node: ast.AST) -> bool:
    return "kind" in (getattr(node, "id", None), getattr(node, "attr", None))


def test_a_comparison_of_a_kinds_name_would_be_seen() -> None:
    for source in (
        'asset.kind == "teacher"',
        'kind in ("student", "x")',
        'match asset.kind:\n    case "teacher":\n        f()',
    ):
        assert list(_comparisons(ast.parse(source), {"teacher", "student"}))
    assert not list(_comparisons(ast.parse('array.dtype.kind == "f"'), {"teacher"}))


def test_no_stage_builds_the_path_of_a_module() -> None:
    for path in _modules("compression_ops/stages"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert "importlib" not in ast.unparse(tree), path
        texts = [
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        assert not [text for text in texts if text.startswith(("compression_ops.", "pipelines."))], path
