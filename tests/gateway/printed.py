"""Requests and answers as the vendors' documents print them: each with the line where it begins.

Host, token, user name, password and dates are replaced; `{customer}`, `{receiver}`, `{transaction}` and so on stand for
the document's own, as ids are ours.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import quote

from pipeline.clock import SYSTEM_CLOCK
from tests.gateway.service import SECRET


class Printed(NamedTuple):
    """One request of a document, and what it says about the answer."""

    source: str
    """Document and line."""
    method: str
    path: str
    sent: tuple[str, ...] = ()
    """A JSON body, or the fields of a form, one by one as behind curl's `-d`."""
    status: int = 200
    answer: str = ""
    """As JSON; empty where the document prints none."""
    left_out: frozenset[str] = frozenset()
    """Fields of the answer that have no counterpart here, or none in the customer's standing, by their path."""

    def body(self, known: Mapping[str, str]) -> bytes | None:
        """What is sent, with dates of today; `known`: what stands in the place of ids."""
        now = datetime.fromtimestamp(SYSTEM_CLOCK.wall() / 1_000, UTC)
        ours = {
            "user": "1" * 12,
            "password": SECRET,
            "today": f"{now:%Y-%m-%dT%H:%M:%S}",
            "this minute": f"{now:%Y-%m-%d %H:%M}",
        }
        fields = [_filled(one, {**ours, **known}) for one in self.sent]
        if not fields:
            return None
        return (fields[0] if self.is_json else "&".join(fields)).encode()

    def where(self, known: Mapping[str, str]) -> str:
        """The address."""
        return _filled(self.path, {name: quote(value) for name, value in known.items()})

    @property
    def is_json(self) -> bool:
        """Whether the body is JSON."""
        return self.sent[:1] != () and self.sent[0].startswith("{")

    @property
    def expected(self) -> Any:
        """The answer."""
        return json.loads(self.answer)


