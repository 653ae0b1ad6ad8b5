"""What the gateway understands, as OpenAPI 3.1, made from the types of messages and replies."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
from aiohttp import web

from schemas.messages import AnyMessage
from schemas.messages.values import IDENTITY_MAX
from schemas.replies import Reply

_PART: Final = re.compile(r"{(\w+):?([^}]*)}")
_REF: Final = "#/components/schemas/{name}"


PROBLEM: Final = {"$ref": _REF.format(name="Problem")}
_ANYTHING: Final = {"type": "object"}
_IN_PROBLEMS: Final = "application/problem+json"

_Handler = TypeVar("_Handler", bound=Callable[..., Awaitable[web.StreamResponse]])
Answer = Mapping[str, Any]
"""One answer of a page, as OpenAPI has it."""


def _content(schema: Mapping[str, Any], kind: str = "application/json") -> dict[str, Any]:
    return {"content": {kind: {"schema": schema}}}


def answer(description: str, schema: Mapping[str, Any] | None = None, kind: str = "application/json") -> Answer:
    """An answer; `schema`: of its body, None where it has none."""
    return {"description": description, **({} if schema is None else _content(schema, kind))}


def refusal(description: str) -> Answer:
    """An answer that is a problem."""
    return answer(description, PROBLEM, _IN_PROBLEMS)


VENDORS: Final = answer("as the vendor's document has it", _ANYTHING)
LATER: Final = answer("taken; the reply will be at Location", _ANYTHING)
OK: Final = ("200", VENDORS)
NOT_YET: Final = ("202", LATER)
NO_KEY: Final = ("401", refusal("no good access key"))
_REFUSALS: Final[Mapping[str, Answer]] = MappingProxyType(
    {
        NO_KEY[0]: NO_KEY[1],
        "403": refusal("the access key is for something else"),
        "503": refusal("try again, after Retry-After where there is one"),
    }
)
_OF_BODIES: Final[Mapping[str, Answer]] = MappingProxyType(
    {"408": refusal("the body did not come in time"), "413": refusal("the body is too long")}
)
_MISREAD: Final[Answer] = {
    "description": "as the vendor's document has it, or a problem",
    "content": {"application/json": {"schema": _ANYTHING}, _IN_PROBLEMS: {"schema": PROBLEM}},
}
_NUMBER: Final = {"type": "integer", "minimum": 1, "maximum": IDENTITY_MAX}
FACTS_MAX: Final = 1_000
"""Facts of a history in one answer."""
_OPEN: Final[Mapping[str, Any]] = MappingProxyType({"security": []})


class _Notes(NamedTuple):
    """What a page of another vendor's document has beside what all of them have."""

    answers: Mapping[str, Answer]
    asked: Collection[str] = ()
    is_open: bool = False


def described(
    *answers: tuple[str, Answer], asked: Collection[str] = (), is_open: bool = False
) -> Callable[[_Handler], _Handler]:
    """Say which answers a page has, by status (left out: 200), which parameters, and whether it needs no key.

    What holds for all pages, such as that a key may be bad or a body too long, is left out.
    """

    def noted(handler: _Handler) -> _Handler:
        _NOTES[handler] = _Notes(dict(answers or (OK,)), asked, is_open)
        return handler

    return noted


_NOTES: Final[dict[object, _Notes]] = {}
"""By handler."""


