"""The id of a journal, by which those who have a part of it alone, a store or a run in MLflow, name it."""

import uuid

from pipelines.state.journal.journal import Journal

_NAME = "identity.json"


def of(journal: Journal) -> str:
    """A journal's id, which whoever first asks for it makes."""
    if (found := known(journal)) is not None:
        return found
    journal.update(_NAME, lambda text: text or uuid.uuid4().hex)
    return of(journal)


def known(journal: Journal) -> str | None:
    """The id, if it has one."""
    return journal.text(_NAME)
