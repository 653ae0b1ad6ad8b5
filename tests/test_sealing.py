"""Sealed texts: who can open them, and that nobody can once a subject is erased."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sealing import (
    CUSTOMERS_MAX,
    NO_KEYS,
    Keys,
    is_sealed,
    root_of,
    same_but_erased,
    subject_of,
    subjects_in,
)

ROOT = {root_of(100): b"r" * 32, root_of(7): b"s" * 32}
SUBJECTS = st.integers(1, 2**53) | st.integers(1, 40)


def after(secrets: dict[bytes, bytes], org_id: int, *subjects: int) -> dict[bytes, bytes]:
    """The secrets once subjects are erased, one after the other."""
    kept = dict(secrets)
    for subject in subjects:
        for name, secret in Keys(kept).without(org_id, subject).items():
            if secret is None:
                del kept[name]
            else:
                kept[name] = secret
    return kept


@given(SUBJECTS, st.text(max_size=40))
def test_what_is_sealed_is_opened_as_it_was(subject: int, text: str) -> None:
    sealed = Keys(ROOT).seal(100, subject, text)
    assert sealed == Keys(ROOT).seal(100, subject, text), "once more gives the same"
    assert is_sealed(sealed.encode()) == bool(text)
    assert Keys(ROOT).open_text(sealed, 100) == text
    body = msgspec.json.encode({"name": sealed, "of": [sealed, "plain"]})
    assert msgspec.json.decode(Keys(ROOT).open_json(body, 100)) == {"name": text, "of": [text, "plain"]}


def test_every_subject_and_org_has_a_key_of_its_own() -> None:
    keys = Keys(ROOT)
    sealed = {keys.seal(org_id, subject, "Jo").rpartition(":")[2] for org_id in (7, 100) for subject in range(1, 200)}
    assert len(sealed) == 2 * 199
    assert keys.seal(100, 5, "Jo") == "sealed:1:5:4tbr6ND85vTigK0-jZ_FpHq9", "what is stored must open for ever"
    assert keys.digest(100, 1) not in {1, keys.digest(100, 2), keys.digest(7, 1)}
    assert 0 < keys.digest(100, 1) < 2**48


def test_what_was_sealed_for_another_org_or_by_nobody_stays_as_it_is() -> None:
    keys = Keys(ROOT)
    for text in (
        keys.seal(7, 5, "Jo"),
        "sealed:1:5:" + "A" * 40,
        "sealed:1:5:" + "A" * 41,  # no base64
        "sealed:1:5:short",
        "plain",
    ):
        assert keys.open_text(text, 100) == text


def test_a_message_whose_customer_nobody_knows_yet_has_a_key_and_can_be_found() -> None:
    keys, subject = Keys(ROOT), subject_of("loyalty.events:0:1")
    assert CUSTOMERS_MAX <= subject < 2 * CUSTOMERS_MAX
    assert subject != subject_of("loyalty.events:0:2")
    sealed = keys.seal(100, subject, "Jo")
    assert keys.open_text(sealed, 100) == "Jo", "whoever the record became one of"
    assert subjects_in(b"\x91" + sealed.encode() + b"\xc0" + keys.seal(100, 5, "Jo").encode()) == {5, subject}


@given(st.lists(SUBJECTS, min_size=1, max_size=6), st.lists(SUBJECTS, min_size=1, max_size=6))
def test_erased_subjects_have_no_key_and_all_others_have_theirs(erased: list[int], others: list[int]) -> None:
    keys = Keys(after(ROOT, 100, *erased))
    for subject in erased:
        sealed = Keys(ROOT).seal(100, subject, "Jo")
        assert keys.is_erased(100, subject)
        assert keys.open_text(sealed, 100) == ""
        assert keys.seal(100, subject, "Jo") == ""
        assert keys.without(100, subject) == {}, "a second time changes nothing"
        assert not keys.is_erased(7, subject)
    assert keys.digest(100, 1) == Keys(ROOT).digest(100, 1)
    for subject in set(others) - set(erased):
        assert not keys.is_erased(100, subject)
        assert keys.seal(100, subject, "Jo") == Keys(ROOT).seal(100, subject, "Jo")


def test_no_secret_that_is_kept_lies_on_the_way_to_an_erased_key() -> None:
    kept = after(ROOT, 100, 5)
    path = format(5, "055b")
    assert {name for name in kept if name.startswith(b"100:")} == {
        f"100:{path[:place]}{1 - int(path[place])}".encode() for place in range(55)
    }
    assert ROOT[root_of(100)] not in kept.values()


def test_without_any_key_everything_reads_as_erased() -> None:
    sealed = Keys(ROOT).seal(100, 5, "Jo")
    assert NO_KEYS.open_text(sealed, 100) == ""
    assert NO_KEYS.digest(100, 1) == 0
    assert not NO_KEYS.is_erased(100, 5), "an org without keys has nobody to erase"
    assert (NO_KEYS.has(100), Keys(ROOT).has(100)) == (False, True)


def test_many_customers_are_not_kept_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.sealing._CACHED_MAX", 3)
    keys = Keys(ROOT)
    sealed = {subject: keys.seal(100, subject, "Jo") for subject in range(1, 10)}
    assert {keys.open_text(text, 100) for subject, text in sealed.items()} == {"Jo"}
    assert len(keys._ciphers) <= 3
    assert len(keys._leaves) <= 3


@pytest.mark.parametrize(
    ("told", "same"),
    [
        ('{"name":"Jo","id":1}', True),
        ('{"name":"","id":1}', True),
        ('{"name":"Jo \\"the\\" \\\\","id":1}', True),
        ('{"name":"Jo","id":2}', False),
        ('{"name":"Jo","x":"","id":1}', False),
        ('{"name":"Jo"}', False),
    ],
)
def test_a_text_that_is_erased_may_have_been_any(told: str, same: bool) -> None:  # noqa: FBT001 - of the table
    erased = Keys(after(ROOT, 100, 5))
    body = msgspec.json.encode({"name": Keys(ROOT).seal(100, 5, "Jo"), "id": 1})
    kept = erased.open_json(body, 100, keep_erased=True)
    assert kept == body
    assert same_but_erased(kept, told.encode()) is same


def test_nothing_is_erased_where_nothing_was_sealed() -> None:
    assert same_but_erased(b'{"id":1}', b'{"id":1}')
    assert not same_but_erased(b'{"id":1}', b'{"id":2}')
