"""Of the truth table: the section `search`, of which no edit computes or marks anything."""

SECTION = """\
  search:
    trials: 3
    seed: 99
    sampler: tpe
    pruner: median
    maximize: [student/small.validation_accuracy]
    minimize: [quantized_student/int8.file_bytes]
    constraints: {quantized_student/int8.accuracy_drop_points: {at_least: -90, at_most: 90.5}}
    fields:
      quantized_students.int8.calibration.samples: {low: 16, high: 128, log: false, step: 16}
      students.small.weight_decay: {choices: [0.02, 0.015]}
"""

_LIMIT = "search.constraints.quantized_student/int8.accuracy_drop_points"
_SAMPLES = "search.fields.quantized_students.int8.calibration.samples"
_DECAY = "search.fields.students.small.weight_decay"

# parameter: (what stands in the recipe, what is written instead)
ROWS = {
    "search.trials": ("trials: 3", "trials: 4"),
    "search.seed": ("seed: 99", "seed: 98"),
    "search.sampler": ("sampler: tpe", "sampler: random"),
    "search.pruner": ("pruner: median", "pruner: none"),
    "search.maximize": ("maximize: [student/small", "maximize: [teacher"),
    "search.minimize": ("int8.file_bytes", "int8.largest_logit_change"),
    f"{_LIMIT}.at_least": ("at_least: -90", "at_least: -80"),
    f"{_LIMIT}.at_most": ("at_most: 90.5", "at_most: 80.5"),
    f"{_SAMPLES}.low": ("low: 16", "low: 32"),
    f"{_SAMPLES}.high": ("high: 128", "high: 256"),
    f"{_SAMPLES}.log": (", log: false, step: 16", ", log: true"),
    f"{_SAMPLES}.step": ("step: 16", "step: 8"),
    f"{_DECAY}.choices": ("[0.02, 0.015]", "[0.02, 0.03]"),
}

# A field has either ends or choices.
WITHOUT_A_ROW = {f"{_SAMPLES}.choices", *(f"{_DECAY}.{end}" for end in ("low", "high", "log", "step"))}