def _described() -> dict[str, Any]:
    (message, reply), components = msgspec.json.schema_components((AnyMessage, Reply), ref_template=_REF)
    components["Problem"] = {
        "type": "object",
        "description": "An error (RFC 9457); `defects` names each mistake of a message with its path and remedy.",
        "properties": {
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "reason": {"type": "string"},
            "defects": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {name: {"type": "string"} for name in ("path", "problem", "remedy")},
                },
            },
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Accrue", "version": "1", "description": "Messages to Accrue, and answers."},
        "security": [{"key": []}],
        "paths": {
            "/v1/messages": {
                "post": {
                    "summary": "Send one message, or a list of them",
                    "description": "orgId, eventTime and id may be left out. Commands are answered when decided.",
                    "parameters": [
                        {
                            "name": "Idempotency-Key",
                            "in": "header",
                            "description": "Becomes the message's id: sent again, it counts once.",
                            "schema": {"type": "string", "pattern": "^[!-~]{1,100}$"},
                        },
                        {
                            "name": "Prefer",
                            "in": "header",
                            "description": "`wait=n`: seconds to wait for the reply to a command, at most 30.",
                            "schema": {"type": "string"},
                        },
                    ],
                    "requestBody": {
                        "required": True,
                        **_content({"anyOf": [message, {"type": "array", "items": message}]}),
                    },
                    "responses": {
                        "200": answer("a command was done, or a list was taken: see each result", _done(reply)),
                        "202": answer("taken; of a command, the reply will be at Location", _ANYTHING),
                        "400": refusal("not a message"),
                        "409": answer("the id came before with another message", reply, _IN_PROBLEMS),
                        "422": answer("a command was refused", reply, _IN_PROBLEMS),
                        **_OF_BODIES,
                        **_REFUSALS,
                    },
                }
            },
            "/v1/replies/{id}": {
                "get": {
                    "summary": "The latest reply about a message",
                    "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
                    "responses": {
                        "200": answer("the reply", reply),
                        "404": refusal("none yet, or none any more"),
                        **_REFUSALS,
                    },
                }
            },
            "/v1/customers/{org}/{id}": {
                "get": {
                    "summary": "Where a customer stands",
                    "parameters": [
                        {"name": "org", "in": "path", "required": True, "schema": _NUMBER},
                        {"name": "id", "in": "path", "required": True, "schema": _NUMBER},
                        {
                            "name": "minSeq",
                            "in": "query",
                            "description": "The `seq` of a reply: what it led to is in the answer.",
                            "schema": {"type": "integer", "minimum": 0, "maximum": IDENTITY_MAX},
                        },
                    ],
                    "responses": {
                        "200": answer("in each program, as of `asOf`", _ANYTHING),
                        "400": refusal("minSeq is no number"),
                        "404": refusal("nothing is known of the customer"),
                        **_REFUSALS,
                    },
                }
            },
            **{
                f"/v1/customers/{{org}}/{{id}}/{name}": _history(summary)
                for name, summary in (
                    ("history", "What was decided about a customer, in order"),
                    ("explain", "Why a customer has the points that they have"),
                )
            },
            "/healthcheck": {
                "get": {
                    "summary": "Whether messages are taken",
                    **_OPEN,
                    "responses": {"204": answer("they are"), "503": answer("they are not")},
                }
            },
            "/openapi.json": {
                "get": {"summary": "This description", **_OPEN, "responses": {"200": answer("in JSON", _ANYTHING)}}
            },
        },
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "`accrue key create`"}},
        },
    }


def _done(reply: Mapping[str, Any]) -> dict[str, Any]:
    results = {"type": "array", "items": _ANYTHING}
    return {"anyOf": [reply, {"type": "object", "properties": {"results": results}, "required": ["results"]}]}


def _history(summary: str) -> dict[str, Any]:
    """A page of what ClickHouse has of a customer, some facts at a time."""
    after = {
        "name": "after",
        "in": "query",
        "description": "`last` of the answer before: what comes after it.",
        "schema": {"type": "integer", "minimum": 0, "maximum": IDENTITY_MAX},
    }
    limit = {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": FACTS_MAX}}
    whose = [{"name": name, "in": "path", "required": True, "schema": _NUMBER} for name in ("org", "id")]
    answers = {"200": answer("a moment behind", _ANYTHING), "400": refusal("a parameter is not understood")}
    not_found = {"404": refusal("there is nothing at this address")}
    return {
        "get": {
            "summary": summary,
            "parameters": [*whose, after, limit],
            "responses": {**answers, **not_found, **_REFUSALS},
        }
    }


def document(routes: Iterable[web.RouteDef]) -> dict[str, Any]:
    """The whole, with the pages of other vendors' documents; parts of their addresses: `{name}`, `{name:one|other}`.

    The first line of what is said of a handler is the summary of its page.
    """
    whole = _described()
    for route in routes:
        path = _PART.sub(r"{\1}", route.path)
        whole["paths"].setdefault(path, {})[route.method.lower()] = _operation(route)
    return whole


def _operation(route: web.RouteDef) -> dict[str, Any]:
    """RULE: what fields a body has stands in the vendor's document, and is not repeated here."""
    parts, has_body = _PART.findall(route.path), route.method != "GET"
    notes = _NOTES.get(getattr(route.handler, "__func__", None), _Notes(dict((OK,))))
    page: dict[str, Any] = {
        "summary": (inspect.getdoc(route.handler) or "").partition("\n")[0],
        "parameters": [
            *({"name": name, "in": "path", "required": True, "schema": _schema_of(choice)} for name, choice in parts),
            *({"name": name, "in": "query", "schema": {"type": "string"}} for name in sorted(notes.asked)),
        ],
        "responses": {
            "400": _MISREAD,
            **({} if notes.is_open else _REFUSALS),
            **(_OF_BODIES if has_body else {}),
            **({"404": refusal("there is nothing at this address")} if parts else {}),
            **notes.answers,
        },
    }
    if notes.is_open:
        page |= _OPEN
    if has_body:
        kinds = ("application/json", "application/x-www-form-urlencoded")
        page["requestBody"] = {"content": {kind: {"schema": _ANYTHING} for kind in kinds}}
    return page


def _schema_of(choice: str) -> dict[str, Any]:
    return {"type": "string", **({"enum": choice.split("|")} if choice else {})}
