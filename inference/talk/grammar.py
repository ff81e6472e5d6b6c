"""What an answer must look like, as a grammar (GBNF): JSON at all, or JSON that fits a schema."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from inference.talk import constants, pointers, ranges
from inference.talk.errors import UnusableSchemaError

DEEPEST = 64
MOST_PLACES = 5_000
"""Places of a schema that are looked at, references followed."""
MOST_REPEATS = 1_000
"""llama.cpp refuses to repeat a rule much more often; a longer list or text ends here."""

MOST_ALIKE = 16
"""Alternatives that are no plain values: where they begin alike, llama.cpp follows all of them at
once, and those inside of them, and those inside of those."""
PLAIN = frozenset({"string", "integer", "number", "boolean", "null"})

REFUSED = frozenset(
    {"not", "if", "then", "else", "pattern", "patternProperties", "propertyNames", "contains",
     "minContains", "maxContains", "dependencies", "dependentRequired", "dependentSchemas",
     "multipleOf", "minProperties", "maxProperties", "unevaluatedItems", "$dynamicRef"}
)  # fmt: skip
"""A grammar cannot hold these, and to leave one out would break a promise."""
SAYS_NOTHING = frozenset(
    {"title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly",
     "$schema", "$id", "$comment", "$defs", "definitions", "$anchor", "discriminator"}
)  # fmt: skip

SPACE = '(" " | "\\n" [ \\t]{0,20})?'
BUILT_IN: Mapping[str, str] = {
    "ws": SPACE,
    "hex": "[0-9a-fA-F]",
    "escape": '["\\\\/bfnrt] | "u" ([0-9a-cA-CefEF] hex hex hex | [dD] [0-7] hex hex)',
    "char": '[^"\\\\\\x00-\\x1F\\x7F] | "\\\\" escape',
    "string": '"\\"" char* "\\""',
    "whole": '"0" | [1-9] [0-9]{0,15}',
    "integer": '"-"? whole',
    "number": '"-"? whole ("." [0-9]{1,15})? ([eE] [-+]? [0-9]{1,2})?',
    "boolean": '"true" | "false"',
    "null": '"null"',
    "any": "object | array | string | number | boolean | null",
    "pair": 'string ws ":" ws any ws',
    "object": '"{" ws (pair ("," ws pair)*)? "}"',
    "array": '"[" ws (any ws ("," ws any ws)*)? "]"',
    "date": '[0-9]{4} "-" ("0" [1-9] | "1" [0-2]) "-" ("0" [1-9] | "1" [0-9] | "2" [0-8])',
    "zone": '"Z" | [-+] ([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9]',
    "time": '([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9] ":" [0-5] [0-9] ("." [0-9]{1,6})? zone',
    "date-time": 'date "T" time',
    "uuid": 'hex{8} "-" hex{4} "-" hex{4} "-" hex{4} "-" hex{12}',
    "ipv4": 'octet "." octet "." octet "." octet',
    "octet": '"25" [0-5] | "2" [0-4] [0-9] | "1" [0-9]{2} | [1-9]? [0-9]',
    "email": 'name "@" label ("." label){1,3}',
    "name": "[a-zA-Z0-9]{1,20} ([._-] [a-zA-Z0-9]{1,20}){0,3}",
    "label": "[a-zA-Z0-9]{1,30}",
}
"""No day after the 28th: which month has more, a grammar cannot know in so little room."""
FORMATS: Mapping[str, tuple[int, int]] = {
    "date": (10, 10), "time": (9, 21), "date-time": (20, 32), "uuid": (36, 36), "ipv4": (7, 15),
    "email": (5, 207),
}  # fmt: skip
"""How short and how long their rules write them. Other formats are descriptions, as the standard
has it: any string will do."""

ANY_JSON = "any"
ANY_OBJECT = "object"


class Grammar:
    """Rules that grow; expressions of them are strings of GBNF."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._bodies: dict[str, str] = {}
        self._left = MOST_PLACES

    def rule(self, body: str) -> str:
        """A name for this body, always the same one."""
        name = self._names.get(body) or self.reserve()
        self._names[body] = name
        self._bodies[name] = body
        return name

    def reserve(self) -> str:
        """A name whose body comes later, so that a rule can speak of itself."""
        name = f"r{len(self._bodies)}"
        self._bodies[name] = ""
        return name

    def fill(self, name: str, body: str) -> None:
        self._bodies[name] = body

    def schema(self, schema: Any) -> str:
        return _Reading(self, schema).whole()

    def spend(self, places: int = 1) -> None:
        self._left -= places
        if self._left < 0:
            raise UnusableSchemaError("it is too large")

    def text(self, root: str) -> str:
        rules = {"root": root, **BUILT_IN, **self._bodies}
        return "\n".join(f"{name} ::= {body}" for name, body in rules.items())


