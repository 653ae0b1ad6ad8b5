"""What the gateway understands, as OpenAPI 3.1, made from the types of messages and replies."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import msgspec

from schemas.messages import AnyMessage
from schemas.replies import Reply

_PART: Final = re.compile(r"{(\w+):?([^}]*)}")
_REF: Final = "#/components/schemas/{name}"


def _content(schema: dict[str, Any], kind: str = "application/json") -> dict[str, Any]:
    return {"content": {kind: {"schema": schema}}}


def _answer(description: str, schema: dict[str, Any] | None = None, kind: str = "application/json") -> dict[str, Any]:
    return {"description": description, **({} if schema is None else _content(schema, kind))}


class Page(NamedTuple):
    """A page of another vendor's document."""

    method: str
    path: str
    """As aiohttp has it: `/{name}`, or `/{name:one|other}`."""
    summary: str


def _refusals(problem: dict[str, Any]) -> dict[str, Any]:
    return {
        "401": _answer("no good access key", problem, "application/problem+json"),
        "403": _answer("the access key is for something else", problem, "application/problem+json"),
        "503": _answer("try again, after Retry-After", problem, "application/problem+json"),
    }


def _described() -> dict[str, Any]:
    (message, reply), components = msgspec.json.schema_components((AnyMessage, Reply), ref_template=_REF)
    problem = {"$ref": _REF.format(name="Problem")}
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
    refusals = _refusals(problem)
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
                            "schema": {"type": "string", "maxLength": 100},
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
                        "200": _answer("a command was done, or a list was taken: see each result", reply),
                        "202": _answer("taken; of a command, the reply will be at Location"),
                        "400": _answer("not a message", problem, "application/problem+json"),
                        "409": _answer("the id came before with another message", reply, "application/problem+json"),
                        "422": _answer("a command was refused", reply, "application/problem+json"),
                        **refusals,
                    },
                }
            },
            "/v1/replies/{id}": {
                "get": {
                    "summary": "The latest reply about a message",
                    "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
                    "responses": {
                        "200": _answer("the reply", reply),
                        "404": _answer("none yet, or none any more", problem, "application/problem+json"),
                        **refusals,
                    },
                }
            },
            "/v1/customers/{org}/{id}": {
                "get": {
                    "summary": "Where a customer stands",
                    "parameters": [
                        {"name": "org", "in": "path", "required": True, "schema": {"type": "integer"}},
                        {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}},
                        {
                            "name": "minSeq",
                            "in": "query",
                            "description": "The `seq` of a reply: what it led to is in the answer.",
                            "schema": {"type": "integer"},
                        },
                    ],
                    "responses": {
                        "200": _answer("in each program, as of `asOf`", {"type": "object"}),
                        "404": _answer("nothing is known of the customer", problem, "application/problem+json"),
                        **refusals,
                    },
                }
            },
            "/healthcheck": {
                "get": {
                    "summary": "Whether messages are taken",
                    "security": [],
                    "responses": {"204": _answer("they are"), "503": _answer("they are not")},
                }
            },
        },
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "`accrue key create`"}},
        },
    }


def document(pages: Iterable[Page]) -> dict[str, Any]:
    """The whole, with the pages of other vendors' documents."""
    described = _described()
    for page in pages:
        path = _PART.sub(r"{\1}", page.path)
        described["paths"].setdefault(path, {})[page.method.lower()] = _operation(page)
    return described


def _operation(page: Page) -> dict[str, Any]:
    """RULE: what fields a body has stands in the vendor's document, and is not repeated here."""
    anything = {"type": "object"}
    problem = {"$ref": _REF.format(name="Problem")}
    described: dict[str, Any] = {
        "summary": page.summary,
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": _schema_of(choice)}
            for name, choice in _PART.findall(page.path)
        ],
        "responses": {
            "200": _answer("as the vendor's document has it", anything),
            "400": _answer("as the vendor's document has it, or a problem", anything),
            **_refusals(problem),
        },
    }
    if page.method != "GET":
        kinds = ("application/json", "application/x-www-form-urlencoded")
        described["requestBody"] = {"content": {kind: {"schema": anything} for kind in kinds}}
    return described


def _schema_of(choice: str) -> dict[str, Any]:
    return {"type": "string", **({"enum": choice.split("|")} if choice else {})}
