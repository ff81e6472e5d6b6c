"""Chat templates of model files: programs by strangers, run where they can do little harm."""

from __future__ import annotations

import contextvars
import json
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NoReturn

from jinja2 import TemplateError, Undefined, meta, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from inference.words import EngineError, Failure

LONGEST_SOURCE = 1_000_000
LONGEST_TEXT = 16 * 1024 * 1024
"""Characters of a prompt, and of any value on the way to it: requests are at most 10 MiB."""
LARGEST = LONGEST_TEXT
CPU_S = 2.0
WIDE = frozenset(
    {"center", "ljust", "rjust", "zfill", "expandtabs", "format", "format_map", "translate"}
)
"""Methods of texts that make a long one of a short one; no chat template needs them."""

_until: contextvars.ContextVar[float] = contextvars.ContextVar("_until")


class TooMuchError(Exception):
    """The chat template makes too much of its input."""


class RefusedError(Exception):
    """A template's own word (raise_exception) on why it does not take these messages."""


class Template:
    def __init__(self, source: str) -> None:
        """Raises EngineError when it is no template."""
        try:
            tree = _parsed(source)
            self.knows_tools = "tools" in meta.find_undeclared_variables(tree)
            _count(tree)
            code = ENVIRONMENT.compile(tree)
            self._template = ENVIRONMENT.template_class.from_code(
                ENVIRONMENT, code, ENVIRONMENT.make_globals(None)
            )
        except (TemplateError, TooMuchError, RecursionError, SyntaxError) as error:
            raise broken(error) from error

    def render(self, values: Mapping[str, Any]) -> str:
        """Processor time, length and the size of values are bounded; a single filter over a long
        text is not interrupted."""
        _until.set(time.thread_time() + CPU_S)
        size, parts = 0, []
        for part in self._template.generate(**values):
            size += len(part)
            if size > LONGEST_TEXT:
                raise TooMuchError
            parts.append(part)
        return "".join(parts)


def broken(error: BaseException) -> EngineError:
    """Another backend may do better: the fault is in this model's file."""
    why = str(error) or error.__doc__ or type(error).__name__
    return EngineError(Failure.SERVER, f"the model's chat template fails: {why[:200]}")


class _Generation(Extension):
    """`{% generation %}` marks the model's words for those who train; here it does nothing."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class _Environment(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def watch(self) -> str:
        if time.thread_time() > _until.get():
            raise TooMuchError
        return ""

    def concatenated(self, *parts: Any) -> str:
        return str(_small("".join(str(_small(part)) for part in parts)))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" or (operator == "%" and isinstance(left, str)):
            raise TooMuchError
        if operator == "*":
            _must_be_small(_size(left) * _size(right))
        return _small(super().call_binop(context, operator, left, right))

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        """Named as Jinja names them: a template may call something with `self=…`."""
        for value in (*args, *kwargs.values()):
            if isinstance(value, int):
                _must_be_small(value)
        owner = getattr(__obj, "__self__", None)
        if isinstance(owner, str) and __obj.__name__ in {"replace", "join"}:
            _must_be_small(len(owner) * max((_size(value) for value in args), default=0))
        return _small(super().call(__context, __obj, *args, **kwargs))

    def wrap_str_format(self, value: Any) -> Any:
        """Jinja lets `format` pass before it asks whether an attribute is safe."""
        if super().wrap_str_format(value) is not None:
            raise TooMuchError

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, str) and attr in WIDE:
            return False
        return super().is_safe_attribute(obj, attr, value)


def _parsed(source: str) -> nodes.Template:
    if len(source) > LONGEST_SOURCE:
        raise TooMuchError
    return ENVIRONMENT.parse(source)


def _count(tree: nodes.Template) -> None:
    """Every turn of a loop and every call of a macro looks at the clock, and joined texts at
    their length, which Jinja's sandbox cannot see."""
    bodies = [node.body for node in tree.find_all(nodes.For)]
    bodies += [node.body for node in tree.find_all(nodes.Macro)]
    bodies += [node.body for node in tree.find_all(nodes.CallBlock)]
    for body in bodies:
        watch = nodes.Call(nodes.EnvironmentAttribute("watch"), [], [], None, None)
        body.insert(0, nodes.ExprStmt(watch))
    _replace_joins(tree)


def _replace_joins(node: nodes.Node) -> None:
    for name, value in node.iter_fields():
        if isinstance(value, list):
            setattr(node, name, [_without_join(each) for each in value])
        else:
            setattr(node, name, _without_join(value))


def _without_join(value: Any) -> Any:
    if not isinstance(value, nodes.Node):
        return value
    _replace_joins(value)
    if isinstance(value, nodes.Concat):
        joined = nodes.EnvironmentAttribute("concatenated")
        return nodes.Call(joined, value.nodes, [], None, None)
    return value


def _small(value: Any) -> Any:
    _must_be_small(_size(value))
    return value


def _size(value: Any) -> int:
    """Of a number itself: it may become a length."""
    if isinstance(value, str | bytes | list | tuple | dict):
        return len(value)
    return abs(int(value)) if isinstance(value, int) else 1


def _must_be_small(size: int) -> None:
    if size > LARGEST:
        raise TooMuchError


def _replaced(text: Any, old: str, new: str, count: int | None = None) -> str:
    whole, fresh = str(text), str(new)
    longest = len(whole) + len(fresh) * (whole.count(str(old)) if old else len(whole) + 1)
    if longest > LONGEST_TEXT:
        raise TooMuchError
    return whole.replace(str(old), fresh, -1 if count is None else count)


def _to_json(value: Any, indent: int | None = None, **options: Any) -> str:
    """As Python's json has it: no HTML escapes, and characters as they are."""
    if isinstance(value, Undefined) or (indent or 0) > 16:
        raise TooMuchError
    known = {name: options[name] for name in ("separators", "sort_keys") if name in options}
    return json.dumps(value, ensure_ascii=False, indent=indent, **known)


def _refuse(why: Any) -> NoReturn:
    raise RefusedError(str(why)[:500])


def _now(form: str) -> str:
    """Local time, which is what such templates mean."""
    return datetime.now().strftime(str(form)[:100])  # noqa: DTZ005


def _environment() -> _Environment:
    environment = _Environment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols, _Generation]
    )
    for name in ("center", "format", "wordwrap", "urlize", "pprint", "xmlattr", "filesizeformat"):
        del environment.filters[name]
    environment.filters |= {"tojson": _to_json, "replace": _replaced}
    environment.globals = {
        "range": environment.globals["range"],
        "dict": dict,
        "namespace": environment.globals["namespace"],
        "raise_exception": _refuse,
        "strftime_now": _now,
    }
    return environment


ENVIRONMENT = _environment()
