"""The normaliser repairs the published samples and changes nothing else."""

from __future__ import annotations

import json

from tests.notify.seed_samples import identifier_keys, normalised, published


def test_stray_whitespace_is_removed_from_keys() -> None:
    assert normalised('{"or gId": 1, " timeStamp": 2, "e ventName": "customerAdded"}') == {
        "orgId": 1,
        "timeStamp": 2,
        "eventName": "customerAdded",
    }


def test_stray_whitespace_is_removed_from_words_of_the_vocabulary() -> None:
    assert normalised('{"actionType": "STA RT", "triggeringActivity": {"name": "Return Bill", "key": "bill Id"}}') == {
        "actionType": "START",
        "triggeringActivity": {"name": "ReturnBill", "key": "billId"},
    }


def test_free_text_stays_as_it_is() -> None:
    assert normalised('{"store": {"name": "VH BUDAUN 104458"}}') == {"store": {"name": "VH BUDAUN 104458"}}


def test_known_typos_are_repaired() -> None:
    assert normalised('{"Instore": {"mobi le": "91"}}') == {"instore": {"mobile": "91"}}


def test_samples_are_kept_as_published_with_their_damage() -> None:
    assert '" timeStamp"' in published("pointsIssued")
    assert '"or gId"' in published("issuedPointsReversed")
    assert '"points Redeemed"' in published("pointsRedeemed")


def test_a_repaired_sample_reads_as_its_page_describes_it() -> None:
    sample = normalised(published("pointsRedeemed"))
    assert sample["actionType"] == "START"
    assert identifier_keys(sample) == {"billId", "redemptionId"}
    assert [program["pointsRedeemed"] for program in sample["attributes"]["data"]["redemptionFromEarningPrograms"]] == [
        1500.0
    ]
    assert json.loads(published("pointsRedeemed")) != sample
