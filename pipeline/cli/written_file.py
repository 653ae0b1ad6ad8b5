"""Files that people write: YAML or JSON text in, a valid model or every mistake in it out."""

from __future__ import annotations

import difflib
import json
import pathlib
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, Generic, NamedTuple, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from pipeline.cli.program_problem import PROBLEMS_MAX, InvalidProgram, Path, Problem, dotted, shown
from pipeline.cli.program_yaml import TEXT_BYTES_MAX, TOO_LONG, duplicate_keys, line_of, read_yaml
from schemas.limits import WRITTEN, Misfit

_COUNTED_MAX: Final = PROBLEMS_MAX + 1
"""Mistakes collected of each kind: one more than are reported."""
_Model = TypeVar("_Model", bound=BaseModel)
_Schema = dict[str, Any]
Across = Callable[[dict[str, Any], yaml.Node], Iterator[Problem]]
"""Finds mistakes between parts of a file."""


def _nothing_across(_written: dict[str, Any], _root: yaml.Node) -> Iterator[Problem]:
    return iter(())


class WrittenFile(Generic[_Model]):
    """Reads files of one kind."""

    def __init__(self, model: type[_Model], what: str, across: Across = _nothing_across) -> None:
        """`what` the file holds, in words; `across` finds mistakes that have no path in the model."""
        self._model = model
        self._what = what
        self._across = across
        self._schema = model.model_json_schema()

    def load(self, text: str) -> _Model:
        """The model written in `text`, YAML or JSON; raises `InvalidProgram` with the mistakes in it."""
        written, root = read_yaml(text)
        repeated = list(islice(duplicate_keys(root), _COUNTED_MAX))
        across = list(islice(self._across(written, root), _COUNTED_MAX))
        try:
            # Through JSON: there a list is what a tuple is written as, while every other type stays strict.
            model = self._model.model_validate_json(json.dumps(written), context=WRITTEN)
        except ValidationError as error:
            single = (
                _problem(one, self._schema, written, root)
                # A mistake between parts of the file has no path in the model; `across` finds all, with theirs.
                for one in error.errors(include_url=False)
                if (one["loc"] or not across) and not _only_counts_what_is_right(one)
            )
            raise InvalidProgram([*repeated, *islice(single, _COUNTED_MAX), *across]) from error
        if len(model.model_dump_json().encode()) > TEXT_BYTES_MAX:
            wrong = f"is {self._what} of more than {TEXT_BYTES_MAX:,} bytes, with its aliases and defaults written out"
            repeated.append(Problem("", None, wrong, "use fewer aliases, or shorter lists"))
        if repeated or across:
            raise InvalidProgram(repeated + across)
        return model

    def read(self, file: pathlib.Path) -> _Model:
        """The model in a file; raises `InvalidProgram` with the mistakes in it."""
        with file.open("rb") as opened:
            raw = opened.read(TEXT_BYTES_MAX + 1)
        if len(raw) > TEXT_BYTES_MAX:
            raise InvalidProgram([TOO_LONG])
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            wrong = f"byte {error.start} is not UTF-8 text ({error.reason})"
            raise InvalidProgram([Problem("", None, wrong, "save the file as UTF-8")]) from error
        return self.load(text)


def _only_counts_what_is_right(error: Any) -> bool:
    """Whether a list holds enough, but mistakes in some of it, which are told by themselves."""
    return bool(error["type"] == "too_short" and len(error["input"]) >= error["ctx"]["min_length"])


def _problem(error: Any, schema: _Schema, written: object, root: yaml.Node) -> Problem:
    place = _place(error["loc"], schema)
    path, kind = place.path, error["type"]
    line = line_of(root, path)
    if kind == "missing":
        return Problem(dotted(path), line, "is missing", f"add {_expected(place.schema)}")
    if kind == "extra_forbidden":
        key = str(path[-1])
        close = difflib.get_close_matches(key, place.siblings, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(place.siblings)}"
        return Problem(dotted(path), line, f"there is no such key (found {shown(error['input'])})", hint)
    if kind == "union_tag_not_found":
        return _untagged(place, schema, written, root)
    if kind == "union_tag_invalid":
        tag = place.schema["discriminator"]
        path = (*path, tag["propertyName"])
        kinds = " | ".join(tag["mapping"])
        return Problem(dotted(path), line_of(root, path), f"found {shown(_at(written, path))}", f"write {kinds}")
    if kind == "value_error":
        cause = error["ctx"]["error"]
        path = (*path, *cause.within) if isinstance(cause, Misfit) else path
        return Problem(dotted(path), line_of(root, path), str(cause), "")
    return Problem(dotted(path), line, f"found {shown(_at(written, path))}", f"write {_expected(place.schema)}")


