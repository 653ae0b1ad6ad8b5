"""The YAML of program files: text in, plain values with their lines out, in bounded time and memory.

A small part of YAML 1.2: mappings, lists, text, whole and decimal numbers, `true`, `false`, `null`, anchors, aliases
and merge keys. There are no tags, so nothing is read as a date, a set or bytes, and `off` is a key, not a boolean.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, NoReturn

import yaml
from yaml.composer import Composer
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from pipeline.cli.program_problem import InvalidProgram, Path, Problem, dotted, shortened, shown

TEXT_BYTES_MAX: Final = 400_000
"""Of a program file. Its program travels whole in one record of the journal, and that in one message of a megabyte."""
TOO_LONG: Final = Problem(
    "", None, f"has more than {TEXT_BYTES_MAX:,} bytes", "leave out what is not in force any more, or split the program"
)
VALUES_MAX: Final = 50_000
"""Of a program file, each alias written out: a few hundred bytes of aliases can stand for billions of values."""
_NUMBER_MAX: Final = 40
"""Digits of a number that is read as one; no limit of a program is beyond a third of that."""
_TOO_MANY: Final = Problem(
    "",
    None,
    f"stands for more than {VALUES_MAX:,} values, with its aliases written out",
    "write fewer, or shorter lists",
)
_TAG: Final = "tag:yaml.org,2002:"
_MERGE: Final = f"{_TAG}merge"
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class Document(NamedTuple):
    """What was read."""

    value: dict[str, Any]
    root: yaml.Node


def read_yaml(text: str) -> Document:
    """The mapping written in `text`; raises `InvalidProgram` where there is none, or where it is beyond the bounds."""
    if len(text.encode(errors="surrogatepass")) > TEXT_BYTES_MAX:
        raise InvalidProgram([TOO_LONG])
    try:
        root = _Reader(text).get_single_node()
        if root is None:
            _refuse("found null", "write a mapping such as `org_id: 1`")
        if _extent(root, {}).values > VALUES_MAX:
            raise InvalidProgram([_TOO_MANY])
        problems: list[Problem] = []
        value = _written(root, (), problems)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
        _refuse(f"this is not valid YAML: {problem}", "", mark.line + 1 if mark else None)
    except RecursionError:
        wrong = "holds lists or mappings too deep within each other, or within themselves"
        _refuse(wrong, "write each part out, as the example programs do")
    except (ValueError, OverflowError) as error:  # of Python, from which the parser wants a character by its number
        _refuse(f"holds an escaped character that there is not ({error})", "write the character itself")
    if problems:
        raise InvalidProgram(problems)
    if not isinstance(value, dict):
        _refuse(f"found {shown(value)}", "write a mapping such as `org_id: 1`")
    return Document(value, root)


def line_of(root: yaml.Node, path: Path) -> int:
    """The line of the file at which the path, or what is there of it, begins."""
    node, line = root, root.start_mark.line
    for step in path:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == step), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            found = (node.value[step], node.value[step])
        else:
            found = None
        if found is None:
            break
        line, node = found[0].start_mark.line, found[1]
    return int(line) + 1


def duplicate_keys(node: yaml.Node, path: Path = ()) -> Iterator[Problem]:
    """Reports duplicate keys of a mapping: YAML would silently take the last."""
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from duplicate_keys(item, (*path, index))
    elif isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            name, line = key.value, key.start_mark.line + 1
            if seen.setdefault(name, line) != line:
                yield Problem(dotted((*path, name)), line, f"duplicate key (first in line {seen[name]})", "keep one")
            yield from duplicate_keys(value, (*path, name))


class _Extent(NamedTuple):
    values: int
    depth: int


_DEPTH_MAX: Final = 32
_SCALAR: Final = _Extent(1, 1)
_WITHIN_ITSELF: Final = _Extent(0, _DEPTH_MAX + 1)


class _Reader(Reader, Scanner, Parser, Composer, BaseResolver):
    """PyYAML's parser without its constructors."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        BaseResolver.__init__(self)
        self._left = VALUES_MAX

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """The next node; stops at the first beyond the limit, to bound the time that reading takes."""
        if not self._left:
            raise InvalidProgram([_TOO_MANY])
        self._left -= 1
        return super().compose_node(parent, index)


