"""Recipes that are mutilated, bombs, or ask for more than a recipe may: accepted, or refused at a line, in words."""

import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from compression_ops.errors import CompressionError, ModelError
from compression_ops.models.network import Network, build
from pipelines.recipe import edit, file, project
from pipelines.recipe.error import RecipeError
from tests.conftest import REPOSITORY
from tests.faults.conftest import Tell
from tests.faults.hostile.bounded import assert_refused, attempt
from tests.pipelines import recipes

_MUTANTS = 240
_STRANGE = (
    "null", "[]", "{}", "-1", "1e999", ".nan", "'é'", "2024-13-45", "0x" + "f" * 200, "[[1]]", "{a: {b: c}}", "*x",
    "&x", "!!python/name:os.system", "{{ env.HOME }}", "../../etc/passwd", "os:system", "subprocess:run",
    "'\\0'", "true", "|",
)  # fmt: skip


def _mutants(texts: list[str], rng: random.Random) -> Iterator[str]:
    """Good recipes with one to three lines dropped, doubled, swapped, moved in, cut, or given another value or key."""
    while True:
        lines = rng.choice(texts).splitlines()
        for _ in range(rng.randint(1, 3)):
            at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
            line = lines[at]
            match rng.randrange(8):
                case 0:
                    lines[at] = ""
                case 1:
                    lines.insert(other, line)
                case 2:
                    lines[at], lines[other] = lines[other], line
                case 3:
                    lines[at] = " " * rng.randint(1, 4) + line
                case 4:
                    lines[at] = line[: rng.randint(0, len(line))]
                case 5:
                    lines[at] = line.partition(":")[0] + ": " + rng.choice(_STRANGE)
                case 6:
                    lines[at] = line.replace("e", "3", 1) if rng.random() < 0.5 else line[::-1]
                case _:
                    letters = [*line, rng.choice("{}[]:,#&*!|>'\"%@`\t\\")]
                    rng.shuffle(letters)
                    lines[at] = "".join(letters)
        yield "\n".join(lines) + "\n"


@pytest.mark.slow
def test_mutated_recipes_are_accepted_or_refused_at_a_line(tmp_path: Path, tell: Tell) -> None:
    texts = [path.read_text() for path in sorted(project.shipped_defs().glob("*/defs.yaml"))]
    assert len(texts) >= 8
    path, found = tmp_path / "mutant" / "defs.yaml", Counter[str]()
    path.parent.mkdir()
    for _, text in zip(range(_MUTANTS), _mutants([*texts, recipes.TINY], random.Random(12)), strict=False):
        path.write_text(text)
        try:
            file.check(path)
            found["accepted"] += 1
        except RecipeError as error:
            lines = {mistake.line for mistake in error.mistakes if f"defs.yaml:{mistake.line}: " in str(error)}
            is_told = len(lines) > 0 and min(lines) >= 1 and max(lines) <= text.count("\n") + 1
            found["refused" if is_told else f"refused without a line: {error}"] += 1
    assert found["refused"] + found["accepted"] == _MUTANTS, found
    assert found["refused"] > 100
    tell(f"{_MUTANTS} mutated recipes: {dict(found)}, each with its line, no traceback")


def _laughs(opened: str, closed: str, entry: str) -> str:
    """Ten lines that stand for nine to the tenth values."""
    levels = [f"  a0: &a0 {opened}{', '.join(entry.format(i, 'lol') for i in range(9))}{closed}"]
    for n in range(1, 10):
        inner = ", ".join(entry.format(i, f"*a{n - 1}") for i in range(9))
        levels.append(f"  a{n}: &a{n} {opened}{inner}{closed}")
    return recipes.TINY + "\n".join(levels) + "\n"


_MERGES = "".join(f"  a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}], y: 1}}\n" for n in range(1, 10))
_BOMBS = {
    "aliases of lists": (_laughs("[", "]", "{1}"), "100,000 keys and values"),
    "aliases of maps": (_laughs("{", "}", "k{0}: {1}"), "100,000 keys and values"),
    "merges of merges": (recipes.TINY + "  a0: &a0 {x: 1}\n" + _MERGES, "100,000 keys and values"),
    "a map within itself": (recipes.TINY + "  gates: &a {b: *a}\n", "40: *a stands within itself"),
    "a list within itself": (recipes.TINY + "  owners: &a [*a]\n", "40: *a stands within itself"),
    "deep lists": (recipes.TINY + "  owners: " + "[" * 100_000, "40: nested more than 32 deep"),
    "deep maps": (recipes.TINY + "  owners: " + "{a: " * 50_000, "40: nested more than 32 deep"),
    "a huge text": (recipes.TINY + "  owners: [" + "x" * 50_000_000 + "]\n", "more than 1,048,576 bytes"),
    "huge comments": (recipes.TINY + "# x\n" * 5_000_000, "more than 1,048,576 bytes"),
    "many unknown keys": (recipes.TINY + "".join(f"  k{i}: 1\n" for i in range(9_000)), "and 8,900 more mistakes"),
}
_REPLACED = {
    "an object": (
        "epochs: 1  #",
        "epochs: !!python/object/apply:os.system ['touch evil']  #",
        "7: the tag !!python",
    ),
    "an object for a map": (
        "teacher:\n",
        "teacher: !!python/object:os.system\n",
        "5: the tag !!python/object",
    ),
    "a name": ("simple_cnn", "!!python/name:os.system", "6: the tag !!python/name:os.system is not allowed"),
    "a set": ("{translate: 1.0}\n    seed: 0\n  soft", "!!set {translate}\n    seed: 0\n  soft", "the tag !!set"),
    "an include": ("simple_cnn", "!include /etc/passwd", "6: the tag !include is not allowed"),
    "a variable": ("simple_cnn", "!ENV ${HOME}", "6: the tag !ENV is not allowed"),
    "templates": (
        "attributes:\n",
        "template_vars_module: .evil\nattributes:\n",
        "2: template_vars_module: unk",
    ),
    "a student out of its folder": ("    small:\n", "    ../../small:\n", "students.../../small: not a name"),
    "a student of nul": ("    small:\n", '    "a\\0b":\n', "not a name"),
    "a quantized student": ("    int8:\n", "    /etc/int8:\n", "quantized_students./etc/int8: not a name"),
    "a teacher of students": ("control: true", "control: true\n      teacher: ../..", "teacher: not a name"),
    "a time zone": ("{mode: off}", "{mode: off, timezone: ../../etc/passwd}", "automation.timezone: not allowed"),
    "a factory of Python's own": ("simple_cnn", "subprocess:run", "'subprocess' is of Python's standard library"),
    "a factory that is none": ("simple_cnn", "torch.hub:loadd", "torch.hub defines no 'loadd'"),
    "a factory of no module": ("simple_cnn", "../../evil:build", "no module is named '../../evil'"),
    "a builtin": ("simple_cnn", "builtins:exec", "'builtins' is of Python's standard library"),
    "a loss of no module": ("{type: kd,", "{type: evil.loss,", "no module is named 'evil.loss'"),
    "a loss of Python's own": ("{type: kd,", "{type: this.that,", "'this.that' is of Python's standard library"),
    "a loss that is none": ("{type: kd,", "{type: compression_ops.errors,", "defines 0 parameter sets"),
}


