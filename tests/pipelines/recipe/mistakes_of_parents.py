"""Mistakes in what a recipe says of which model is made of which; see `mistakes`."""

PARENTS = {
    "quantized student of nobody": (
        ("student: small", "student: smal"),
        "quantized_students.int8.student",
        "'smal' (text)",
        "`small`",
    ),
    "quantized from no model": (
        ("student: small", "of: students/small"),
        "quantized_students.int8.of",
        "no such model",
        "one of: student/small, control/small",
        "`student/small`",
    ),
    "quantized from two models": (
        ("student: small", "student: small\n      of: control/small"),
        "quantized_students.int8.of",
        "stands beside `student`",
        "'control/small' (text)",
        "`of` alone",
    ),
    "quantized from a number": (
        ("student: small", "of: 3"),
        "quantized_students.int8.of",
        "3 (a number)",
        "text",
    ),
}
