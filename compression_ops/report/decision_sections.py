"""The report's words on how a network decides that can tell it: the ways of a few test samples through its nodes."""

from compression_ops import quantities
from compression_ops.evaluation.decisions.decision import Decision
from compression_ops.report.contents import Report
from compression_ops.report.sections import Table

GUIDE = (
    "Each line is one test sample: the first right answers of up to four classes, then the first wrong one. A node "
    "multiplies the sample with its filter, pixel by pixel: where the filter is blue a bright pixel speaks for going "
    "right, where it is orange for going left, and white has no say; each is drawn up to its own greatest weight. "
    "Below it stand the probability of going right and the way that was taken, the likelier leaf's. The bars are what "
    "the leaf at its end answers, whatever the sample looks like; the model's own answer is the mean over all leaves, "
    "weighed by the probability of reaching each."
)


def models(report: Report) -> list[str]:
    """Names of the models that told how they decide."""
    return list(dict.fromkeys(decision.model for decision in report.measurements.decisions))


def of_model(report: Report, model: str) -> list[Decision]:
    """Its decisions."""
    return [decision for decision in report.measurements.decisions if decision.model == model]


def title(report: Report, decision: Decision) -> str:
    """`Test sample 8: 5, answered 6 (wrong), 54.2 %`."""
    true, answer = report.classes[decision.label], report.classes[decision.predicted]
    word = "right" if decision.is_right else "wrong"
    return (
        f"Test sample {decision.sample}: {true}, answered {answer} ({word}), {quantities.percent(decision.confidence)}"
    )


def way(decision: Decision) -> str:
    """`left 0.03, right 0.98, …`: where each node sends the sample, and its probability of going right."""
    return ", ".join(f"{'right' if node.turned_right else 'left'} {node.right:.2f}" for node in decision.nodes)


def description(report: Report, model: str) -> str:
    """All that the figure of a model shows, in sentences, for who cannot see it."""
    return f"How {model} decides. " + " ".join(
        f"{title(report, one)}. Its way, with each node's probability of going right: {way(one)}. It ends in leaf "
        f"{one.leaf} with {quantities.percent(one.reached)}, whose answer is {_answer(report, one)}."
        for one in of_model(report, model)
    )


def tables(report: Report) -> list[Table]:
    """One a model: a row a sample."""
    return [_table(report, model) for model in models(report)]


def _table(report: Report, model: str) -> Table:
    heads = ("Test sample", "True class", "Answer", "Way (probability of going right)", "Leaf", "Reached", "Its answer")
    rows = tuple(
        (
            str(one.sample),
            report.classes[one.label],
            f"{report.classes[one.predicted]} ({quantities.percent(one.confidence)})",
            way(one),
            str(one.leaf),
            quantities.percent(one.reached),
            _answer(report, one),
        )
        for one in of_model(report, model)
    )
    note = (
        "The first right answers of up to four classes, then the first wrong one. Way: from the root on. Leaf: counted "
        "from the left, from 0; reached: the probability of ending there. Answer: the model's, over all leaves."
    )
    return Table(f"How {model} decides", heads, rows, note)


def _answer(report: Report, decision: Decision) -> str:
    best = decision.leaf_class
    return f"{report.classes[best]} ({quantities.percent(decision.distribution[best])})"
