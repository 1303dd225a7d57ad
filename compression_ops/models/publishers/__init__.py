"""One library of published networks a module, named in a recipe as `<library>…:<name>`.

Each has `names() -> list[str]`, which runs none of the library, and `factory(name)`, whose result builds a network for
(input_shape, classes, **arguments) that is adapted to the channels and the size of the images.
"""
