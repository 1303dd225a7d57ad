"""What a field of a recipe allows, in words, read from its JSON schema."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel

Schema = dict[str, Any]


@cache
def schema_of(model: type[BaseModel]) -> Schema:
    """A model's JSON schema."""
    return model.model_json_schema()


def resolve(root: Schema, schema: Schema) -> Schema:
    """A schema with its reference, if it is one, looked up."""
    reference = schema.get("$ref")
    return root["$defs"][reference.rsplit("/", 1)[1]] if reference else schema


def field_schema(model: type[BaseModel], location: Sequence[str | int]) -> Schema | None:
    """The schema at a location of pydantic's error (which names a union's member by its tag); None if none is there."""
    root = schema_of(model)
    schema: Schema | None = root
    for part in location:
        schema = _step(root, resolve(root, schema), part) if schema else None
    return resolve(root, schema) if schema else None


def _step(root: Schema, schema: Schema, part: str | int) -> Schema | None:
    for optional in schema.get("anyOf", []):
        member = resolve(root, optional)
        if member.get("type") != "null":
            return _step(root, member, part)
    mapping = schema.get("discriminator", {}).get("mapping", {})
    if part in mapping:
        return {"$ref": mapping[part]}
    if isinstance(part, int):
        return schema.get("items")
    properties = schema.get("properties", {})
    if part in properties:
        return properties[part]
    named = [*schema.get("patternProperties", {}).values(), schema.get("additionalProperties")]
    return next((extra for extra in named if isinstance(extra, dict)), None)


def keys(root: Schema, schema: Schema) -> list[str]:
    """The keys that a map allows by name; for a choice among maps, those of all its members."""
    names = list(schema.get("properties", {}))
    for member in [*schema.get("anyOf", []), *schema.get("oneOf", [])]:
        names += [key for key in keys(root, resolve(root, member)) if key not in names]
    return names


def discriminator(schema: Schema) -> Schema:
    """How the members of a choice among maps are told apart, wherever in the schema it is stated."""
    members = (discriminator(member) for member in schema.get("anyOf", []))
    return schema.get("discriminator") or next(filter(None, members), {})


def is_short(schema: Schema) -> bool:
    """Whether a choice among maps may also be a word alone."""
    return bool(discriminator(schema)) and {"type": "string"} in schema.get("anyOf", [])


def allowed(root: Schema, schema: Schema) -> str:
    """A schema in words: `a whole number from 1 to 10000`, `one of: adamw, sgd`."""
    schema = resolve(root, schema)
    if "allowed" in schema:  # said by the field's own type
        return schema["allowed"]
    if "enum" in schema:
        return "one of: " + ", ".join(str(choice) for choice in schema["enum"])
    if "const" in schema:
        return str(schema["const"])
    if is_short(schema):
        choice = discriminator(schema)
        words = ", ".join(sorted(choice["mapping"]))
        return f"one of: {words}; alone, or as the `{choice['propertyName']}` of a map"
    if "discriminator" in schema:
        tag = schema["discriminator"]["propertyName"]
        return f"a map with `{tag}`, one of: " + ", ".join(sorted(schema["discriminator"]["mapping"]))
    if "anyOf" in schema:
        return ", or ".join(allowed(root, member) for member in schema["anyOf"])
    return _simple(root, schema)


def _simple(root: Schema, schema: Schema) -> str:
    match schema.get("type"):
        case "integer":
            return "a whole number" + _bounds(schema)
        case "number":
            return "a number" + _bounds(schema)
        case "boolean":
            return "true or false"
        case "null":
            return "nothing"
        case "string":
            return "text" + (f" matching {schema['pattern']}" if "pattern" in schema else "")
        case "array":
            return f"a list, each item {allowed(root, schema.get('items', {}))}"
        case "object" if schema.get("properties"):
            return "a map with the keys " + ", ".join(schema["properties"])
        case "object":
            return "a map from names (letters, digits and underscores) to maps" + _size(schema)
        case _:
            return "see the recipe's documentation"


def _size(schema: Schema) -> str:
    return f", at least {schema['minProperties']}" if "minProperties" in schema else ""


def _bounds(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    lower = f"at least {low}" if low is not None else f"more than {above}" if above is not None else ""
    upper = f"at most {high}" if high is not None else f"less than {below}" if below is not None else ""
    words = " and ".join(word for word in (lower, upper) if word)
    return f", {words}" if words else ""
