"""A small LightGBM text model, line by line."""

from __future__ import annotations

LINES = """tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=1
objective=binary sigmoid:1
feature_names=age pressure
feature_infos=[0:25] [0:4]
tree_sizes=300

Tree=0
num_leaves=3
num_cat=0
split_feature=0 1
split_gain=1 1
threshold=10.5 1.5
decision_type=2 2
left_child=1 -1
right_child=-2 -3
leaf_value=-0.5 0.25 0.75
leaf_weight=1 1 1
leaf_count=10 10 10
internal_value=0 0
internal_weight=0 0
internal_count=30 20
is_linear=0
shrinkage=1


end of trees

parameters:
end of parameters
"""


def text(**changes: str) -> bytes:
    """The model with other values for some of its lines."""
    lines = []
    for line in LINES.splitlines():
        key = line.partition("=")[0]
        lines.append(f"{key}={changes[key]}" if key in changes else line)
    return ("\n".join(lines) + "\n").encode()
