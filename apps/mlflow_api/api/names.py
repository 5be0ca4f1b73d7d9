"""Names for runs and models that a client left without one."""

from __future__ import annotations

import secrets

_FIRST = """
amber azure brave brisk calm candid clear clever cosy crisp dapper deft eager early fair fleet fresh gentle
glad golden grand hardy honest jolly keen kind lively lucid lucky mellow merry mild neat nimble noble patient
plucky polite proud quick quiet rapid ready robust serene sharp silent smart snug solid spry steady still
sturdy sunny swift tidy vivid warm witty
"""
_SECOND = """
adder badger beaver bison bream carp cormorant crane curlew deer dipper dove eagle eel elk falcon ferret finch
fox gannet goose grebe gull hare harrier heron ibis jackdaw jay kestrel kite lapwing lark linnet lynx magpie
marten merlin mole moose newt nightjar otter owl perch pike pipit plover puffin quail raven robin salmon seal
shrew siskin stoat swan swift tern thrush trout vole wren
"""


def name_new() -> str:
    """Such as "brisk-heron-412"."""
    return f"{secrets.choice(_FIRST.split())}-{secrets.choice(_SECOND.split())}-{secrets.randbelow(1000)}"
