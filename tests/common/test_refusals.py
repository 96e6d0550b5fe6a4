"""How the browser's door says no: a page, or a fragment for htmx, with the next step."""

import pytest
from django.test import RequestFactory
from django_htmx.middleware import HtmxMiddleware

from portal.common.errors import RefusalMiddleware, refusal_page
from portal.common.refusals import Refusal

REFUSAL = Refusal("email_verified", "Verify <your> address first.", status=403, remedy="/accounts/email/")


def answered(**headers):
    return HtmxMiddleware(lambda request: refusal_page(request, REFUSAL))(
        RequestFactory().get("/keys/new/", headers=headers)
    )


def test_a_refusal_is_a_page_with_its_sentence_and_its_next_step():
    response = answered()

    page = response.content.decode()
    assert response.status_code == 403
    assert "<html" in page
    assert "Verify &lt;your&gt; address first." in page
    assert 'href="/accounts/email/"' in page
    assert 'data-refusal="email_verified"' in page


def test_htmx_gets_the_fragment_alone():
    response = answered(**{"HX-Request": "true"})

    page = response.content.decode()
    assert response.status_code == 403
    assert "<html" not in page
    assert page.strip().startswith('<div id="refusal"')
    assert 'href="/accounts/email/"' in page


def test_a_refusal_without_a_remedy_links_only_the_dashboard():
    page = refusal_page(RequestFactory().get("/"), Refusal("full", "The event is full.")).content.decode()

    assert "Go to the next step" not in page
    assert 'href="/dashboard/"' in page


def test_other_errors_are_left_alone():
    middleware = RefusalMiddleware(lambda request: None)

    assert middleware.process_exception(RequestFactory().get("/"), ValueError("a bug")) is None


@pytest.mark.django_db
@pytest.mark.parametrize(("method", "path"), [("get", "/playground/"), ("post", "/playground/send/")])
def test_a_null_character_that_no_form_checks_is_no_fault_of_the_portal(as_ada, method, path):
    response = getattr(as_ada, method)(path, {"release": "a\x00"})
    assert response.status_code == 400
    assert "holds a null character" in response.content.decode()
