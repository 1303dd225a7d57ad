"""Of the recipe `tiny`: what is made from what, written by hand."""

AFTER_MEASUREMENTS = {"benchmark_report", "champion"}
AFTER_MODELS = {"measurements", *AFTER_MEASUREMENTS}
AFTER_QUANTIZED = {"quantized_student/int8", *AFTER_MODELS}
AFTER_STUDENT = {"student/small", *AFTER_QUANTIZED}
AFTER_TRAINING = {"control/small", *AFTER_STUDENT}
AFTER_LABELS = {"soft_labels", *AFTER_TRAINING}
AFTER_TEACHER = {"teacher", "soft_labels", *AFTER_STUDENT}
ALL = {"dataset", "teacher", *AFTER_LABELS}
