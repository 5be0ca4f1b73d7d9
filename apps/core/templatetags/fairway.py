"""Template tags of the design system; built in everywhere, so templates need no `load`.

The parts live beside this file: numbers and states, the frame and the strip, forms, small figures.
"""

from django import template

from apps.core.templatetags import _forms, _frame, _marks, _numbers, _plots

register = template.Library()

for _part in (_marks, _numbers, _frame, _forms, _plots):
    register.tags.update(_part.register.tags)
    register.filters.update(_part.register.filters)
