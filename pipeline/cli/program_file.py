"""Program files: YAML or JSON text in, a valid program or every mistake in it out."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import yaml
from pydantic import ValidationError

from pipeline.failure import Failure
from schemas.program import Misfit, ProgramDefinition

_SEEN_MAX: Final = 60
"""Characters of a wrong value that are shown."""

Path = tuple[str | int, ...]


class Problem(NamedTuple):
    """One mistake in a program file."""

    path: str
    """Where, as `rules[0].per_minor`; empty for the file as a whole."""
    line: int | None
    """The line of the file, from 1; None where nothing of it can be pointed at."""
    wrong: str
    """What is wrong, with the value seen."""
    right: str
    """What would be right; empty where `wrong` says it."""

    def __str__(self) -> str:
        where = ", ".join(part for part in (f"line {self.line}" if self.line else "", self.path) if part)
        return f"{where or 'the file'}: {self.wrong}{'; ' if self.right else ''}{self.right}"


class InvalidProgram(Failure):
    """The text is no valid program; `problems` holds every mistake, in the order of the file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line or 0))
        super().__init__("\n".join(map(str, self.problems)))


def load_program(text: str) -> ProgramDefinition:
    """The program written in `text`, YAML or JSON; raises `InvalidProgram` with every mistake in it."""
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        repeated = list(_repeated(root)) if root else []
        written = loader.construct_document(root) if root else None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else None
        problem = getattr(error, "problem", None) or str(error)
        raise InvalidProgram([Problem("", line, f"this is no YAML: {problem}", "")]) from error
    except RecursionError as error:
        wrong = "holds lists or mappings too deep within each other, or within themselves"
        raise InvalidProgram([Problem("", None, wrong, "write each part out, as the example programs do")]) from error
    except ValueError as error:  # of Python, which reads numbers and dates for the YAML parser
        wrong = f"holds a value that cannot be read ({error})"
        raise InvalidProgram(
            [Problem("", None, wrong, "write numbers as digits, and no tags such as !!int")]
        ) from error
    if root is None or not isinstance(written, dict):
        raise InvalidProgram([Problem("", None, f"found {_shown(written)}", "write a mapping such as `org_id: 1`")])
    across = list(_across(written, root))
    try:
        # Through JSON: there a list is what a tuple is written as, while every other type stays strict.
        program = ProgramDefinition.model_validate_json(json.dumps(written, default=str))
    except ValidationError as error:
        single = [
            _problem(one, written, root)
            # A mistake between parts of the file has no path in the model; `_across` finds all of them, with theirs.
            for one in error.errors(include_url=False)
            if (one["loc"] or not across) and not _only_counts_what_is_right(one)
        ]
        raise InvalidProgram(repeated + single + across) from error
    if repeated or across:
        raise InvalidProgram(repeated + across)
    return program


class _Loader(yaml.SafeLoader):
    """Reads as YAML 1.2 does: only `true` and `false` are booleans (`off` is a key of the program), dates are text."""


_NOT_RESOLVED: Final = ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp")
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _NOT_RESOLVED]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"true|false"), ["t", "f"])


def _repeated(node: yaml.Node, path: Path = ()) -> Iterator[Problem]:
    """Keys that stand twice in one mapping: YAML would silently take the last."""
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _repeated(item, (*path, index))
    elif isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if seen.setdefault(name, line) != line:
                where = _dotted((*path, name))
                yield Problem(where, line, f"stands here a second time (first in line {seen[name]})", "keep one")
            yield from _repeated(value, (*path, name))


def _only_counts_what_is_right(error: Any) -> bool:
    """Whether a list holds enough, but mistakes in some of it, which are told by themselves."""
    return bool(error["type"] == "too_short" and len(error["input"]) >= error["ctx"]["min_length"])


def _problem(error: Any, written: object, root: yaml.Node) -> Problem:
    place = _place(error["loc"])
    path, kind = place.path, error["type"]
    line = _line(root, path)
    if kind == "missing":
        return Problem(_dotted(path), line, "is missing", f"add {_expected(place.schema)}")
    if kind == "extra_forbidden":
        key = str(path[-1])
        close = difflib.get_close_matches(key, place.siblings, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(place.siblings)}"
        return Problem(_dotted(path), line, f"there is no such key (found {_shown(error['input'])})", hint)
    if kind == "union_tag_not_found":
        return _untagged(place, written, root)
    if kind == "union_tag_invalid":
        tag = place.schema["discriminator"]
        path = (*path, tag["propertyName"])
        kinds = " | ".join(tag["mapping"])
        return Problem(_dotted(path), _line(root, path), f"found {_shown(_at(written, path))}", f"write {kinds}")
    if kind == "value_error":
        cause = error["ctx"]["error"]
        path = (*path, *cause.within) if isinstance(cause, Misfit) else path
        return Problem(_dotted(path), _line(root, path), str(cause), "")
    return Problem(_dotted(path), line, f"found {_shown(_at(written, path))}", f"write {_expected(place.schema)}")