def _untagged(place: _Place, schema: _Schema, written: object, root: yaml.Node) -> Problem:
    """A part without the key that says which kind it is, or with that key misspelt."""
    tag = place.schema["discriminator"]
    known = {key for kind in tag["mapping"].values() for key in _resolved({"$ref": kind}, schema)["properties"]}
    part: Any = _at(written, place.path)
    unknown = [key for key in part if isinstance(key, str) and key not in known]
    close = difflib.get_close_matches(tag["propertyName"], unknown, n=1)
    if close:
        path = (*place.path, close[0])
        wrong = f"there is no such key (found {shown(part[close[0]])})"
        return Problem(dotted(path), line_of(root, path), wrong, f"did you mean {tag['propertyName']!r}?")
    path = (*place.path, tag["propertyName"])
    return Problem(dotted(path), line_of(root, path), "is missing", f"add {_expected(place.schema)}")


class _Place(NamedTuple):
    """The schema of one place of the file."""

    path: Path
    """The path, without the tags that pydantic inserts."""
    schema: dict[str, Any]
    siblings: tuple[str, ...]
    """The keys that are allowed there."""


def _place(loc: Sequence[str | int], schema: _Schema) -> _Place:
    node, path, siblings = _resolved(schema, schema), [], ()
    for step in loc:
        mapping = node.get("discriminator", {}).get("mapping", {})
        if step in mapping:
            node = _resolved({"$ref": mapping[step]}, schema)
            continue
        path.append(step)
        siblings = tuple(node.get("properties", ()))
        within = node.get("items") if isinstance(step, int) else node.get("properties", {}).get(step)
        node = _resolved(within or node.get("additionalProperties") or {}, schema)
    return _Place(tuple(path), node, siblings)


def _resolved(node: _Schema, schema: _Schema) -> _Schema:
    """The schema behind a reference or behind "this or null"."""
    if "$ref" in node:
        target: _Schema = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
        return target
    chosen = next((one for one in node.get("anyOf", ()) if one.get("type") != "null"), None)
    return {**node, **_resolved(chosen, schema)} if chosen else node


def _expected(schema: dict[str, Any]) -> str:
    """What the schema asks for, in words."""
    if "discriminator" in schema:
        tag = schema["discriminator"]
        return f"{tag['propertyName']}: {' | '.join(tag['mapping'])}"
    if "enum" in schema or "const" in schema:
        return " | ".join(map(str, schema.get("enum", [schema.get("const")])))
    return _IN_WORDS[schema["type"]](schema)


def _whole_number(schema: dict[str, Any]) -> str:
    return f"a whole number{_range(schema, 'minimum', 'maximum')}"


def _text(schema: dict[str, Any]) -> str:
    if schema.get("format") == "date":
        return "a date, such as 2024-03-01"
    if "pattern" in schema:
        return str(schema["description"])
    return f"text{_range(schema, 'minLength', 'maxLength', ' characters')} (in quotes if it looks like a number)"


def _range(schema: dict[str, Any], low: str, high: str, unit: str = "") -> str:
    if low in schema and high in schema:
        return f" of {schema[low]} to {schema[high]}{unit}" if unit else f" from {schema[low]} to {schema[high]}"
    if low in schema:
        return f" of at least {schema[low]}{unit}"
    return f" of at most {schema[high]}{unit}" if high in schema else ""


def _keys(schema: dict[str, Any]) -> str:
    return f" with {', '.join(schema['properties'])}" if "properties" in schema else ""


_IN_WORDS: Final[dict[str, Callable[[dict[str, Any]], str]]] = {
    "integer": _whole_number,
    "string": _text,
    "boolean": lambda _: "true or false",
    "array": lambda schema: f"a list{_range(schema, 'minItems', 'maxItems', ' items')}",
    "object": lambda schema: f"a mapping{_range(schema, 'minProperties', 'maxProperties', ' entries')}{_keys(schema)}",
}


def _at(written: Any, path: Path) -> object:
    for step in path:
        written = written[step]
    return written