def of_schema(schema: Any) -> str:
    grammar = Grammar()
    return grammar.text(grammar.schema(schema))


def of_any_object() -> str:
    return Grammar().text(ANY_OBJECT)


def literal(text: str) -> str:
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r")):
        text = text.replace(plain, escaped)
    return f'"{text}"'


def constant(value: Any) -> str:
    return literal(json.dumps(value, ensure_ascii=False))


def either(expressions: Sequence[str]) -> str:
    if not expressions:
        raise UnusableSchemaError("nothing can satisfy it")
    return f"({' | '.join(dict.fromkeys(expressions))})"


class _Reading:
    """One schema, whose references point into itself."""

    def __init__(self, grammar: Grammar, root: Any) -> None:
        self._grammar = grammar
        self._root = root
        self._references: dict[str, str] = {}
        self._pending: list[str] = []
        self._leads: dict[str, set[str]] = {}
        """From a reference to those that its value may begin with."""
        self._beginning: set[str] = set()

    def whole(self) -> str:
        """References are followed one after the other: a chain of them may be long."""
        root = self.value(self._root, 0)
        while self._pending:
            pointer = self._pending.pop()
            self._beginning = self._leads[pointer] = set()
            body = self.value(pointers.resolved(self._root, pointer), 0)
            self._grammar.fill(self._references[pointer], body)
        if pointers.has_circle(self._leads):
            raise UnusableSchemaError("a $ref leads to nothing but itself")
        return root

    def value(self, schema: Any, depth: int) -> str:
        """Each value is a rule of its own, so that a large schema stays a list of short ones."""
        self._grammar.spend()
        if depth > DEEPEST:
            raise UnusableSchemaError("it is nested too deeply")
        if schema is True or schema == {}:
            return ANY_JSON
        if not isinstance(schema, Mapping):
            raise UnusableSchemaError("a schema must be an object")
        _must_be_known(schema)
        return self._composed({k: v for k, v in schema.items() if k not in SAYS_NOTHING}, depth)

    def _composed(self, schema: Mapping[str, Any], depth: int) -> str:
        if "$ref" in schema:
            return self._reference(schema["$ref"], schema)
        for several in ("anyOf", "oneOf"):
            if several in schema:
                return self._several(schema, several, depth)
        if "allOf" in schema:
            return self.value(self._merged(schema, _listed(schema, "allOf")), depth + 1)
        if constants.WORDS & schema.keys():
            values = constants.fitting(schema)
            self._grammar.spend(len(values))
            return self._grammar.rule(either([constant(value) for value in values]))
        return self._typed(schema, depth)

    def _several(self, schema: Mapping[str, Any], several: str, depth: int) -> str:
        rest = {name: value for name, value in schema.items() if name != several}
        parts = _listed(schema, several)
        if sum(not _is_plain(part) for part in parts) > MOST_ALIKE:
            raise UnusableSchemaError(f"{several} has more than {MOST_ALIKE} lists and objects")
        if rest:
            beside = _listed(rest, "allOf") if "allOf" in rest else []
            parts = [self._merged(rest, [*beside, part]) for part in parts]
        return self._grammar.rule(either([self.value(part, depth + 1) for part in parts]))

    def _typed(self, schema: Mapping[str, Any], depth: int) -> str:
        kind = schema["type"] if "type" in schema else _guessed(schema)
        if isinstance(kind, list):
            each = [self._typed({**schema, "type": one}, depth) for one in _listed(schema, "type")]
            return self._grammar.rule(either(each))
        match kind:
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, depth)
            case "string":
                return self._string(schema)
            case "integer" | "number":
                bounded = ranges.expression(schema, whole=kind == "integer")
                return self._grammar.rule(bounded) if bounded else str(kind)
            case "boolean" | "null" | "any":
                return str(kind)
        raise UnusableSchemaError(f"{kind!r} is no type")

    def _object(self, schema: Mapping[str, Any], depth: int) -> str:
        properties, required = schema.get("properties", {}), schema.get("required", [])
        if not isinstance(properties, Mapping) or not _are_names(required):
            raise UnusableSchemaError("properties must be an object and required a list of names")
        more = schema.get("additionalProperties", True)
        strangers = [name for name in required if name not in properties]
        if strangers and more is False:
            raise UnusableSchemaError(f"{strangers[0]} is required and not allowed")
        known = {**properties, **dict.fromkeys(strangers, more)}
        if not known:
            return self._map(more, depth)
        pairs = [
            (
                f'{constant(name)} ws ":" ws {self._inside(known[name], depth + 1)} ws',
                name in required,
            )
            for name in known
        ]
        return self._grammar.rule(f'"{{" ws {self._chain(pairs)}')

    def _map(self, more: Any, depth: int) -> str:
        if more is True:
            return ANY_OBJECT
        if more is False:
            return self._grammar.rule('"{" ws "}"')
        pair = self._grammar.rule(f'string ws ":" ws {self._inside(more, depth + 1)} ws')
        return self._grammar.rule(f'"{{" ws ({pair} ("," ws {pair})*)? "}}"')

    def _chain(self, pairs: Sequence[tuple[str, bool]]) -> str:
        """Properties in their order, the optional ones perhaps, and the end; from the last to the
        first, with and without something before each. No two ways lead to the same text: each of
        them would be followed at every token."""
        first = later = '"}"'
        for pair, required in reversed(pairs):
            led, following = f"{pair} {later}", f'"," ws {pair} {later}'
            first = self._grammar.rule(led if required else f"{led} | {first}")
            later = self._grammar.rule(following if required else f"{following} | {later}")
        return first

    def _array(self, schema: Mapping[str, Any], depth: int) -> str:
        items = schema.get("items", True)
        if not isinstance(schema.get("prefixItems", []), list):
            raise UnusableSchemaError("prefixItems must be a list")
        leading = items if isinstance(items, list) else schema.get("prefixItems", [])
        rest = schema.get("additionalItems", True) if isinstance(items, list) else items
        if schema.get("uniqueItems"):
            raise UnusableSchemaError("uniqueItems is more than a grammar can hold")
        least, most = _bounds(schema, "minItems", "maxItems")
        most = len(leading) if rest is False else most
        exact = [self._inside(item, depth + 1) for item in leading[:most]]
        more = None if most is None else most - len(exact)
        item = self._inside(rest, depth + 1) if more != 0 else ""
        return self._grammar.rule(f'"[" ws {_items(exact, item, least, more)} "]"')

    def _inside(self, schema: Any, depth: int) -> str:
        """A value that does not come first in what is being read: it may lead back."""
        beginning, self._beginning = self._beginning, set()
        expression = self.value(schema, depth)
        self._beginning = beginning
        return expression

    def _string(self, schema: Mapping[str, Any]) -> str:
        least, most = _bounds(schema, "minLength", "maxLength")
        form = schema.get("format")
        if isinstance(form, str) and form in FORMATS:
            shortest, longest = FORMATS[form]
            if least > shortest or (most is not None and most < longest):
                raise UnusableSchemaError(
                    f"the format {form} is {shortest} to {longest} long, not within its bounds"
                )
            return self._grammar.rule(f'"\\"" {form} "\\""')
        if least or most is not None:
            return self._grammar.rule(f'"\\"" char{_times(least, most)} "\\""')
        return "string"

    def _reference(self, pointer: Any, schema: Mapping[str, Any]) -> str:
        if len(schema) > 1:
            raise UnusableSchemaError("nothing may stand beside a $ref")
        pointers.resolved(self._root, pointer)
        if pointer not in self._references:
            self._references[pointer] = self._grammar.reserve()
            self._pending.append(pointer)
        self._beginning.add(pointer)
        return self._references[pointer]

    def _merged(self, schema: Mapping[str, Any], parts: Sequence[Any]) -> dict[str, Any]:
        merged = {name: value for name, value in schema.items() if name != "allOf"}
        for part in parts:
            whole = self._referred(part)
            for name, value in whole.items():
                merged[name] = _joined(name, merged[name], value) if name in merged else value
        return merged

    def _referred(self, part: Any) -> Mapping[str, Any]:
        found = part
        if isinstance(part, Mapping) and "$ref" in part:
            if part.keys() - SAYS_NOTHING != {"$ref"}:
                raise UnusableSchemaError("nothing may stand beside a $ref")
            found = pointers.resolved(self._root, part["$ref"])
        if not isinstance(found, Mapping):
            raise UnusableSchemaError("a schema must be an object")
        return found