def _untagged(place: _Place, written: object, root: yaml.Node) -> Problem:
    """A part without the key that says which kind it is, or with that key misspelt."""
    tag = place.schema["discriminator"]
    known = {key for kind in tag["mapping"].values() for key in _resolved({"$ref": kind})["properties"]}
    part: Any = _at(written, place.path)
    unknown = [key for key in part if isinstance(key, str) and key not in known]
    close = difflib.get_close_matches(tag["propertyName"], unknown, n=1)
    if close:
        path = (*place.path, close[0])
        wrong = f"there is no such key (found {_shown(part[close[0]])})"
        return Problem(_dotted(path), _line(root, path), wrong, f"did you mean {tag['propertyName']!r}?")
    path = (*place.path, tag["propertyName"])
    return Problem(_dotted(path), _line(root, path), "is missing", f"add {_expected(place.schema)}")


# Only files are held to names of tiers that differ: a program already in force, which is read by its model, goes on.
_OWN: Final[tuple[tuple[Path, str], ...]] = (
    (("rules",), "id"),
    (("milestones",), "id"),
    (("streaks",), "id"),
    (("tiers", "levels"), "name"),
)
"""The lists whose parts each have a key of their own: where, and the key."""


def _across(written: dict[Any, Any], root: yaml.Node) -> Iterator[Problem]:
    """What is wrong between parts of the file, each fine in itself."""
    for place, key in _OWN:
        first: dict[str, int] = {}
        for index, part in enumerate(_parts(written, place)):
            own = part.get(key)
            if isinstance(own, str) and first.setdefault(own, index) != index:
                path: Path = (*place, index, key)
                wrong = f"repeats the {key} {own!r} of {_dotted((*place, first[own]))}"
                yield Problem(_dotted(path), _line(root, path), wrong, "give each its own")
    milestones = [part["id"] for part in _parts(written, ("milestones",)) if isinstance(part.get("id"), str)]
    for index, streak in enumerate(_parts(written, ("streaks",))):
        named = streak.get("milestone")
        if isinstance(named, str) and named not in milestones:
            path = ("streaks", index, "milestone")
            known = ", ".join(dict.fromkeys(milestones)) or "none"
            yield Problem(_dotted(path), _line(root, path), f"{named!r} is no milestone", f"known: {known}")


def _parts(written: dict[Any, Any], place: Path) -> list[dict[Any, Any]]:
    parts: Any = written
    for step in place:
        parts = parts.get(step) if isinstance(parts, dict) else None
    return [part if isinstance(part, dict) else {} for part in parts] if isinstance(parts, list) else []


class _Place(NamedTuple):
    """What the schema says about one place of the file."""

    path: Path
    """The place, without the tags that pydantic puts between."""
    schema: dict[str, Any]
    siblings: tuple[str, ...]
    """The keys that may stand there."""


_SCHEMA: Final[dict[str, Any]] = ProgramDefinition.model_json_schema()


def _place(loc: Sequence[str | int]) -> _Place:
    node, path, siblings = _resolved(_SCHEMA), [], ()
    for step in loc:
        mapping = node.get("discriminator", {}).get("mapping", {})
        if step in mapping:
            node = _resolved({"$ref": mapping[step]})
            continue
        path.append(step)
        siblings = tuple(node.get("properties", ()))
        node = _resolved(node.get("items", {}) if isinstance(step, int) else node.get("properties", {}).get(step, {}))
    return _Place(tuple(path), node, siblings)


def _resolved(node: dict[str, Any]) -> dict[str, Any]:
    """The schema behind a reference or behind "this or null"."""
    if "$ref" in node:
        target: dict[str, Any] = _SCHEMA["$defs"][node["$ref"].rsplit("/", 1)[1]]
        return target
    chosen = next((one for one in node.get("anyOf", ()) if one.get("type") != "null"), None)
    return {**node, **_resolved(chosen)} if chosen else node


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


_IN_WORDS: Final[dict[str, Callable[[dict[str, Any]], str]]] = {
    "integer": _whole_number,
    "string": _text,
    "boolean": lambda _: "true or false",
    "array": lambda schema: f"a list{_range(schema, 'minItems', 'maxItems', ' items')}",
    "object": lambda schema: f"a mapping with {', '.join(schema['properties'])}",
}


def _at(written: Any, path: Path) -> object:
    for step in path:
        written = written[step]
    return written


def _line(root: yaml.Node, path: Path) -> int:
    """The line of the file at which the path, or what is there of it, begins."""
    node, line = root, root.start_mark.line
    for step in path:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == str(step)), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            found = (node.value[step], node.value[step])
        else:
            found = None
        if found is None:
            break
        line, node = found[0].start_mark.line, found[1]
    return int(line) + 1


def _dotted(path: Path) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def _shown(value: object) -> str:
    text = repr(value) if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= _SEEN_MAX else text[: _SEEN_MAX - 1] + "…"
