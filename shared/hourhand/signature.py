"""How a payload becomes the arguments of a task's function.

A parameter called `payload`, or the only parameter when its type is an object (a pydantic model, dataclass,
TypedDict or mapping), takes the whole payload. Otherwise the keys of the payload are the parameters by name,
and a key without a parameter is refused. A parameter of type `Run` gets the run, and is no part of that.
"""

import dataclasses
import inspect
import types
from collections.abc import Callable, Mapping
from typing import Annotated, Any, NotRequired, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError
from typing_extensions import TypedDict, is_typeddict

from hourhand.errors import BadPayload
from hourhand.run import Run

Function = Callable[..., Any]

_EMPTY = ("", "{}", "null")
_MOST_PROBLEMS = 5


class Signature:
    """Decodes payloads for one function, and encodes them for it. Raises TypeError where it can't."""

    __slots__ = ("_adapter", "_optional", "_payload", "_run", "schema")

    def __init__(self, function: Function) -> None:
        parameters = _parameters(function)
        self._run = _take_run(parameters)
        self._payload = _whole(parameters)
        self._optional = all(p.default is not p.empty for p in parameters.values())
        shape = parameters[self._payload].annotation if self._payload else _keys(function, parameters)
        try:
            self._adapter = TypeAdapter[Any](shape)
            self.schema = self._adapter.json_schema()
        except PydanticUserError as error:
            raise TypeError(f"its payload can't be read from JSON: {error.message}") from None

    def arguments(self, text: str | None, run: Run | None = None) -> dict[str, Any]:
        """The keyword arguments for a payload in JSON. Raises BadPayload."""
        arguments = self._decode(text or "{}")
        if self._run is not None:
            arguments[self._run] = run
        return arguments

    def _decode(self, text: str) -> dict[str, Any]:
        if self._optional and text in _EMPTY:
            return {}
        try:
            value = self._adapter.validate_json(text)
        except ValidationError as error:
            raise BadPayload(_told(error)) from None
        return {self._payload: value} if self._payload else value

    def encode(self, payload: object) -> Any:
        """The payload as plain JSON values, checked and complete: defaults are filled in, so that every
        attempt sees the same. Raises BadPayload.
        """
        if payload is None and self._optional:
            return {}
        try:
            value = self._adapter.validate_python({} if payload is None else payload)
            return self._adapter.dump_python(value, mode="json", by_alias=True, warnings="error")
        except ValidationError as error:
            raise BadPayload(_told(error)) from None
        except PydanticSerializationError as error:
            raise BadPayload(f"the payload can't be written as JSON: {error}") from None


def _told(error: ValidationError) -> str:
    """Where and what, never the values: they may be secret."""
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    told = [f"{'.'.join(map(str, p['loc'])) or 'payload'}: {p['msg']}" for p in problems[:_MOST_PROBLEMS]]
    if len(problems) > _MOST_PROBLEMS:
        told.append(f"and {len(problems) - _MOST_PROBLEMS} more")
    return "; ".join(told)


# --- Reading the function ---


def _parameters(function: Function) -> dict[str, inspect.Parameter]:
    hints = _hints(function)
    return {
        name: _checked(parameter).replace(annotation=hints.get(name, Any))
        for name, parameter in inspect.signature(function).parameters.items()
    }


def _hints(function: Function) -> dict[str, Any]:
    plain = inspect.unwrap(function)
    wanted = {name: hint for name, hint in plain.__annotations__.items() if name != "return"}
    holder = types.SimpleNamespace(__annotations__=wanted)
    try:
        return get_type_hints(holder, globalns=plain.__globals__, include_extras=True)
    except NameError as error:
        raise TypeError(
            f"the type {error.name!r} of a parameter is not known where it is defined: "
            "import it at run time, above the task, at the top level of the module"
        ) from None


def _checked(parameter: inspect.Parameter) -> inspect.Parameter:
    if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
        return parameter
    raise TypeError(
        f"its parameter {parameter} can't be filled from a payload by name: use plain named parameters"
    )


def _take_run(parameters: dict[str, inspect.Parameter]) -> str | None:
    found = [name for name, parameter in parameters.items() if _is_run(parameter)]
    if len(found) > 1:
        raise TypeError(f"it has more than one parameter of type Run: {', '.join(found)}")
    for name in found:
        del parameters[name]
    return found[0] if found else None


def _is_run(parameter: inspect.Parameter) -> bool:
    if parameter.annotation is Any:
        return parameter.name == "run"
    return Run in (parameter.annotation, *get_args(parameter.annotation))


def _whole(parameters: Mapping[str, inspect.Parameter]) -> str | None:
    if len(parameters) != 1:
        return None
    ((name, parameter),) = parameters.items()
    return name if name == "payload" or _is_object(parameter.annotation) else None


def _is_object(hint: Any) -> bool:
    origin = get_origin(hint)
    if origin is Annotated:
        return _is_object(get_args(hint)[0])
    if origin in (Union, types.UnionType):
        return all(_is_object(option) for option in get_args(hint) if option is not type(None))
    kind = origin or hint
    if is_typeddict(kind):
        return True
    return isinstance(kind, type) and (
        issubclass(kind, BaseModel | Mapping) or dataclasses.is_dataclass(kind)
    )


def _keys(function: Function, parameters: Mapping[str, inspect.Parameter]) -> Any:
    """A typed dictionary rather than a model: every name a parameter can have can be a key of it."""
    make: Any = TypedDict  # type checkers only know it written out
    keys = {name: _key(parameter) for name, parameter in parameters.items()}
    shape = make(f"Payload of {function.__name__}", keys)
    shape.__pydantic_config__ = ConfigDict(extra="forbid")
    return shape


def _key(parameter: inspect.Parameter) -> Any:
    hint = parameter.annotation
    if parameter.default is parameter.empty:
        return hint
    return NotRequired[Annotated[hint, Field(json_schema_extra=_shown_default(hint, parameter.default))]]


def _shown_default(hint: Any, default: object) -> dict[str, Any]:
    """For forms and readers; the function itself supplies it. One that JSON can't show is left out."""
    try:
        return {"default": TypeAdapter(hint).dump_python(default, mode="json", warnings="error")}
    except (PydanticUserError, PydanticSerializationError):
        return {}
