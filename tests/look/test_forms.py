"""Forms come out with labels, hints and errors tied to their controls."""

import re

from django import forms


class Sample(forms.Form):
    """One field of each kind that has markup of its own."""

    name = forms.CharField(label="Name", help_text="As people know it.")
    story = forms.CharField(widget=forms.Textarea(attrs={"class": "tall"}))
    kind = forms.ChoiceField(choices=[("a", "A"), ("b", "B")], widget=forms.RadioSelect, help_text="One.")
    agree = forms.BooleanField(label="I agree")
    news = forms.BooleanField(required=False, widget=forms.CheckboxInput(attrs={"role": "switch"}))
    starts = forms.SplitDateTimeField()
    token = forms.CharField(widget=forms.HiddenInput)


def test_control_names_its_hint_and_its_error() -> None:
    html = str(Sample(data={})["name"].as_field_group())

    assert 'aria-describedby="id_name_helptext id_name_error"' in html
    assert 'aria-invalid="true"' in html
    assert 'id="id_name_helptext"' in html
    assert 'id="id_name_error"' in html
    assert '<label class="form-label" for="id_name">Name<span class="required-mark"' in html


def test_widget_keeps_the_class_that_its_form_gives_it() -> None:
    assert 'class="form-control tall"' in str(Sample()["story"])


def test_radio_group_is_a_fieldset_with_a_legend() -> None:
    html = re.sub(r">\s+<", "><", str(Sample(data={})))

    assert 'aria-describedby="id_kind_helptext id_kind_error"><legend class="form-label">' in html
    assert '<label class="form-check-label" for="id_kind_0">A</label>' in html


def test_checkbox_has_one_label_beside_it() -> None:
    html = str(Sample()["agree"].as_field_group())

    assert html.count("<label") == 1
    assert 'class="form-check-input"' in html


def test_switch_is_drawn_as_one() -> None:
    assert "form-switch" in str(Sample()["news"].as_field_group())


def test_parts_of_a_date_and_time_are_named() -> None:
    html = str(Sample()["starts"])

    assert 'aria-label="Date"' in html
    assert 'aria-label="Time"' in html


def test_hidden_field_has_neither_class_nor_label() -> None:
    hidden = re.search(r'<input type="hidden"[^>]*>', str(Sample()))

    assert hidden is not None
    assert "class" not in hidden[0]
    assert 'for="id_token"' not in str(Sample())


def test_error_of_the_whole_form_is_announced_and_takes_the_focus() -> None:
    form = Sample(data={})
    form.add_error(None, "Send it again.")

    assert '<div role="alert" tabindex="-1" data-error-summary>' in str(form)