def _joined(name: str, one: Any, other: Any) -> Any:
    if one == other or name in SAYS_NOTHING:
        return one
    if isinstance(one, dict) and isinstance(other, dict) and name == "properties":
        differing = [key for key in one.keys() & other.keys() if one[key] != other[key]]
        if not differing:
            return {**one, **other}
    if isinstance(one, list) and isinstance(other, list) and name == "required":
        return [*one, *other]
    raise UnusableSchemaError(f"{name} is said twice in different ways")


def _must_be_known(schema: Mapping[str, Any]) -> None:
    unknown = sorted(REFUSED & schema.keys())
    if unknown:
        raise UnusableSchemaError(f"{unknown[0]} is more than a grammar can hold")


def _guessed(schema: Mapping[str, Any]) -> str:
    """A schema without a type allows every type; one that it speaks of is a good answer."""
    for kind, words in (
        ("object", {"properties", "required", "additionalProperties"}),
        ("array", {"items", "prefixItems", "minItems", "maxItems"}),
        ("string", {"minLength", "maxLength", "format"}),
        ("number", {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}),
    ):
        if words & schema.keys():
            return kind
    return "any"


def _is_plain(schema: Any) -> bool:
    if not isinstance(schema, Mapping):
        return False
    kind = schema.get("type", _guessed(schema))
    kinds = kind if isinstance(kind, list) else [kind]
    plain = all(isinstance(one, str) and one in PLAIN for one in kinds)
    return plain or "const" in schema or "enum" in schema


