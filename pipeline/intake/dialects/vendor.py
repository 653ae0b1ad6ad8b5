"""What the dialects of other systems share: where a message belongs, and how it becomes a native message.

A dialect makes a `Draft` of the vendor's message. The native dialect judges it, and what is wrong is told by the path
of the vendor's own field. RULE: which org and store a message is of stands in its headers `accrue.org` and
`accrue.store`, else in the settings of its topic: at the vendors it stands in the address, or the credentials say it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import msgspec

from pipeline.intake.defects import shown
from pipeline.intake.dialects import native
from pipeline.intake.dialects.native_diagnosis import DEFECTS_MAX, object_in
from pipeline.intake.dialects.parts import Part
from pipeline.intake.dialects.vendor_ids import customer_of
from pipeline.intake.letters.letter import ORG_HEADER, REQUEST_HEADER, STORE_HEADER
from pipeline.intake.org_settings import KnownOrg
from pipeline.intake.verdict import Accepted, Defect, Headers, Incoming, Limits, Reason, Rejected
from schemas.settings import Identifier

# Numbers with a fraction stay as they were written: a float would lose digits of an amount.
_DECODER: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder(float_hook=str)
_SEQ: Final = "seq"
DATE_LENGTH: Final = len("2017-10-05")


class Site(NamedTuple):
    """Where a message belongs."""

    org: KnownOrg
    store: str
    """Its code; empty where none is named."""
    zone: str
    """IANA zone of its local times."""
    currency: str
    """ISO 4217 code of its amounts."""
    entered_at_zone: str
    """IANA zone as whose wall clock instants are written (Capillary's `enteredAt`)."""


class Draft:
    """A native message in the making."""

    def __init__(self, kind: str) -> None:
        """`kind`: the type of the native message."""
        self.content: dict[str, Any] = {"type": kind}
        self.identifiers: dict[Identifier, str] = {}
        """Whom it is about, where no customer id says so."""
        self.says_who = False
        """Whether its identifiers are the customer's from then on, beside a customer id, too."""
        self._sources: dict[str, str] = {}

    def put(self, name: str, value: object, path: str) -> None:
        """Give a field its value, which the vendor's field at `path` has; an absent one stays absent."""
        if value is not None and value != "":
            self.content[name] = value
            self._sources[name] = path

    def trace(self, native: str, path: str) -> None:
        """Note the vendor's path of a part of a field."""
        self._sources[native] = path

    def identify(self, kind: Identifier, value: str) -> None:
        """Note an identifier; an empty one names nobody."""
        if value:
            self.identifiers[kind] = value

    def of(self, customer: Part, field: str) -> None:
        """Whose the message is: our own customer id in a field, else another system's, which is an identifier."""
        own = customer_id(customer, field)
        if own is not None:
            self.put("customerId", own, customer.at(field))
        else:
            self.identify("userId", customer.text(field))
        self.trace("identifiers", customer.path)

    def by_vendor(self, defect: Defect) -> Defect:
        """The defect with the path of the vendor's field."""
        head = defect.path.partition(".")[0].partition("[")[0]
        source = self._sources.get(defect.path) or self._sources.get(head)
        if source is None:
            return defect
        rest = "" if defect.path in self._sources else defect.path[len(head) :]
        return defect._replace(path=f"{source}{rest}")


Content = dict[str, Any]
Read = Callable[[Part, Site, "Received"], Draft | None]
"""Makes the native message of a vendor's; None where its kind is none that is read, which is noted as a defect."""


class Received(NamedTuple):
    """When a message came."""

    sent_at: int
    """As its producer says, milliseconds since the epoch: the time of what names none of its own."""
    wall: int
    future_ms: int


class _Restated(NamedTuple):
    """The same message in other words."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int
    headers: Headers


def normalise_with(
    read: Read,
    message: Incoming,
    wall: int,
    limits: Limits,
    *,
    sent_in: Callable[[Content], Content] = lambda content: content,
) -> Accepted | Rejected:
    """The record of a vendor's message, or what is wrong with it in the vendor's words.

    `sent_in`: what the vendor sent, in a message that may hold more.
    """
    content = object_in(message.value, limits, _DECODER)
    if isinstance(content, Rejected):
        return content
    content = sent_in(content)
    site = site_of(content, message, limits)
    if isinstance(site, Rejected):
        return site
    defects = list(_loops(content))
    received = Received(sent_at=max(0, message.timestamp), wall=wall, future_ms=limits.future_ms)
    draft = read(Part(content, "", defects), site, received)
    if defects or draft is None:
        return Rejected(Reason.INVALID_FIELDS, tuple(defects[:DEFECTS_MAX]))
    return _judged(draft, site, message, wall, limits)


def _judged(draft: Draft, site: Site, message: Incoming, wall: int, limits: Limits) -> Accepted | Rejected:
    if "customerId" not in draft.content and not draft.identifiers:
        wanted = ", ".join(site.org.org.identifiers)
        defect = Defect("", "names no customer", f"add a customer id, or one of {wanted}")
        return Rejected(Reason.INVALID_FIELDS, (defect,))
    if "customerId" not in draft.content or (draft.says_who and draft.identifiers):
        draft.content["identifiers"] = draft.identifiers
    request = dict(message.headers).get(REQUEST_HEADER)
    if request is not None:
        draft.content["id"] = request.decode(errors="replace")
    draft.content["orgId"] = site.org.org.org_id
    verdict = native.normalise(_restated(message, draft), wall=wall, limits=limits)
    if isinstance(verdict, Rejected):
        return Rejected(verdict.reason, tuple(map(draft.by_vendor, verdict.defects)))
    return verdict


def _loops(content: dict[str, Any]) -> Iterator[Defect]:
    """What Accrue told itself must not come back as news."""
    if _SEQ in content or _SEQ in _inside(content):
        problem = "is one of Accrue's own notifications, as `seq` shows"
        yield Defect(_SEQ, problem, "send what happened, not what Accrue told")


def _without_org(number: str) -> Defect:
    if number:
        return Defect(
            "",
            f"names org {shown(number)}, which has no settings",
            "add it with `accrue settings apply`, or name another",
        )
    remedy = f"send the header {ORG_HEADER}, or give its topic an org with `accrue settings apply`"
    return Defect("", "names no org", remedy)


def site_of(content: dict[str, Any], message: Incoming, limits: Limits) -> Site | Rejected:
    """The org and store of a message, by its headers, else its topic's settings, else its own `orgId`."""
    headers = dict(message.headers)
    setting = limits.topics.get(message.topic)
    own = content.get("orgId", _inside(content).get("orgId"))
    named = headers.get(ORG_HEADER, b"").decode(errors="replace") or str(setting.org_id or "" if setting else "")
    number = named or (str(own) if own is not None else "")
    org = limits.orgs.get(int(number)) if number.isdecimal() and len(number) <= len(str(2**53)) else None
    if org is None:
        return Rejected(Reason.ORG_UNKNOWN, (_without_org(number),))
    if own is not None and own != org.org.org_id:
        problem = f"is {shown(own)}, and the message came for org {org.org.org_id}"
        return Rejected(Reason.ORG_UNKNOWN, (Defect("orgId", problem, f"write {org.org.org_id}, or leave it out"),))
    code = headers.get(STORE_HEADER, b"").decode(errors="replace") or (setting.store if setting else "")
    store = org.stores.get(code)
    if code and store is None:
        problem = f"came for the store {shown(code)}, which org {org.org.org_id} does not have"
        remedy = f"correct the address, or the header {STORE_HEADER}, or add the store with `accrue settings apply`"
        return Rejected(Reason.ORG_UNKNOWN, (Defect("", problem, remedy),))
    return Site(
        org=org,
        store=code,
        zone=(store and store.zone) or org.org.zone,
        currency=(store and store.currency) or org.org.currency,
        entered_at_zone=setting.entered_at_zone if setting else "Asia/Kolkata",
    )


def customer_id(part: Part, name: str) -> int | None:
    """A customer id of ours in a field, a number or its UUID; None for another system's id, which is an identifier."""
    return customer_of(part.text(name))


def local_time(text: str) -> str:
    """An ISO 8601 time as the vendors write it.

    The space that some put between date and time is a `T`; the one before an offset is the `+` of a form that was not
    encoded, as in S2 l.8895.
    """
    if text[DATE_LENGTH : DATE_LENGTH + 1] not in {" ", "T"}:
        return text
    return f"{text[:DATE_LENGTH]}T{text[DATE_LENGTH + 1 :].replace(' ', '+')}"


def _restated(message: Incoming, draft: Draft) -> _Restated:
    value = msgspec.json.encode(draft.content)
    return _Restated(
        message.topic, message.partition, message.offset, message.key, value, message.timestamp, message.headers
    )


def _inside(content: dict[str, Any]) -> dict[str, Any]:
    inside = content.get("attributes")
    return inside if isinstance(inside, dict) else {}
