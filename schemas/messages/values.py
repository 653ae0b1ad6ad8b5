"""What the fields of messages are made of, with what each allows."""

from __future__ import annotations

from typing import Annotated, Final, Literal, get_args

from msgspec import Meta

INSTANT_MAX: Final = 253_402_300_799_999
"""The last millisecond of the year 9999."""
LINES_MAX: Final = 2_000
"""Lines of one bill: ten times the longest till roll, and a record of 200 kB."""
LABELS_MAX: Final = 50
"""Labels of one bill, or of one line."""
ATTRIBUTES_MAX: Final = 100

_INTEGER_MAX: Final = 2**63 - 1
IDENTITY_MAX: Final = 2**53

Identity = Annotated[int, Meta(ge=1, le=IDENTITY_MAX)]
Instant = Annotated[int, Meta(ge=0, le=INSTANT_MAX, description="milliseconds since 1970-01-01T00:00:00Z")]

When = Instant | Annotated[str, Meta(max_length=64, description="an ISO-8601 time such as 2011-03-09T14:30:00+01:00")]
Name = Annotated[str, Meta(min_length=1, max_length=100)]

EventName = Annotated[str, Meta(min_length=1, max_length=300)]
"""S3: "Required string length: 1 - 300"."""
Code = Annotated[str, Meta(min_length=1, max_length=64)]
Text = Annotated[str, Meta(max_length=1_000)]

Short = Annotated[str, Meta(max_length=200)]
MaybeCode = Annotated[str, Meta(max_length=64)]

Minor = Annotated[int, Meta(ge=0, le=10**12)]
Points = Annotated[int, Meta(ge=-(10**12), le=10**12)]

PointsAbove = Annotated[int, Meta(ge=1, le=10**12)]
"""Points that are no loss and no nothing."""
Reason = Annotated[str, Meta(min_length=1, max_length=200)]
RecordId = Annotated[str, Meta(min_length=1, max_length=128)]
MaybeRecordId = Annotated[str, Meta(max_length=128)]
Program = Annotated[int, Meta(ge=1, le=2**31)]
Money = Annotated[str, Meta(pattern="^[A-Z]{3}$", max_length=3, description="an ISO 4217 code such as GBP")]

MaybePointsName = Annotated[
    str,
    Meta(pattern="^([A-Z][A-Z0-9_]*)?$", max_length=32, description="the name of a points currency such as POINTS"),
]

CalendarDate = Annotated[
    str,
    Meta(
        pattern=r"^(19[7-9][0-9]|2[0-2][0-9]{2})-[0-9]{2}-[0-9]{2}$",
        max_length=10,
        description="a date such as 2027-03-31",
    ),
]
LOTS_MAX: Final = 1_000
LotNumber = Annotated[int, Meta(ge=1, le=2**53)]
LotNumbers = Annotated[tuple[LotNumber, ...], Meta(max_length=LOTS_MAX)]

ClearedField = Annotated[
    str,
    Meta(
        pattern=r"^(firstName|lastName|mobile|email|externalId|loyaltyType|channel|extended\..{1,100})$",
        max_length=109,
        description="the name of a profile field such as lastName, or extended.NAME",
    ),
]

Identifier = Literal[
    "mobile",
    "email",
    "externalId",
    "cardNumber",
    "userId",
    "wechat",
    "martjackId",
    "cuid",
    "fbid",
    "unionId",
    "fcmToken",
    "line",
    "cardExternalId",
    "sourceId",
]
"""What names a customer beside `customerId` (S1; `sourceId` is S3's `source_id`)."""
IDENTIFIERS: Final[tuple[Identifier, ...]] = get_args(Identifier)
IdentifierType = Annotated[
    str,
    Meta(pattern=f"^({'|'.join(IDENTIFIERS)})$", max_length=14, description=f"one of {', '.join(IDENTIFIERS)}"),
]
Attribute = Annotated[int, Meta(ge=-(2**63), le=_INTEGER_MAX)] | float | bool | Text
