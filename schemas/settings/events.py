"""Event definitions: which custom events an org has, and what their attributes hold (S1, S3).

Mistakes are told with Capillary's numbers (S1): 1806 the event exists already, 1810 its actions are invalid, 1811 its
name is invalid, 1823 the type of a field is invalid.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self, get_args

from pydantic import Field, ValidationInfo, field_validator, model_validator

from schemas.limits import AtMost, Misfit, Plain
from schemas.messages.values import Identifier
from schemas.program.values import Definition, Name

EVENT_NAME_MAX: Final = 300
"""Characters of an event's name (S3: "Required string length: 1 - 300")."""
FIELDS_MAX: Final = 100
ENUM_MAX: Final = 500
ActionName = Literal["EMFConsumer", "EIConsumer"]
ACTIONS: Final[tuple[ActionName, ...]] = get_args(ActionName)
FieldType = Literal[
    "tillCode",
    "couponCode",
    "customer",
    "productSku",
    "productBrand",
    "productCategory",
    "string",
    "double",
    "number",
    "date",
    "boolean",
    "enum",
]
FIELD_TYPES: Final[tuple[FieldType, ...]] = get_args(FieldType)


class EventField(Definition):
    """One attribute of an event."""

    name: Annotated[str, Field(min_length=1, max_length=100), Plain()]
    type: str
    """What it holds, one of `FIELD_TYPES`.

    `double` is a number with or without a fraction, `number` a whole one; `date` is an ISO 8601 date or time; `enum` is
    one of `values`; the others are text, `customer` also a whole number.
    """
    is_required: bool = False
    """Whether events without it are refused."""
    is_unique_key_field: bool = False
    """Whether it is part of what makes two events the same one; such a field is required (S1)."""
    values: Annotated[tuple[Name, ...], AtMost(ENUM_MAX)] = ()
    """The values of an `enum`."""
    identifier_type: Identifier | None = None
    """What kind of identifier a `customer` is; it is kept as a hash."""
    is_subject: bool = False
    """Whether this `customer` is who the event is about, where the message names nobody."""
    add_customer_if_not_exists: bool = False
    """Whether somebody whom nobody knows becomes a customer; for the subject, where Accrue makes customer ids (S1)."""

    @field_validator("type")
    @classmethod
    def _known_type(cls, value: str) -> str:
        if value not in FIELD_TYPES:
            message = f"{value!r} is an invalid event field type (1823); write one of {', '.join(FIELD_TYPES)}"
            raise ValueError(message)
        return value

    @field_validator("is_unique_key_field")
    @classmethod
    def _unique_is_required(cls, value: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - pydantic passes it so
        if value and not info.data.get("is_required", True):
            message = "a field of the unique key must be there in every event; write `is_required: true` beside it"
            raise ValueError(message)
        return value

    @field_validator("values")
    @classmethod
    def _values_belong_to_an_enum(cls, values: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        kind = info.data.get("type")
        if kind is not None and values and kind != "enum":
            message = f"only a field of type enum has values, and this is a {kind}; leave them out"
            raise ValueError(message)
        return values

    @model_validator(mode="after")
    def _customers_have_identifiers(self) -> Self:
        if self.identifier_type is not None and self.type != "customer":
            message = f"only a field of type customer is an identifier, and this is a {self.type}; leave it out"
            raise Misfit(message, "identifier_type")
        if self.is_subject and not (self.identifier_type and self.is_required):
            message = "who it is about is known by something in every event; write `is_required: true` and "
            message += "`identifier_type: email`, or another type, beside it"
            raise Misfit(message, "is_subject")
        if self.add_customer_if_not_exists and not self.is_subject:
            message = "only who the event is about becomes a customer; write `is_subject: true` beside it"
            raise Misfit(message, "add_customer_if_not_exists")
        return self

    @model_validator(mode="after")
    def _enum_has_values(self) -> Self:
        if self.type == "enum" and not self.values:
            message = f"the field {self.name} of type enum needs `values`, the list of what it may hold"
            raise ValueError(message)
        return self


class EventDefinition(Definition):
    """One custom event of an org, known by its name."""

    name: Annotated[str, Plain()]
    description: Annotated[str, Field(max_length=1_000), Plain("\n")] = ""
    actions: tuple[str, ...] = ("EMFConsumer",)
    """Who gets it: `EMFConsumer`, the programs; `EIConsumer`, analysts. Events for analysts alone earn nothing."""
    fields: Annotated[tuple[EventField, ...], AtMost(FIELDS_MAX)] = ()
    unique: Literal["window", "forever"] = "window"
    """For how long a second event with the same unique key is the same one: for as long as ids are remembered, or for
    ever."""
    retired: bool = False
    """Whether it has ended: an event of this name is unknown from then on."""

    @field_validator("name")
    @classmethod
    def _name_fits(cls, value: str) -> str:
        if not 1 <= len(value) <= EVENT_NAME_MAX:
            message = f"is an invalid event name (1811) of {len(value)} characters; write 1 to {EVENT_NAME_MAX}"
            raise ValueError(message)
        return value

    @field_validator("actions")
    @classmethod
    def _known_actions(cls, actions: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [one for one in actions if one not in ACTIONS]
        if unknown or not actions:
            seen = repr(unknown[0]) if unknown else "an empty list"
            message = f"{seen} is invalid as event actions (1810); write one or both of {', '.join(ACTIONS)}"
            raise ValueError(message)
        return actions

    @field_validator("fields")
    @classmethod
    def _fields_have_their_own_names(cls, fields: tuple[EventField, ...]) -> tuple[EventField, ...]:
        seen: set[str] = set()
        for index, field in enumerate(fields):
            if field.name in seen:
                message = f"repeats the name {field.name!r}; give each field its own"
                raise Misfit(message, index, "name")
            seen.add(field.name)
        return fields

    @model_validator(mode="after")
    def _what_is_unique_for_ever(self) -> Self:
        if self.unique == "forever" and not self.unique_key:
            message = "no field makes two events the same; mark one with `is_unique_key_field: true`, or leave it out"
            raise Misfit(message, "unique")
        if self.unique == "forever" and "EMFConsumer" not in self.actions:
            message = "only what programs get is remembered for ever; add EMFConsumer to the actions, or leave it out"
            raise Misfit(message, "unique")
        return self

    @field_validator("fields")
    @classmethod
    def _one_subject(cls, fields: tuple[EventField, ...]) -> tuple[EventField, ...]:
        subjects = [index for index, field in enumerate(fields) if field.is_subject]
        if len(subjects) > 1:
            message = f"is about somebody else than {fields[subjects[0]].name!r}; an event is about one customer"
            raise Misfit(message, subjects[1], "is_subject")
        return fields

    @property
    def subject(self) -> EventField | None:
        """The field that says who the event is about; None where its message has to."""
        return next((field for field in self.fields if field.is_subject), None)

    @property
    def unique_key(self) -> tuple[EventField, ...]:
        """The fields that make two events the same one, in the order of the definition; empty where none does."""
        return tuple(field for field in self.fields if field.is_unique_key_field)
