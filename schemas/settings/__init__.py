"""Settings: what an operator writes about orgs, as YAML or JSON: their stores, tills and events; and their access keys.

They stand in one compacted topic, all of them in its first partition, so that one offset is one version of everything.
"""

from schemas.messages.values import IDENTIFIERS, Identifier
from schemas.settings.events import (
    ACTIONS,
    ENUM_MAX,
    EVENT_NAME_MAX,
    FIELD_TYPES,
    ActionName,
    EventDefinition,
    EventField,
    FieldType,
)
from schemas.settings.keys import SCOPES, AccessKey, Scope
from schemas.settings.orgs import Org, Store, Till
from schemas.settings.settings import OrgSettings, TopicSetting

__all__ = [
    "ACTIONS",
    "ENUM_MAX",
    "EVENT_NAME_MAX",
    "FIELD_TYPES",
    "IDENTIFIERS",
    "SCOPES",
    "AccessKey",
    "ActionName",
    "EventDefinition",
    "EventField",
    "FieldType",
    "Identifier",
    "Org",
    "OrgSettings",
    "Scope",
    "Store",
    "Till",
    "TopicSetting",
]