def _are_names(given: Any) -> bool:
    return isinstance(given, list) and all(isinstance(name, str) for name in given)


def _listed(schema: Mapping[str, Any], name: str) -> list[Any]:
    found = schema[name]
    if not isinstance(found, list) or not found:
        raise UnusableSchemaError(f"{name} must be a list with something in it")
    return found


def _bounds(schema: Mapping[str, Any], least: str, most: str) -> tuple[int, int | None]:
    low, high = schema.get(least), schema.get(most)
    numbers = [bound for bound in (low, high) if bound is not None]
    if not all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in numbers):
        raise UnusableSchemaError(f"{least} and {most} must be whole numbers")
    low = low or 0
    if low > MOST_REPEATS or (high is not None and high < low):
        raise UnusableSchemaError(f"{least} is above {MOST_REPEATS} or {most}")
    return low, None if high is None else min(high, MOST_REPEATS)


def _times(least: int, most: int | None) -> str:
    return f"{{{least},{'' if most is None else most}}}"


def _items(exact: Sequence[str], item: str, least: int, more: int | None) -> str:
    """The leading items, then between what is still missing and `more` of the rest."""
    led = ' ws "," ws '.join(exact) + (" ws" if exact else "")
    missing = max(least - len(exact), 0)
    if not item:
        if missing:
            raise UnusableSchemaError("minItems is more than there may be")
        return led
    if exact:
        return f'{led} ("," ws {item} ws){_times(missing, more)}'
    rest = _times(max(missing - 1, 0), None if more is None else more - 1)
    several = f'{item} ws ("," ws {item} ws){rest}'
    return several if missing else f"({several})?"