_NUMBERS: Final = tuple("-0123456789")
for _name, _pattern, _firsts in (
    ("null", r"~|null|", ("~", "n", "")),
    ("bool", r"true|false", ("t", "f")),
    ("int", rf"-?(0|[1-9][0-9]{{0,{_NUMBER_MAX}}})", _NUMBERS),
    ("float", rf"-?[0-9]{{1,{_NUMBER_MAX}}}\.[0-9]{{1,{_NUMBER_MAX}}}", _NUMBERS),
    ("merge", r"<<", ("<",)),
):
    _Reader.add_implicit_resolver(f"{_TAG}{_name}", re.compile(f"^(?:{_pattern})$"), list(_firsts))

_READ: Final[dict[str, Callable[[str], object]]] = {
    f"{_TAG}str": str,
    f"{_TAG}null": lambda _: None,
    f"{_TAG}bool": lambda text: text == "true",
    f"{_TAG}int": int,
    f"{_TAG}float": float,
    _MERGE: str,
}
_FITTING: Final[dict[str, re.Pattern[str]]] = {
    tag: pattern for some in _Reader.yaml_implicit_resolvers.values() for tag, pattern in some
}


def _refuse(wrong: str, right: str, line: int | None = None) -> NoReturn:
    raise InvalidProgram([Problem("", line, wrong, right)])


def _extent(node: yaml.Node, known: dict[int, _Extent]) -> _Extent:
    """The node's size with aliases expanded; raises `RecursionError` if it is too deep or contains itself."""
    if isinstance(node, yaml.ScalarNode):
        return _SCALAR
    extent = known.get(id(node))
    if extent is None:
        known[id(node)] = _WITHIN_ITSELF
        parts = node.value if isinstance(node, yaml.SequenceNode) else [part for pair in node.value for part in pair]
        extents = [_extent(part, known) for part in parts]
        values = 1 + sum(one.values for one in extents)
        extent = known[id(node)] = _Extent(values, 1 + max((one.depth for one in extents), default=0))
    if extent.depth > _DEPTH_MAX:
        raise RecursionError
    return extent


def _written(node: yaml.Node, path: Path, problems: list[Problem]) -> object:
    """The value of a node; a problem is recorded if it has none."""
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node, path, problems)
    if node.tag not in {f"{_TAG}seq", f"{_TAG}map"}:
        problems.append(_tagged(node, path))
    if isinstance(node, yaml.SequenceNode):
        return [_written(item, (*path, index), problems) for index, item in enumerate(node.value)]
    own: dict[str, object] = {}
    merged: dict[str, object] = {}
    for key, part in node.value:
        if not isinstance(key, yaml.ScalarNode):
            where = key.start_mark.line + 1
            problems.append(Problem(dotted(path), where, "a key is a list or a mapping", "write a name"))
        elif key.tag == _MERGE:
            merged = {**_merged(part, path, problems), **merged}
        elif key.tag not in _READ:
            problems.append(_tagged(key, path))
        else:
            name = _text(key, path, problems)
            own[name] = _written(part, (*path, name), problems)
    return {**merged, **own}


def _merged(node: yaml.Node, path: Path, problems: list[Problem]) -> dict[str, object]:
    """Expands a merge key: if several mappings have a key, the first wins."""
    sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
    found: dict[str, object] = {}
    for source in reversed(sources):
        taken = _written(source, path, problems)
        if isinstance(taken, dict):
            found |= taken
        else:
            line = source.start_mark.line + 1
            problems.append(Problem(dotted(path), line, f"<< merges {shown(taken)}", "name a mapping, as in <<: *base"))
    return found


def _scalar(node: yaml.ScalarNode, path: Path, problems: list[Problem]) -> object:
    if node.tag not in _READ or (node.tag in _FITTING and not _FITTING[node.tag].match(node.value)):
        problems.append(_tagged(node, path))
        return None
    return _READ[node.tag](_text(node, path, problems))


def _text(node: yaml.ScalarNode, path: Path, problems: list[Problem]) -> str:
    """The text of a scalar; JSON writes some characters as two halves, and one half alone is a problem."""
    text = str(node.value)
    if not _SURROGATE.search(text):
        return text
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if "\ufffd" in whole and "\ufffd" not in text:
        wrong = "holds half a character, as \\ud83e is"
        problems.append(Problem(dotted(path), node.start_mark.line + 1, wrong, "write the character itself"))
    return whole


def _tagged(node: yaml.Node, path: Path) -> Problem:
    tag = shortened(node.tag.replace(_TAG, "!!"))
    return Problem(dotted(path), node.start_mark.line + 1, f"has the tag {tag}", "write the value without a tag")
