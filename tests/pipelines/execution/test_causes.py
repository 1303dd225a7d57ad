"""Why an asset is out of date, as a sentence: of a hundred modules it names few, and loses nothing else."""

from pipelines.execution.status import Cause, in_words, is_abridged

_UPSTREAM = (Cause("upstream", "dataset"), Cause("upstream", "teacher"))
_PARAMETER = Cause("parameter", "teacher.epochs", 4, 5)


def _code(*modules: str) -> tuple[Cause, ...]:
    return tuple(Cause("code", module, "a" * 64, "b" * 64) for module in modules)


def test_modules_of_another_release_are_counted_between_the_other_causes() -> None:
    causes = (_PARAMETER, *_code(*(f"compression_ops.m{number:02}" for number in range(21))), *_UPSTREAM)
    assert in_words(causes) == (
        "teacher.epochs 4 → 5; code of 21 modules changed: compression_ops.m00, compression_ops.m01, "
        "compression_ops.m02 and 18 more; upstream dataset; upstream teacher"
    )
    assert is_abridged(causes)


def test_the_users_own_module_and_a_package_of_another_version_are_always_named() -> None:
    package = Cause("code", "timm", "version 1.0.30", "version 1.0.31")
    told = in_words((*_code(*(f"compression_ops.m{number}" for number in range(9)), "my_nets"), package))
    assert told.startswith("code of 10 modules changed: my_nets, compression_ops.m0, ")
    assert told.endswith(" and 7 more; code of timm changed: 1.0.30 → 1.0.31")


def test_few_modules_are_told_as_they_are() -> None:
    assert in_words(_code("a", "b", "c")) == "code of a changed; code of b changed; code of c changed"
    assert not is_abridged(_code("a", "b", "c"))


def test_what_a_hundred_students_make_outdated_names_a_few_of_them() -> None:
    assert in_words([Cause("upstream", f"student/s{n}") for n in range(100)]) == (
        "upstream student/s0, student/s1, student/s2 and 97 more"
    )
