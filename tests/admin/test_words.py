"""A status is shown in words: Unfold prints the bare code of a value for which no colour is given."""

import pytest
from django.contrib import admin

COLOURED = [
    (model, column)
    for model, model_admin in admin.site._registry.items()
    for name in model_admin.list_display
    if isinstance(getattr(column := getattr(type(model_admin), str(name), None), "label", None), dict)
]


def test_there_are_coloured_columns():
    assert len(COLOURED) >= 5


@pytest.mark.parametrize(("model", "column"), COLOURED, ids=lambda part: part.__name__)
def test_every_value_of_a_coloured_column_has_a_colour(model, column):
    choices = model._meta.get_field(column.admin_order_field).choices

    assert {value for value, _label in choices} - set(column.label) == set()
