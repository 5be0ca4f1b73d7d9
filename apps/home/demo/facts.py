"""What the demo's people write and choose. The story it tells is asserted by a test."""

from __future__ import annotations

from typing import Any

PROBLEM = "Release on recognisance, Toronto arrests"
DATASET = "Toronto arrests"

DRAFT: dict[str, Any] = {
    "question": (
        "Should a person arrested for possession of a small quantity be released with a summons, "
        "or held for a bail hearing?"
    ),
    "decision_served": "The officer in charge decides on release at the station; the model advises.",
    "population": "Arrests for possession of a small quantity in Toronto, 1997 to 2002.",
    "unit_of_prediction": "one arrest",
    "task": "BINARY",
    "target": "released",
    "positive_label": "Yes",
    "positive_word": "released",
    "negative_word": "held",
    "risk_class": "HIGH",
    "decision_mode": "ASSIST",
    # In minor units: releasing wrongly costs three times as much as holding wrongly.
    "error_costs": {"currency": "CAD", "false_positive": 120_000, "false_negative": 40_000},
    "label_delay_days": 0,
    "review_period_days": 365,
    "least_support": {"rows": 100, "positives": 15, "negatives": 15},
}

SEGMENTS: list[dict[str, Any]] = [
    {
        "name": "Age",
        "expression": "age",
        "bands": {"edges": [25, 35], "labels": ["under 25", "25 to 34", "35 and over"]},
        "purpose": "PROTECTED",
        "legal_note": "Age is a protected ground under the Ontario Human Rights Code.",
    },
    {
        "name": "Colour",
        "expression": "colour",
        "purpose": "PROTECTED",
        "legal_note": "Race and colour are protected grounds under the Ontario Human Rights Code.",
    },
    {
        "name": "Sex",
        "expression": "sex",
        "purpose": "PROTECTED",
        "legal_note": "Sex is a protected ground under the Ontario Human Rights Code.",
    },
    {
        "name": "Citizen",
        "expression": "citizen",
        "purpose": "PROTECTED",
        "legal_note": "Citizenship is a protected ground under the Ontario Human Rights Code.",
    },
    {"name": "Employed", "expression": "employed", "purpose": "PERFORMANCE"},
]

OBJECTIVES: list[dict[str, Any]] = [
    {
        "name": "Cost of errors per 100",
        "metric": "cost_per_100",
        "direction": "MINIMISE",
        "comparison": "LIVE",
        "scope": "OVERALL",
        "limit": 1000.0,
    },
    {
        "name": "ROC AUC",
        "metric": "roc_auc",
        "direction": "MAXIMISE",
        "comparison": "ABSOLUTE",
        "scope": "OVERALL",
        "limit": 0.65,
    },
    {
        "name": "Calibration error",
        "metric": "ece",
        "direction": "MINIMISE",
        "comparison": "ABSOLUTE",
        "scope": "OVERALL",
        "limit": 0.08,
    },
    {
        "name": "Wrongly held, any protected group",
        "metric": "fnr",
        "direction": "MINIMISE",
        "comparison": "LIVE",
        "scope": "PROTECTED",
        "limit": 0.05,
        "critical": True,
    },
]

# Written with the question, before anybody knows what a model will do.
BEHAVIOUR: list[dict[str, Any]] = [
    {
        "name": "Colour alone does not decide",
        "kind": "INVARIANCE",
        "why": "Nobody is held, and nobody released, for the colour of their skin.",
        "change": [{"column": "colour", "swap": {"Black": "White", "White": "Black"}}],
        "compare": "LABEL",
        "least_share": 0.99,
        "critical": True,
    },
    {
        "name": "More previous checks never speak for release",
        "kind": "DIRECTION",
        "why": "Who is in the police records more often is not more likely to appear in court for it.",
        "change": [{"column": "checks", "add": 1}],
        "direction": "NOT_UP",
        "least_share": 0.95,
    },
]

# Colour and sex divide the rows and are kept out of training.
ROLES = {
    "released": "TARGET",
    "colour": "SEGMENT",
    "sex": "SEGMENT",
    "year": "FEATURE",
    "age": "FEATURE",
    "employed": "FEATURE",
    "citizen": "FEATURE",
    "checks": "FEATURE",
}
SPLIT: dict[str, Any] = {"seed": 2, "fractions": {"train": 0.5, "validation": 0.1, "test": 0.4}}

# Tuned for the cost of errors as a whole, which is what a person would do who looks at one number only.
CANDIDATE = {
    "learning_rate": 0.03,
    "max_iter": 140,
    "max_leaf_nodes": 8,
    "min_samples_leaf": 20,
    "l2_regularization": 10.0,
    "early_stopping": False,
}
SEED = 0
