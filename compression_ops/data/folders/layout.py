"""Which files are of which class, in which split, however a person laid the folders out.

    <class>/...                                 the test split is held out
    <split>/<class>/...                         splits by any usual name: see split_names
    <class>/<split>/...                         the same with the levels exchanged
    <wrapper>/<any of these>, <split>/<split>/<class>/...    folders that hold one folder and no file of it

Files of a validation split join those of training, since validation is cut from these; where there is no test split,
it is the test split. Two names of one class may differ in Unicode form, and between splits in case.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from compression_ops.data.file_names import is_utf8, key, lines, listed, shown, text_of
from compression_ops.data.folders import split_names
from compression_ops.data.folders.content import Content
from compression_ops.data.folders.split_names import Role, SplitName
from compression_ops.data.folders.tree import Tree
from compression_ops.errors import DataError

_Classes = dict[str, list[Path]]


class Labelled(NamedTuple):
    """One file: its path, the number of its class, and the folder of that class in which it lies."""

    file: Path
    label: int
    folder: Path


@dataclass(frozen=True)
class Layout:
    """What lies in a folder.

    classes      names in natural order
    train, test  files class by class, each class's sorted; test is None where it is to be held out
    warnings     what a user should know of how the folders were read
    """

    classes: tuple[str, ...]
    train: tuple[Labelled, ...]
    test: tuple[Labelled, ...] | None
    warnings: tuple[str, ...]


def read(root: Path, content: Content) -> Layout:
    """Find the splits and classes below a folder.

    content  what is searched for

    Raises DataError that names all there are: if there are no class folders, if only some splits can be found, if
    splits differ in their classes, and if files or folders cannot be read or are links to nothing.
    """
    tree = Tree(root, content)
    warnings = list[str]()
    start = _unwrapped(tree, root)
    if start != root:
        warnings.append(f"{root}: the class folders are those of {tree.relative([start])[0]}, the only folder.")
    splits = _splits(tree, start, warnings) or _splits_in_classes(tree, start)
    if splits:
        train, test = _joined(splits, warnings, root, content.noun)
    else:
        _require_no_splits_in_names(tree, start)
        train, test = _classes_of(tree, start, warnings), None
        warnings += _alike_inside(tree, start)
    if not train:
        tree.require_readable()
        raise DataError(f"{start}: holds no folders; expected one a class with its {content.noun}s inside.")
    names = sorted(train, key=natural)
    tested = None if test is None else _matched(names, test, root, warnings)
    layout = _labelled(tree, names, train, tested)
    tree.require_readable()
    warnings += [*_of_names(tree, train), *tree.warnings()]
    return Layout(tuple(names), *layout, tuple(warnings))


def _unwrapped(tree: Tree, folder: Path, same_name: bool = False) -> Path:
    """The folder in the folder that alone holds samples, as an unpacked archive often has it; or itself."""
    while not tree.loose(folder):
        inner = [each for each in tree.folders(folder) if tree.holds_some(each)]
        if len(inner) != 1 or (not same_name and _is_held_out(inner[0].name)):
            return folder
        is_wrapper = not tree.loose(inner[0]) and any(map(tree.holds_some, tree.folders(inner[0])))
        if not is_wrapper and not (same_name and key(inner[0].name) == key(folder.name)):
            return folder
        folder = inner[0]
    return folder


def _is_held_out(name: str) -> bool:
    parsed = split_names.parse(name)
    return parsed is not None and parsed.role in ("validation", "test")


def _splits(tree: Tree, folder: Path, warnings: list[str]) -> dict[Role, _Classes]:
    """The classes of each split whose folder lies in this one; empty if its folders are no splits."""
    named = {each: name for each in tree.folders(folder) if (name := split_names.parse(each.name))}
    inner = {each: _unwrapped(tree, each, same_name=True) for each in named}
    labelled = {each: name for each, name in named.items() if any(map(tree.holds_some, tree.folders(inner[each])))}
    roles = [name.role for name in labelled.values()]
    only_splits = {each for each in tree.folders(folder) if tree.holds_some(each)} <= named.keys()
    if only_splits and named and "train" not in roles and split_names.belong_together(named.values()):
        raise _without_classes(tree, folder, named)
    if "train" not in roles or not (only_splits or any(name.role != "train" for name in named.values())):
        return {}
    if not split_names.belong_together(labelled.values()) and not _share_classes(tree, inner, labelled):
        return {}
    if repeated := sorted({role for role in roles if roles.count(role) > 1 and role != "unlabelled"}):
        names = listed(tree.relative([each for each, name in labelled.items() if name.role in repeated]))
        raise DataError(
            f"{tree.root}: {names} are named like the same split ({', '.join(repeated)}). Merge or rename them."
        )
    taken: dict[Path, Role] = {each: name.role for each, name in labelled.items() if name.role != "unlabelled"}
    _tell_others(tree, folder, [*taken], warnings)
    return {role: _classes_of(tree, inner[each], warnings) for each, role in taken.items()}


def _share_classes(tree: Tree, inner: Mapping[Path, Path], labelled: Mapping[Path, SplitName]) -> bool:
    classes = [{key(each.name) for each in tree.folders(inner[split])} for split in labelled]
    return len(set.intersection(*classes)) >= 2


def _without_classes(tree: Tree, folder: Path, named: Mapping[Path, SplitName]) -> DataError:
    return DataError(
        f"{folder}: holds {listed([each.name for each in named])}, named like splits; needed are both train and test "
        f"with a folder a class in each, or a folder a class alone. Sort the {tree.content.noun}s into folders a "
        f"class, rename the folders to train and test, or point path at the one that holds the class folders."
    )


def _tell_others(tree: Tree, folder: Path, taken: Sequence[Path], warnings: list[str]) -> None:
    others = [each for each in tree.folders(folder) if each not in taken]
    if others:
        names = [f"{tree.relative([each])[0]} ({sum(1 for _ in tree.below(each)):,} files)" for each in others]
        beside = " and ".join(shown(each.name) for each in taken)
        warnings.append(f"{tree.root}: {listed(names)} beside {beside} were left out.")
    _tell_loose(tree, folder, warnings)


def _tell_loose(tree: Tree, folder: Path, warnings: list[str]) -> None:
    if loose := tree.relative(tree.loose(folder)):
        told = f"{len(loose):,} {tree.content.noun}(s) lie beside the class folders, in none, and were left out"
        warnings.append(f"{tree.root}: {told}: {listed(loose)}.")


def _splits_in_classes(tree: Tree, folder: Path) -> dict[Role, _Classes]:
    """The classes of each split where every class folder holds `train` and `test`, and nothing else; else empty."""
    classes = [each for each in tree.folders(folder) if tree.holds_some(each)]
    splits: dict[Role, _Classes] = {}
    for each in classes:
        inner = [part for part in tree.folders(each) if tree.holds_some(part)]
        names = [split_names.parse(part.name) for part in inner]
        roles: list[Role] = [name.role for name in names if name]
        unclear = len(roles) != len(names) or len(set(roles)) != len(roles) or "train" not in roles or len(roles) < 2
        if unclear or tree.loose(each):
            return {}
        for role, part in zip(roles, inner, strict=True):
            splits.setdefault(role, {}).setdefault(text_of(each.name), []).append(part)
    splits.pop("unlabelled", None)
    return splits


def _require_no_splits_in_names(tree: Tree, folder: Path) -> None:
    """Raises DataError for folders such as `cat_train`, `cat_test`, `dog_train` and `dog_test`."""
    folders = [each for each in tree.folders(folder) if tree.holds_some(each)]
    names = [split_names.parse(each.name) for each in folders]
    found: dict[Role, set[tuple[str, ...]]] = {}
    for name in names:
        if name is None or not name.rest:
            return
        found.setdefault(name.role, set()).add(name.rest)
    first, *others = found.values() if found else [set[tuple[str, ...]]()]
    if others and len(first) > 1 and all(first == other for other in others):
        raise DataError(
            f"{folder}: {listed([each.name for each in folders])} are each named like a class and a split; as classes "
            "they would be told apart by their split. Sort them into a folder a split with a folder a class in it, "
            "as train/cat and test/cat"
        )


def _alike_inside(tree: Tree, folder: Path) -> list[str]:
    """A sentence where each class holds the same folders, as the folds of a cross-validation do."""
    classes = [each for each in tree.folders(folder) if tree.holds_some(each)]
    inner = [{key(each.name) for each in tree.folders(one) if tree.holds_some(each)} for one in classes]
    if len(classes) < 2 or len(inner[0]) < 2 or any(one != inner[0] for one in inner) or any(map(tree.loose, classes)):
        return []
    told = f"{listed([each.name for each in classes])}, each of which holds {listed(sorted(inner[0]))}"
    return [f"{tree.root}: the classes are {told}. If these are the classes, put them into one folder each."]


def _joined(
    splits: Mapping[Role, _Classes], warnings: list[str], root: Path, noun: str
) -> tuple[_Classes, _Classes | None]:
    """Classes of training and of test."""
    train, validation, test = (splits.get(role) for role in ("train", "validation", "test"))
    if train is None:
        return {}, None
    if validation is None:
        return train, test
    if test is None:
        warnings.append(f"{root}: there is no test split, so the one for validation is it; another is cut from train.")
        return train, validation
    names = sorted(train, key=natural)
    joining = _matched(names, validation, root, warnings)
    warnings.append(f"{root}: the {noun}s for validation joined those of train; validation is cut from both.")
    return {name: train[name] + joining[name] for name in names}, test


def _classes_of(tree: Tree, folder: Path, warnings: list[str]) -> _Classes:
    """The class folders in a folder, by the class's name; those with files but no sample are none."""
    classes: _Classes = {}
    without = list[Path]()
    for each in tree.folders(folder):
        if tree.holds_some(each) or not any(tree.below(each)):
            classes.setdefault(text_of(each.name), []).append(each)
        else:
            without.append(each)
    if without:
        names = listed(tree.relative(without))
        warnings.append(
            f"{tree.root}: {len(without):,} folder(s) hold no {tree.content.noun} and are no class: {names}."
        )
    _tell_loose(tree, folder, warnings)
    for name, folders in classes.items():
        if len(folders) > 1:
            warnings.append(
                f"{tree.root}: {len(folders)} folders are named {shown(name)}: they are taken as one class."
            )
    return classes