def _read(path: Path, text: str) -> None:
    path.write_text(text)
    file.read(path)


@pytest.mark.slow
def test_bombs_are_refused_in_words_and_in_little_time_and_memory(tmp_path: Path, tell: Tell) -> None:
    path = recipes.write(tmp_path, "tiny")
    file.read(path)  # so that nothing is imported in the children
    replaced = {name: (recipes.edited((old, new)), words) for name, (old, new, words) in _REPLACED.items()}
    cases = _BOMBS | replaced
    found = {name: attempt(lambda text=text: _read(path, text)) for name, (text, _) in cases.items()}
    assert_refused(found, {name: words for name, (_, words) in cases.items()}, seconds=20, megabytes=200)
    worst = max(ended.megabytes for ended in found.values())
    assert not Path("evil").exists()
    tell(f"{len(cases)} hostile recipes refused in words, in at most {worst:.0f} MB more memory")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("owners=" + "[" * 5000, "nested more than 32 deep"),
        ("owners=&a [*a]", "stands within itself"),
        ("owners=!!python/object/apply:os.system ['touch evil']", "the tag !!python/object/apply:os.system"),
        ("a." * 3000 + "b=1", "no field stands so deep"),
        ("students.../../x.epochs=5", "not a name"),
    ],
)
def test_a_hostile_assignment_changes_nothing(text: str, words: str, tmp_path: Path) -> None:
    path = recipes.write(tmp_path, "tiny")
    with pytest.raises(CompressionError, match=words.replace("!", "[!]")):
        edit.set_values(path, dict([edit.parse_assignment(text)]))
    assert path.read_text() == recipes.TINY


def test_no_code_is_run_but_that_of_listed_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    networks = tmp_path / "my_networks.py"
    networks.write_text("def build(input_shape, classes): ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    path = recipes.write(tmp_path, "tiny", recipes.edited(("simple_cnn", "my_networks:build")))
    for listed in (None, "others, my_networks"):
        if listed is not None:
            monkeypatch.setenv("COMPRESSION_OWN_CODE", listed)
        assert file.read(path).recipe.teacher.architecture == "my_networks:build"
    for listed in ("", "others"):
        monkeypatch.setenv("COMPRESSION_OWN_CODE", listed)
        with pytest.raises(RecipeError, match=r"6: teacher\.architecture: 'my_networks' is of no package that"):
            file.read(path)


def test_an_artifacts_network_is_built_by_listed_packages_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "others_networks.py").write_text("raise SystemExit('imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("COMPRESSION_OWN_CODE", "my_networks")
    for architecture, words in (
        ("others_networks:build", "of no package that"),
        ("subprocess:run", "standard library"),
    ):
        with pytest.raises(ModelError, match=words):
            build(Network(architecture, (1, 8, 8), 2))
    build(Network("mlp", (1, 8, 8), 2))


_FOUND = """
import sys
from compression_ops import implementations
print([name for name in sys.argv[1:] if implementations.forbidden(name)])
"""


def test_a_package_of_ones_own_that_hides_pythons_is_none_of_pythons(tmp_path: Path) -> None:
    (tmp_path / "cgi").mkdir()
    (tmp_path / "cgi" / "__init__.py").touch()
    (tmp_path / "this.py").touch()
    names = ["cgi.net", "this", "os", "sys", "math", "json.tool", "subprocess", "zipimport", "torch", "nothing_here"]
    command = [sys.executable, "-c", _FOUND, *names]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(REPOSITORY)])}
    environment.pop("COMPRESSION_OWN_CODE", None)
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert told.strip() == str(["os", "sys", "math", "json.tool", "subprocess", "zipimport"])


@pytest.mark.parametrize("name", ["../tiny", "/etc/passwd", "..", ".", "tiny/", "a\0b", "x" * 5000, "", "tiny\n"])
def test_a_recipe_is_found_by_its_name_alone(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipes.write(tmp_path / "defs")
    recipes.write(tmp_path)  # which `../tiny` would find
    monkeypatch.setenv("COMPRESSION_DEFS", str(tmp_path / "defs"))
    with pytest.raises(CompressionError, match="no recipe is named"):
        file.load(name)