def _filled(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text


_CUSTOMER_FORM = """{
  "form": {
    "children": {
      "firstName": {}, "lastName": {}, "gender": {}, "email": {}, "phone": {}, "birthDate": {}, "createdAt": {},
      "address": {
        "children": {
          "street": {}, "address1": {}, "address2": {}, "postal": {}, "city": {}, "province": {}, "country": {}
        }
      },
      "company": {"children": {"name": {}, "nip": {}}},
      "loyaltyCardNumber": {}, "agreement1": {}, "agreement2": {}, "agreement3": {},
      "levelId": {}, "posId": {}, "sellerId": {}
    }
  },
  "errors": []
}"""

_ASSIGNMENT = (
    "assign[transactionDocumentNumber]=888",
    "assign[customerId]={customer}",
    "assign[customerLoyaltyCardNumber]=333",
    "assign[customerPhoneNumber]=333333",
)
_BY_ADDRESS = ("email=example.com", "strict=0", "page=1", "perPage=2", "sort=customerId", "direction=asc")

PRINTED = (
    Printed(
        source="S2 l.171",
        method="POST",
        path="/api/admin/login_check",
        sent=('{"_username":"{user}","_password":"{password}"}',),
        answer='{"token":"eyJhbGciOiJSUzI1NiIsInR5cCI6...", "refresh_token":"0558f8bb29948c4e54c443f..."}',
    ),
    Printed(
        source="S0 l.48",
        method="POST",
        path="/api/admin/login_check",
        sent=('{"username":"{user}","password":"{password}"}',),
        answer='{"token":"eyJhbGciOiJSUzI1NiIsInR5cCI6...", "refresh_token":"0558f8bb29948c4e54c443f..."}',
    ),
    Printed(
        source="S0 l.18",
        method="POST",
        path="/api/DEFAULT/customEvent",
        sent=(
            '{"event": {"type": "app_login", "eventDate": "{today}", "customerData": {"email": "john4@example.com"}}}',
        ),
    ),
    Printed(source="S2 l.89", method="GET", path="/api/", answer='{"name": "OpenLoyalty", "version": "4.2.0"}'),
    Printed(source="S2 l.106", method="GET", path="/api/healthcheck", status=204),
    Printed(
        source="S2 l.3258",
        method="GET",
        path="/api/DEFAULT/admin/customer/{customer}/status",
        answer="""{
          "firstName": "Test", "lastName": "test", "customerId": "a284f230-c1c0-4a1c-af9a-159b81de1f2b",
          "points": 0, "totalEarnedPoints": 0, "usedPoints": 0, "expiredPoints": 0, "lockedPoints": 0,
          "level": "15.00%", "levelName": "level1", "levelConditionValue": 20,
          "nextLevel": "20.00%", "nextLevelName": "level2", "nextLevelConditionValue": 200,
          "transactionsAmountToNextLevelWithoutDeliveryCosts": 100, "transactionsAmountWithoutDeliveryCosts": 100,
          "averageTransactionsAmount": "50.00", "transactionsCount": 2, "transactionsAmount": 100,
          "pointsToNextLevel": 200, "currency": "eur", "levelWillExpireInDays": 100,
          "pointsSinceLastLevelRecalculation": 0, "pointsRequiredToRetainLevel": 20, "pointsExpiringNextMonth": 150
        }""",
        left_out=frozenset(
            {
                *("level", "nextLevel", "transactionsAmountToNextLevelWithoutDeliveryCosts", "levelWillExpireInDays"),
                *("pointsSinceLastLevelRecalculation", "pointsRequiredToRetainLevel"),
            }
        ),
    ),
    Printed(
        source="S2 l.3824",
        method="POST",
        path="/api/DEFAULT/customer/register",
        sent=(
            "customer[firstName]=John",
            "customer[lastName]=Kowalski",
            "customer[email]=john4@example.com",
            "customer[phone]=000000005000",
            "customer[agreement1]=1",
        ),
        answer='{"customerId": "e0eb0355-8aaa-4fb1-8159-f58e81b7a25c", "email": "john4@example.com"}',
    ),
    Printed(
        source="S2 l.3845",
        method="POST",
        path="/api/DEFAULT/customer/register",
        sent=(
            "customer[firstName]=John",
            "customer[lastName]=Kowalski",
            "customer[email]=john3@example.com",
            "customer[phone]=000000004000",
            "customer[birthDate]=1990-01-01",
            "customer[address][street]=Street",
            "customer[address][postal]=00-000",
            "customer[address][city]=Wroclaw",
            "customer[address][province]=Dolnoslaskie",
            "customer[address][country]=Poland",
            "customer[company][nip]=111-222-33-44",
            "customer[company][name]=Company+name",
            "customer[loyaltyCardNumber]=00000000000000002",
            "customer[agreement1]=1",
            "customer[agreement2]=1",
            "customer[agreement3]=1",
        ),
        answer='{"customerId": "e0eb0355-8aaa-4fb1-8159-f58e81b7a25c", "email": "john3@example.com"}',
    ),
    Printed(
        source="S2 l.3876",
        method="POST",
        path="/api/DEFAULT/customer/register",
        status=400,
        answer=_CUSTOMER_FORM,
    ),
    Printed(
        source="S2 l.5107",
        method="POST",
        path="/api/DEFAULT/admin/customer/register",
        sent=(
            "customer[firstName]=John",
            "customer[lastName]=Kowalski",
            "customer[email]=john@example.com",
            "customer[phone]=0665998332",
            "customer[agreement1]=1",
        ),
        answer='{"customerId": "e0eb0355-8aaa-4fb1-8159-f58e81b7a25c", "email": "john@example.com"}',
    ),
    Printed(
        source="S2 l.4047",
        method="PUT",
        path="/api/DEFAULT/customer/{receiver}",
        sent=("customer[email]=john4@example.com", "customer[phone]=", "customer[agreement2]=1"),
        answer='{"customerId": "e0eb0355-8aaa-4fb1-8159-f58e81b7a25c"}',
    ),
    Printed(
        source="S2 l.4070",
        method="PUT",
        path="/api/DEFAULT/customer/{receiver}",
        sent=("customer[phone]=+440000000",),
        status=400,
        answer=_CUSTOMER_FORM.replace('"loyaltyCardNumber": {}', '"loyaltyCardNumber": {}, "labels": {}').replace(
            '"phone": {}', '"phone": {"errors": ["This value is not a valid phone number."]}'
        ),
    ),
    Printed(
        source="S2 l.7110",
        method="POST",
        path="/api/DEFAULT/points/transfer/add",
        sent=("transfer[customer]={customer}", "transfer[points]=9"),
        answer='{"pointsTransferId": "32132863-3d1e-4a94-8bb4-6e42e3c96c0b"}',
    ),
    Printed(
        source="S2 l.7140",
        method="POST",
        path="/api/DEFAULT/points/transfer/spend",
        sent=("transfer[customer]={customer}", "transfer[points]=1"),
        answer='{"pointsTransferId": "b97a31fe-9bc9-4fff-a467-487f2c316371"}',
    ),
    Printed(
        source="S2 l.7418",
        method="POST",
        path="/api/DEFAULT/points/transfer/block",
        sent=("transfer[customer]={customer}", "transfer[points]=9"),
        answer='{"pointsTransferId": "32132863-3d1e-4a94-8bb4-6e42e3c96c0b"}',
    ),
    Printed(
        source="S2 l.8618",
        method="POST",
        path="/api/DEFAULT/transaction",
        sent=(
            "transaction[items][0][sku][code]=test0101",
            "transaction[items][0][name]=Product+name",
            "transaction[items][0][quantity]=1",
            "transaction[items][0][grossValue]=1500.00",
            "transaction[items][0][category]=Category+Name",
            "transaction[items][0][maker]=Marker+name",
            "transaction[items][0][labels][0][key]=Label+key",
            "transaction[items][0][labels][0][value]=Label+value",
            "transaction[customerData][name]=Firstname+Lastname",
            "transaction[customerData][email]=tomasztest8@wp.pl",
            "transaction[customerData][phone]=00000000000000",
            "transaction[customerData][loyaltyCardNumber]=11111111111",
            "transaction[customerData][nip]=00000000000000",
            "transaction[customerData][address][street]=Street+name",
            "transaction[customerData][address][address1]=123",
            "transaction[customerData][address][postal]=00-000",
            "transaction[customerData][address][city]=Wroclaw",
            "transaction[customerData][address][province]=Dolnoslaskie",
            "transaction[customerData][address][country]=PL",
            "transaction[transactionData][documentNumber]=214124124125",
            "transaction[transactionData][purchaseDate]={this minute}",
            "transaction[transactionData][documentType]=sell",
        ),
        answer='{"transactionId": "d5b1119a-698b-40b4-9ac4-8ef704fa4433"}',
    ),
    Printed(
        source="S2 l.8881",
        method="POST",
        path="/api/DEFAULT/transaction/simulate",
        sent=(
            "transaction[items][0][sku][code]=SKU1",
            "transaction[items][0][name]=item+8",
            "transaction[items][0][quantity]=1",
            "transaction[items][0][grossValue]=1",
            "transaction[items][0][category]=aaa",
            "transaction[items][0][maker]=sss",
            "transaction[items][0][labels][0]=labels",
            "transaction[items][0][labels][0][key]=test",
            "transaction[items][0][labels][0][value]=label",
            "transaction[purchaseDate]={today}+0000",
        ),
        answer='{"points": 2.3}',
    ),
    Printed(
        source="S3 l.7",
        method="POST",
        path="/client/v1/events",
        sent=(
            """{
              "event": "user_subscribed",
              "customer": {"source_id": "source_customer_event"},
              "referral": {"code": "46jL0kYI", "referrer_id": "cust_Vzck5i8U3OhcEUFY6MKhN9Rv"},
              "metadata": {"login": "bob", "pricing_plan": "PP1", "volume_number": 4}
            }""",
        ),
        answer="""{
          "object": "event", "type": "cart_abandoned",
          "customer": {"source_id": "source_customer_event", "object": "customer"},
          "referral": null, "loyalty": null, "metadata": {}
        }""",
    ),
    Printed(
        source="S3 l.96",
        method="POST",
        path="/v1/events",
        sent=('{"event": "cart_abandoned", "customer": {"source_id": "source_customer_event"}}',),
        answer="""{
          "object": "event", "type": "cart_abandoned",
          "customer": {"source_id": "source_customer_event", "object": "customer"},
          "referral": null, "loyalty": null
        }""",
    ),
    Printed(
        source="S2 l.7170",
        method="POST",
        path="/api/DEFAULT/admin/p2p-points-transfer",
        sent=("transfer[sender]={customer}", "transfer[receiver]={receiver}", "transfer[points]=100"),
        answer='{"pointsTransferId": "b97a31fe-9bc9-4fff-a467-487f2c316371"}',
    ),
    Printed(source="S2 l.7238", method="POST", path="/api/DEFAULT/points/transfer/{cancelled}/cancel"),
    Printed(source="S2 l.7266", method="POST", path="/api/DEFAULT/points/transfer/{pending}/activate", status=204),
    Printed(source="S2 l.7294", method="POST", path="/api/DEFAULT/points/transfer/{expired}/expire", status=204),
    Printed(
        source="S2 l.7856",
        method="POST",
        path="/api/DEFAULT/admin/transaction/customer/assign",
        sent=_ASSIGNMENT,
        answer='{"transactionId": "00000000-0000-1111-0000-000000000002"}',
    ),
    Printed(
        source="S2 l.7876",
        method="POST",
        path="/api/DEFAULT/admin/transaction/customer/assign",
        sent=_ASSIGNMENT,
        status=400,
        answer="""{
          "form": {
            "children": {
              "transactionDocumentNumber": {"errors": ["Customer is already assigned to this transaction"]},
              "customerId": {}, "customerLoyaltyCardNumber": {}, "customerPhoneNumber": {}
            }
          },
          "errors": []
        }""",
    ),
    Printed(
        source="S2 l.3323",
        method="GET",
        path="/api/DEFAULT/admin/customer/{receiver}/history",
        answer="""[
          {
            "flatVariables": {"points": 10.0, "transactionId": ""},
            "customerId": "91d87e1c-56f4-43ce-b669-83d6420b806c", "type": "PointsWereAdded",
            "createdAt": "2022-02-15T10:36:50+01:00",
            "variables": [{"key": "points", "value": 10.0}, {"key": "transactionId", "value": ""}, {"key": "comment"}],
            "pointsBalance": 110.0
          },
          {
            "flatVariables": [], "customerId": "91d87e1c-56f4-43ce-b669-83d6420b806c", "type": "CustomerWasActivated",
            "createdAt": "2022-02-15T10:34:09+01:00", "variables": []
          }
        ]""",
    ),
    *(
        Printed(
            source=source,
            method="GET",
            path=path,
            sent=sent,
            answer="""{
              "customers": [
                {
                  "customerId": "41fd3247-2069-4677-8904-584f0ed9f6be", "active": true, "firstName": "test",
                  "lastName": "test", "email": "test4@example.com", "address": {},
                  "createdAt": "2018-02-02T11:39:17+0100", "levelId": "000096cf-32a3-43bd-9034-4df343e5fd93",
                  "agreement1": true, "agreement2": false, "agreement3": false,
                  "updatedAt": "2018-02-02T11:39:28+0100", "campaignPurchases": [], "transactionsCount": 0,
                  "transactionsAmount": 0, "transactionsAmountWithoutDeliveryCosts": 0, "amountExcludedForLevel": 0,
                  "averageTransactionAmount": 0, "currency": "eur", "levelPercent": "14.00%"
                }
              ],
              "total": 2, "scrollId": "DnF1ZXJ5VG..."
            }""",
            left_out=frozenset({"customers[].levelPercent", "scrollId"}),
        )
        for source, path, sent in (
            ("S2 l.3405", "/api/DEFAULT/customer", ()),
            ("S2 l.3472", "/api/DEFAULT/customer", _BY_ADDRESS),
            ("S2 l.3556", "/api/DEFAULT/customer", tuple(one.replace("strict=0", "strict=1") for one in _BY_ADDRESS)),
            ("S2 l.3608", "/api/DEFAULT/admin/customer", _BY_ADDRESS),
        )
    ),
    Printed(
        source="S2 l.3764",
        method="GET",
        path="/api/DEFAULT/customer/check?emailOrPhone=899000333",
        answer='{"total": 1}',
    ),
    Printed(
        source="S2 l.3931",
        method="GET",
        path="/api/DEFAULT/customer/{customer}",
        answer="""{
          "customerId": "00000000-0000-474c-b092-b0dd880c07e1", "active": true, "firstName": "John", "lastName": "Doe",
          "gender": "male", "email": "user@example.com", "phone": "+48234234000",
          "birthDate": "1990-09-11T02:00:00+0200", "lastLevelRecalculation": "2019-03-19T12:00:09+0100",
          "loyaltyCardNumber": "47834433524", "createdAt": "2016-08-08T10:53:14+0200",
          "id": "e82c96cf-32a3-43bd-9034-4df343e50000", "levelId": "e82c96cf-32a3-43bd-9034-4df343e50000",
          "agreement1": false, "agreement2": false, "agreement3": false,
          "status": {
            "availableTypes": ["new", "active", "blocked", "deleted"],
            "availableStates": ["no-card", "card-sent", "with-card"],
            "type": "active", "state": "no-card"
          },
          "updatedAt": "2019-03-19T11:52:49+0100", "campaignPurchases": [], "transactionsCount": 2,
          "transactionsAmount": 3, "transactionsAmountWithoutDeliveryCosts": 3, "amountExcludedForLevel": 0,
          "averageTransactionAmount": 1.5, "lastTransactionDate": "2019-03-20T11:52:56+0100", "labels": [],
          "level": {
            "levelId": {
              "id": "e82c96cf-32a3-43bd-9034-4df343e50000", "levelId": "e82c96cf-32a3-43bd-9034-4df343e50000"
            },
            "name": "level0",
            "translations": {"en": {"name": "level0"}, "pl": {"name": "poziom0"}}
          },
          "version": 7, "currency": "eur", "segments": [], "levelPercent": "0.00%"
        }""",
        left_out=frozenset({"lastLevelRecalculation", "level.translations", "levelPercent"}),
    ),
    Printed(
        source="S2 l.6744",
        method="GET",
        path="/api/DEFAULT/invitations",
        answer="""{
          "invitations": [
            {
              "referrerId": "00000000-0000-474c-b092-b0dd880c07e1", "recipientId": "",
              "invitationId": "22200000-0000-474c-b092-b0dd880c07e2", "referrerEmail": "user@example.com",
              "referrerName": "John Doe", "recipientEmail": "test2@example.com", "status": "invited",
              "token": "8e3889f08265ec0c81e511e23cab94200a7d18b7"
            }
          ],
          "total": 4
        }""",
    ),
    Printed(
        source="S2 l.560",
        method="GET",
        path="/api/DEFAULT/admin/analytics/customers",
        answer="""{
          "total": 10, "intervals": {"in_1_days": 0, "in_7_days": 0, "in_30_days": 0, "in_365_days": 0}
        }""",
    ),
    Printed(
        source="S2 l.591",
        method="GET",
        path="/api/DEFAULT/admin/analytics/points",
        answer='{"totalSpendingTransfers": 1, "totalPointsSpent": 100}',
    ),
    Printed(
        source="S2 l.617",
        method="GET",
        path="/api/DEFAULT/admin/analytics/referrals",
        answer='{"total": 4, "totalCompleted": 0, "totalRegistered": 0}',
    ),
    Printed(
        source="S2 l.644",
        method="GET",
        path="/api/DEFAULT/admin/analytics/transactions",
        answer="""{
          "total": 5, "countIntervals": {"in_1_days": 0, "in_7_days": 0, "in_30_days": 0, "in_365_days": 0},
          "amount": 1126, "amountWithoutDeliveryCosts": 1126, "currency": "EUR"
        }""",
    ),
    Printed(
        source="S2 l.679",
        method="GET",
        path="/api/DEFAULT/admin/analytics/levels",
        answer="""{
          "total": 4,
          "levels": [
            {
              "levelId": "e82c96cf-32a3-43bd-9034-4df343e50000", "name": "level0", "conditionValue": "0.00",
              "store": "", "customers": 9
            }
          ]
        }""",
    ),
    Printed(
        source="S2 l.6021",
        method="GET",
        path="/api/DEFAULT/customer/level",
        answer="""{
          "levels": [{"name": "level1", "description": "example level", "conditionValue": 20, "hasPhoto": true}],
          "total": 2
        }""",
    ),
    Printed(
        source="S2 l.6811",
        method="GET",
        path="/api/DEFAULT/points/transfer?customerId={customer}",
        answer="""{
          "transfers": [
            {
              "pointsTransferId": "ae1c49b1-02ab-4626-982d-71b544b01136",
              "accountId": "49a218ab-71ba-4f7f-8f4e-407df5f84b11",
              "customerId": "00000000-0000-474c-b092-b0dd880c07e1",
              "customerFirstName": "John", "customerLastName": "Doe",
              "createdAt": "2018-09-13T16:37:33+0200", "value": 10, "state": "active", "type": "adding",
              "comment": "Event - First Purchase - 10", "issuer": "system"
            },
            {
              "pointsTransferId": "cd470d77-a08e-4c62-9f47-da180524f683",
              "accountId": "49a218ab-71ba-4f7f-8f4e-407df5f84b11",
              "customerId": "00000000-0000-474c-b092-b0dd880c07e1",
              "customerFirstName": "John", "customerLastName": "Doe", "customerLoyaltyCardNumber": "47834433524",
              "customerEmail": "user@example.com", "customerPhone": "+48234234000",
              "createdAt": "2018-09-13T16:37:33+0200", "expiresAt": "2018-10-13T16:37:33+0200", "value": 6.9,
              "state": "active", "type": "adding",
              "transactionId": {"transactionId": "00000000-0000-1111-0000-000000000003"},
              "comment": "General spending rule - 2.3", "issuer": "system", "transactionDocumentNumber": "456",
              "transaction": {
                "grossValue": 3,
                "labels": [
                  {"key": "first label", "value": "first test"}, {"key": "second label", "value": "second test"}
                ],
                "items": [
                  {
                    "sku": {"code": "SKU1"}, "name": "item 1", "quantity": 1, "grossValue": 1, "category": "aaa",
                    "maker": "sss", "labels": [{"key": "test", "value": "label"}, {"key": "test", "value": "label2"}]
                  },
                  {
                    "sku": {"code": "SKU2"}, "name": "item 2", "quantity": 2, "grossValue": 2, "category": "bbb",
                    "maker": "ccc", "labels": []
                  }
                ]
              }
            }
          ],
          "total": 2
        }""",
    ),
    Printed(
        source="S2 l.8403",
        method="GET",
        path="/api/DEFAULT/transaction?documentNumber=456",
        answer="""{
          "transactions": [
            {
              "grossValue": 3, "transactionId": "00000000-0000-1111-0000-000000000003", "documentNumber": "456",
              "purchaseDate": "2018-02-20T09:45:04+0100", "purchasePlace": "wroclaw", "documentType": "sell",
              "customerId": "00000000-0000-474c-b092-b0dd880c07e1",
              "assignedToCustomerDate": "1970-01-01T01:00:00+01:00",
              "customerData": {
                "email": "user@example.com", "name": "Jan Nowak", "nip": "aaa", "phone": "123",
                "loyaltyCardNumber": "sa2222",
                "address": {
                  "street": "Bagno", "address1": "12", "province": "Mazowieckie", "city": "Warszawa",
                  "postal": "00-800", "country": "PL"
                }
              },
              "labels": [{"key": "scan_id", "value": "123"}],
              "items": [
                {
                  "sku": {"code": "SKU1"}, "name": "item 1", "quantity": 1, "grossValue": 1, "category": "aaa",
                  "maker": "sss", "labels": [{"key": "test", "value": "label"}, {"key": "test", "value": "label2"}]
                },
                {
                  "sku": {"code": "SKU2"}, "name": "item 2", "quantity": 2, "grossValue": 2, "category": "bbb",
                  "maker": "ccc", "labels": []
                }
              ],
              "currency": "eur", "pointsEarned": 6.9
            }
          ],
          "total": 2
        }""",
    ),
    Printed(
        source="S2 l.8912",
        method="GET",
        path="/api/DEFAULT/transaction/{transaction}",
        answer="""{
          "grossValue": 3, "transactionId": "00000000-0000-1111-0000-000000000003", "documentNumber": "456",
          "purchaseDate": "2018-02-20T09:45:04+0100", "purchasePlace": "wroclaw", "documentType": "sell",
          "customerId": "00000000-0000-474c-b092-b0dd880c07e1",
          "assignedToCustomerDate": "1970-01-01T01:00:00+01:00",
          "customerData": {
            "email": "user@example.com", "name": "Jan Nowak", "nip": "aaa", "phone": "123",
            "loyaltyCardNumber": "sa2222",
            "address": {
              "street": "Bagno", "address1": "12", "province": "Mazowieckie", "city": "Warszawa",
              "postal": "00-800", "country": "PL"
            }
          },
          "labels": [{"key": "scan_id", "value": "123"}],
          "items": [
            {
              "sku": {"code": "SKU1"}, "name": "item 1", "quantity": 1, "grossValue": 1, "category": "aaa",
              "maker": "sss", "labels": [{"key": "test", "value": "label"}, {"key": "test", "value": "label2"}]
            },
            {
              "sku": {"code": "SKU2"}, "name": "item 2", "quantity": 2, "grossValue": 2, "category": "bbb",
              "maker": "ccc", "labels": []
            }
          ],
          "currency": "eur", "pointsEarned": 6.9
        }""",
    ),
)