def _matched(names: Sequence[str], other: _Classes, root: Path, warnings: list[str]) -> _Classes:
    """The classes of another split under the names of the first. Raises DataError that names all that have no twin."""
    alike = {name: [each for each in other if each not in names and key(each) == key(name)] for name in names}
    matched: _Classes = {}
    for name in names:
        twins = [name] if name in other else alike[name]
        if len(twins) == 1:
            matched[name] = other[twins[0]]
            if twins[0] != name:
                warnings.append(f"{root}: class {shown(name)} is named {shown(twins[0])} in another split.")
    used = {id(folders) for folders in matched.values()}
    lacking = [name for name in names if name not in matched]
    further = [name for name in other if id(other[name]) not in used]
    if lacking or further:
        told = [f"in train only: {name}" for name in lacking] + [f"in test only: {name}" for name in further]
        raise DataError(
            f"{root}: {len(told):,} class folder(s) stand in only one of train and test; both must have the same:"
            + lines(told)
        )
    return matched


def _labelled(
    tree: Tree, names: Sequence[str], train: _Classes, test: _Classes | None
) -> tuple[tuple[Labelled, ...], tuple[Labelled, ...] | None]:
    def files(classes: _Classes) -> tuple[Labelled, ...]:
        return tuple(
            Labelled(file, label, folder)
            for label, name in enumerate(names)
            for folder in classes[name]
            for file in tree.below(folder)
        )

    return files(train), None if test is None else files(test)


def _of_names(tree: Tree, classes: _Classes) -> list[str]:
    odd = [
        f"{shown(folder.name)} as {name}" for name in classes for folder in classes[name] if not is_utf8(folder.name)
    ]
    if not odd:
        return []
    return [
        f"{tree.root}: {len(odd)} class folder(s) have names that are no UTF-8, read as Windows-1252: {listed(odd)}."
    ]


def natural(name: str) -> tuple[list[str | tuple[int, str]], str]:
    """Sort key by which `img2` comes before `img10`; equal keys are told apart by the name itself.

    A number is compared by how many digits it has, then by these: `int` refuses one of thousands of digits.
    """
    parts = re.split(r"([0-9]+)", name.casefold())
    numbers = [digits.lstrip("0") for digits in parts[1::2]]
    found: list[str | tuple[int, str]] = [*parts]
    found[1::2] = [(len(digits), digits) for digits in numbers]
    return found, name
