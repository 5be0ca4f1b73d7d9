"""The verdict in one sentence: people in a hundred, both versions, never a metric."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.contracts.metrics import ErrorWords
from analysis.contracts.report import Difference, Estimate, Group, Paired, Place, Report
from apps.evaluations.contracts.verdict import Speech, per_hundred, rate_sentence, verdict_say
from apps.evaluations.contracts.words import column_names, is_participle, people_of, plural_of, verb_of, verb_third
from apps.evaluations.tests.factories import report_make, report_other

WORDS = ErrorWords("wrongly released", "wrongly held")
SPEECH = Speech("version 3", "live version 2", "released", "held", "people", "arrests", "C$", WORDS)
AGED = (Place("s", "Age", "35 and over"),)


def _estimate(value):
    return Estimate(value, value - 0.05, value + 0.05, "Wilson", 223)


def _difference(value, verdict):
    return Difference(value, value - 0.05, value + 0.05, "paired", 0.001, 0.01, verdict)


def _group(key, level, own, live, verdict, places=(), protected=False):
    paired = (
        Paired(100, 22, 46, 55, 0.001, 0.01, {"fnr": _difference(own - live, verdict)}) if live is not None else None
    )
    return Group(
        key=key,
        label=places[0].level if places else "Everyone",
        level=level,
        dimensions=tuple(places),
        protected=protected,
        n=286,
        positives=223,
        negatives=63,
        metrics={"fnr": _estimate(own)},
        baseline={"fnr": _estimate(live)} if live is not None else None,
        paired=paired,
    )


def _report(*groups):
    return Report(
        "BINARY", 2079, "d", 0.95, 0.75, 0.75, "Yes", None, None, groups[0].paired is not None, (), tuple(groups)
    )


def test_the_verdict_counts_people_and_names_both_versions():
    report = _report(
        _group("overall", 0, 0.201, 0.189, "no difference"),
        _group("Age=35 and over", 1, 0.363, 0.193, "worse", AGED, protected=True),
    )

    verdict = verdict_say(report, SPEECH)

    assert verdict.sentence == (
        "Version 3 would wrongly hold 36 of every 100 people aged 35 and over who were released; "
        "live version 2 holds 19."
    )
    assert (verdict.tone, verdict.metric, verdict.group) == ("worse", "fnr", "Age=35 and over")
    assert "For everyone together there is no difference." in verdict.more


def test_a_group_that_a_gate_refuses_is_told_first():
    black = (Place("c", "Colour", "Black"),)
    report = _report(
        _group("overall", 0, 0.2, 0.19, "no difference"),
        _group("Age=35 and over", 1, 0.5, 0.2, "worse", AGED, protected=True),
        _group("Colour=Black", 1, 0.3, 0.25, "worse", black, protected=True),
    )

    verdict = verdict_say(report, SPEECH, focus=[("tpr", "Colour=Black")])

    assert verdict.group == "Colour=Black"
    assert "30 of every 100 people recorded as Black" in verdict.sentence


def test_proven_harm_is_told_before_what_a_gate_only_finds_not_proven():
    black = (Place("c", "Colour", "Black"),)
    report = _report(
        _group("overall", 0, 0.2, 0.19, "no difference"),
        _group("Age=35 and over", 1, 0.5, 0.2, "worse", AGED),
        _group("Colour=Black", 1, 0.3, 0.25, "not proven", black, protected=True),
    )

    verdict = verdict_say(report, SPEECH, focus=[("fnr", "Colour=Black")])

    assert (verdict.tone, verdict.group) == ("worse", "Age=35 and over")
    assert "No group is shown" not in verdict.sentence


@pytest.mark.parametrize(
    ("everyone", "other", "tail"),
    [
        ("not proven", "not proven", "No group is shown to be worse off or better off."),
        ("no difference", "better", "No group is shown to be worse off."),
        ("worse", "not proven", "live version 2 holds 25."),
    ],
)
def test_a_sentence_that_proves_nothing_never_denies_what_stands_elsewhere(everyone, other, tail):
    black = (Place("c", "Colour", "Black"),)
    report = _report(
        _group("overall", 0, 0.25, 0.2, everyone),
        _group("Age=35 and over", 1, 0.1, 0.2, other, AGED),
        _group("Colour=Black", 1, 0.3, 0.25, "not proven", black, protected=True),
    )

    verdict = verdict_say(report, SPEECH, focus=[("fnr", "Colour=Black")])

    assert verdict.group == "Colour=Black"
    assert verdict.sentence.endswith(tail)


def test_a_single_group_comes_before_a_crossing_that_is_worse():
    crossing = (Place("c", "Colour", "White"), *AGED)
    report = _report(
        _group("overall", 0, 0.2, 0.19, "no difference"),
        _group("x", 2, 0.9, 0.1, "worse", crossing, protected=True),
        _group("Age=35 and over", 1, 0.4, 0.2, "worse", AGED, protected=True),
    )

    assert verdict_say(report, SPEECH).group == "Age=35 and over"


def test_without_a_finding_the_sentence_says_so():
    report = _report(_group("overall", 0, 0.201, 0.189, "no difference"))

    verdict = verdict_say(report, SPEECH)

    assert verdict.tone == "none"
    assert verdict.sentence.endswith("No group is shown to be worse off or better off.")


def test_without_another_version_there_is_one_half_and_no_colour():
    report = _report(_group("overall", 0, 0.201, None, ""))

    verdict = verdict_say(report, replace(SPEECH, baseline=""))

    assert verdict.sentence == "Version 3 would wrongly hold 20 of every 100 people who were released."
    assert verdict.tone == "info"
    assert "no other version" in verdict.more


def test_a_hidden_group_says_why_nothing_is_said():
    group = replace(_group("Age=35 and over", 1, 0.4, 0.2, "worse", AGED), suppressed="fewer than 30 rows", metrics={})
    report = _report(_group("overall", 0, 0.2, 0.19, "no difference"), group)

    sentence = rate_sentence(report, SPEECH, "fnr", group)

    assert sentence == "Nothing can be said of people aged 35 and over: fewer than 30 rows."


@pytest.mark.parametrize(
    ("positive", "negative", "noun", "expected"),
    [
        (
            "approved",
            "denied",
            "people",
            "Version 3 would wrongly deny 36 of every 100 people who were approved; live version 2 denies 19.",
        ),
        (
            "kept",
            "screened",
            "rows",
            "With version 3, 36 of every 100 rows that were kept would be wrongly screened; "
            "with live version 2, 19 are.",
        ),
        (
            "high",
            "low",
            "invoices",
            "Version 3 would wrongly say “low” of 36 in every 100 invoices whose record says “high”; "
            "live version 2 says so of 19.",
        ),
        (
            "",
            "",
            "rows",
            "With version 3, 36 of every 100 rows would be wrongly held; with live version 2, 19 are.",
        ),
    ],
)
def test_words_that_are_no_certain_verb_are_said_in_another_voice(positive, negative, noun, expected):
    report = _report(_group("overall", 0, 0.363, 0.193, "worse"))
    speech = replace(SPEECH, positive_word=positive, negative_word=negative, noun=noun)

    assert verdict_say(report, speech).sentence == expected


def test_other_tasks_count_wrong_answers_or_distance():
    many = report_other("MULTICLASS")
    number = report_other("REGRESSION")

    assert "would be wrong about" in verdict_say(many, SPEECH).sentence
    assert "would be off by" in verdict_say(number, SPEECH).sentence
    named = replace(SPEECH, target="fare")
    assert " in “fare” on average for people" in verdict_say(number, named).sentence, "in the unit of the target"
    assert "accuracy" not in verdict_say(many, SPEECH).sentence.lower()


def test_the_money_is_said_only_when_it_is_proven():
    report, _ = report_make(same=True)

    assert "do not cost less" in verdict_say(report, SPEECH).more or "not proven" in verdict_say(report, SPEECH).more


@pytest.mark.parametrize(
    ("own", "live", "expected"),
    [
        (0.363, 0.193, ("36", "19", "100")),
        (0.363, 0.361, ("36.3", "36.1", "100")),
        (0.363, 0.363, ("36", "36", "100")),
        (0.004, 0.001, ("4", "1", "1\u202f000")),
        (0.2, None, ("20", "", "100")),
        (0.0, 0.0, ("0", "0", "100")),
    ],
)
def test_counts_in_a_hundred(own, live, expected):
    assert per_hundred(own, live) == expected


@given(st.floats(0, 1), st.floats(0, 1))
def test_counts_tell_rates_apart_that_differ(own, live):
    first, second, _ = per_hundred(own, live)

    if abs(own - live) >= 0.01:
        assert first != second


@pytest.mark.parametrize(
    ("unit", "plural"),
    [
        ("one arrest", "arrests"),
        ("a person", "people"),
        ("each loan application", "loan applications"),
        ("one visit to a hospital", "visits to a hospital"),
        ("one company", "companies"),
        ("arrests", "arrests"),
        ("box", "boxes"),
        ("", "rows"),
    ],
)
def test_plurals(unit, plural):
    assert plural_of(unit) == plural


def test_verbs_are_said_only_when_certain():
    assert (verb_of("held"), verb_third("hold")) == ("hold", "holds")
    assert (verb_of("denied"), verb_third("deny")) == ("deny", "denies")
    assert verb_third("pass") == "passes"
    assert verb_of("screened") is None
    assert is_participle("screened")
    assert not is_participle("high")
    assert not is_participle("need help")


@pytest.mark.parametrize(
    ("places", "noun", "words"),
    [
        ((), "people", "people"),
        (AGED, "people", "people aged 35 and over"),
        (AGED, "invoices", "invoices recorded as 35 and over"),
        ((Place("c", "Citizen", "No"),), "people", "people with Citizen “No”"),
        ((Place("c", "Checks", "3"),), "people", "people with Checks “3”"),
        ((Place("c", "Colour", "White"), *AGED), "people", "people recorded as White, aged 35 and over"),
    ],
)
def test_groups_as_words(places, noun, words):
    group = replace(_group("k", len(places), 0.2, 0.1, "worse"), dimensions=tuple(places))

    assert people_of(group, noun) == words


def test_columns_tell_two_versions_of_the_same_number_apart():
    assert column_names(("Release", 3), ("Release", 2)) == ("v3", "v2")
    assert column_names(("Scorecard of the ministry", 1), ("Old", 1)) == ("Scorecard of the …", "Old")
    assert column_names(("Release", 1), None) == ("v1", "")
