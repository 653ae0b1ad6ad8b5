"""The Avro files say what the types say, and data goes through them unharmed."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any, get_args

import fastavro
import msgspec
import pytest
from msgspec import inspect

from schemas import avro, facts, messages, records
from schemas.compatibility import breaks

SCHEMAS = avro.schemas()
TYPES: dict[str, type[msgspec.Struct]] = {
    **{f"message.{kind.__name__}.avsc": kind for kind in get_args(messages.AnyMessage)},
    **{f"record.{kind.__name__}.avsc": kind for kind in get_args(records.AnyRecord)},
}


def committed(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((avro.FOLDER / name).read_text())
    return schema


def test_every_type_has_its_file_and_no_file_is_left_over() -> None:
    assert {path.name for path in avro.FOLDER.iterdir()} == set(SCHEMAS) == {*TYPES, "facts.FactMessage.avsc"}


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_committed_file_equals_the_types(name: str) -> None:
    assert (avro.FOLDER / name).read_text() == avro.text_of(SCHEMAS[name]), "run: python -m schemas.avro"


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_types_can_read_what_was_written_by_the_committed_schema(name: str) -> None:
    assert breaks(committed(name), SCHEMAS[name]) == []


SAMPLES: dict[type[inspect.Type], Callable[[Any], Any]] = {
    inspect.IntType: lambda _: 2**53,
    inspect.StrType: lambda _: "tëxt",
    inspect.BytesType: lambda _: b"\x00\xff",
    inspect.BoolType: lambda _: True,
    inspect.Metadata: lambda kind: sample(kind.type),
    inspect.EnumType: lambda kind: next(iter(kind.cls)),
    inspect.UnionType: lambda kind: sample(kind.types[0]),
    inspect.VarTupleType: lambda kind: (sample(kind.item_type),),
    inspect.DictType: lambda kind: {"key": sample(kind.value_type)},
    inspect.StructType: lambda kind: kind.cls(**{field.name: sample(field.type) for field in kind.fields}),
}


def sample(kind: inspect.Type) -> Any:
    """A value of a type, every optional field given."""
    return SAMPLES[type(kind)](kind)


def datum(value: Any, namespace: str) -> Any:
    """A value as fastavro takes it; a type is named, because several of a union may have the same fields."""
    if isinstance(value, msgspec.Struct):
        fields = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
        return {
            "-type": f"{namespace}.{type(value).__name__}",
            **{wire: datum(getattr(value, name), namespace) for wire, name in fields},
        }
    if isinstance(value, tuple):
        return [datum(one, namespace) for one in value]
    return value.value if isinstance(value, Enum) else value


def plain(value: Any) -> Any:
    """The same without the names of types."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items() if key != "-type"}
    return [plain(one) for one in value] if isinstance(value, list) else value


def through_avro(schema: dict[str, Any], value: Any) -> Any:
    parsed = fastavro.parse_schema(schema)
    wire = io.BytesIO()
    fastavro.schemaless_writer(wire, parsed, value)
    wire.seek(0)
    return fastavro.schemaless_reader(wire, parsed, parsed)


@pytest.mark.parametrize("name", TYPES)
def test_an_instance_of_every_type_goes_through_avro(name: str) -> None:
    given = datum(sample(inspect.type_info(TYPES[name])), SCHEMAS[name]["namespace"])
    del given["-type"]
    assert through_avro(SCHEMAS[name], given) == plain(given)


@pytest.mark.parametrize("kind", get_args(facts.AnyDecision), ids=lambda kind: kind.__name__)
def test_every_decision_goes_through_avro(kind: type[facts.Decision]) -> None:
    group = facts.Group(
        envelope=sample(inspect.type_info(facts.Envelope)), decisions=(sample(inspect.type_info(kind)),)
    )
    message = facts.FactMessage(
        journal_partition=1,
        journal_offset=2,
        engine_version=3,
        org_id=4,
        customer_id=5,
        first_seq=6,
        recorded_at=7,
        groups=(group,),
    )
    given = datum(message, "accrue.facts")
    del given["-type"]
    assert through_avro(SCHEMAS["facts.FactMessage.avsc"], given) == plain(given)


@pytest.mark.parametrize("name", [name for name in TYPES if name.startswith("message.")])
def test_the_sample_messages_go_through_avro(name: str) -> None:
    kind = TYPES[name]
    file = Path(__file__).parents[2] / "examples" / "messages" / f"{kind.__struct_config__.tag}.json"
    for one in json.loads(file.read_text()):
        assert msgspec.convert(through_avro(SCHEMAS[name], one), kind) == msgspec.convert(one, kind)


def test_a_change_that_breaks_is_refused_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(avro, "FOLDER", tmp_path / "avro")
    assert avro.main() == 0
    file = tmp_path / "avro" / "record.ClockAdvanced.avsc"
    was = json.loads(file.read_text())
    was["fields"].append({"name": "zone", "type": "string"})
    file.write_text(json.dumps(was))
    (tmp_path / "avro" / "record.Forgotten.avsc").write_text("{}")
    assert avro.main() == 1
    assert json.loads(file.read_text()) == was
    said = capsys.readouterr().err
    assert "record.ClockAdvanced.avsc: zone was removed" in said
    assert "record.Forgotten.avsc: the whole type is gone" in said
