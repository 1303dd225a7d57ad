"""Which split a folder is meant for, told by its name: `Train`, `seg_test`, `val2017`, `02-validation-images`."""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

Role = Literal["train", "validation", "test", "unlabelled"]

_ROLES: dict[str, Role] = {
    **dict.fromkeys(("train", "training", "trn", "trainval"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "dev", "eval", "evaluation"), "validation"),
    **dict.fromkeys(("test", "testing", "tst", "holdout"), "test"),
    **dict.fromkeys(("pred", "predict", "prediction", "predictions", "submission"), "unlabelled"),
    **dict.fromkeys(("unlabelled", "unlabeled", "unsup", "unsupervised"), "unlabelled"),
}
# Words beside a split's that say nothing: `train_set`, `test-images`, `my_data_val`.
_IDLE = frozenset(
    {
        "set", "sets", "data", "dataset", "datasets", "image", "images", "img", "imgs", "photo", "photos",
        "pic", "pics", "picture", "pictures", "sample", "samples", "split", "splits", "folder", "folders",
        "dir", "my", "the", "final", "full", "all", "original", "raw", "new", "clean", "labelled",
        "labeled", "public", "private",
    }
)  # fmt: skip
_ATTACHED = re.compile(rf"({'|'.join(sorted(_ROLES, key=len, reverse=True))})(set|sets|data|images|imgs|img)?")


@dataclass(frozen=True)
class SplitName:
    """role: which split a name means; rest: its other words, which the names of one data set's splits share."""

    role: Role
    rest: tuple[str, ...]


def parse(name: str) -> SplitName | None:
    """What a folder's name says of a split, in any case; None for a name that means none, such as `trainer`."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", unicodedata.normalize("NFC", name))
    words = re.findall(r"[^\W\d_]+|\d+", apart.casefold())
    if words[:2] == ["train", "val"]:
        words[:2] = ["trainval"]
    roles = [match[1] for word in words if (match := _ATTACHED.fullmatch(word))]
    if len(roles) != 1:
        return None
    rest = [word for word in words if not _ATTACHED.fullmatch(word) and word not in _IDLE and not _is_rank(word)]
    return SplitName(_ROLES[roles[0]], tuple(rest))


def belong_together(names: Collection[SplitName]) -> bool:
    """Whether names are one data set's splits: `seg_train` and `seg_test` are, `steam_train` and `test_tube` not."""
    return len({name.rest for name in names}) <= 1


def _is_rank(word: str) -> bool:
    return word.isdecimal() and len(word) <= 2
