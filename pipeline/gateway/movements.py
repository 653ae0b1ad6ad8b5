"""Movements of points in ClickHouse, as Open Loyalty's points transfers: their names, their states, and finding one."""

from __future__ import annotations

from typing import Final

from pipeline.gateway.tables import Row, Tables
from pipeline.gateway.vendor_names import is_named, parameters_of

_LOTS: Final = """(customer_id, program_id, currency, lot_id) IN (
        SELECT customer_id, program_id, currency, arrayJoin({lots}.lot_id) FROM points_decisions
        WHERE org_id = {{org:Int64}} AND kind IN ({kinds}))"""
_SUBJECTS: Final = """(customer_id, subject) IN (
        SELECT customer_id, subject FROM points_decisions WHERE org_id = {{org:Int64}} AND kind = '{kind}')"""
MOVEMENTS: Final = f"""
    SELECT *,
        multiIf(
            kind = 'issued' AND issued_for != 'adjustment',
                concat(cause, '/', toString(seq), '/', reason, '/', toString(lot_id)),
            kind = 'transferred', concat('TransferPoints:', subject),
            cause) AS name,
        multiIf(
            kind = 'issued' AND ({_LOTS.format(lots="reversals", kinds="'cancelled'")}
                OR {_LOTS.format(lots="taken", kinds="'promise_cancelled'")}), 'cancelled',
            kind = 'held' AND {_SUBJECTS.format(kind="released")}, 'cancelled',
            kind = 'redeemed' AND {_SUBJECTS.format(kind="redemption_reversed")}, 'cancelled',
            kind = 'issued' AND (expires_on < toDate32((SELECT as_of FROM settlement))
                OR {_LOTS.format(lots="taken", kinds="'expired'")}), 'expired',
            standing = 'promised' AND NOT {_LOTS.format(lots="lots", kinds="'converted'")}, 'pending',
            'active') AS state
    FROM points_facts
    WHERE org_id = {{org:Int64}} AND (kind != 'held' OR startsWith(cause, 'BlockPoints:'))
"""  # noqa: S608 - ours
"""Each award, and each decision that moves points otherwise; of what is put aside, only blocks. name: what its id is
made of; a command is known by its own cause, as it was answered, and a bill may give several awards. state: `active`,
`expired` and `pending` are S2's, `cancelled` is ours."""


async def movements_named(tables: Tables, org_id: int, uuid: str) -> list[Row]:
    """The movements of points that have this id: more than one where one id was sent for several customers.

    Raises `NotNow`.
    """
    return await tables.rows(
        f"SELECT * FROM ({MOVEMENTS}) WHERE {is_named('name')} LIMIT 2",  # noqa: S608 - ours
        org=org_id,
        **parameters_of(uuid),
    )


async def promised_for(tables: Tables, org_id: int, movement: Row) -> str:
    """What the points of an award were promised for; empty where they were current at once. Raises `NotNow`."""
    found = await tables.rows(
        """
        SELECT arrayFirst(lot -> lot.lot_id = {lot:Int64}, lots).reference AS reference FROM points_decisions
        WHERE org_id = {org:Int64} AND customer_id = {customer:Int64} AND seq = {seq:Int64}
            AND currency = {currency:String}
        """,
        org=org_id,
        customer=movement["customer_id"],
        seq=movement["seq"],
        currency=movement["currency"],
        lot=movement["lot_id"],
    )
    return str(found[0]["reference"]) if found else ""
