"""The price list."""

from decimal import Decimal

import pytest
from django.urls import reverse

from invoices.models import Article
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def member(client):
    membership = factories.MembershipFactory()
    client.force_login(membership.user)
    return membership


def typed(**values):
    return {"description": "Hour", "number": "A1", "unit": "HUR", "price": "1 234,5678",
            "currency": "NOK", "vat": "S:15", "active": "on"} | values  # fmt: skip


def test_article_is_added_as_typed(client, member):
    client.post(reverse("article-new", args=[member.merchant.slug]), typed())

    made = Article.objects.get()
    assert (made.price, made.vat_category, made.vat_rate) == (
        Decimal("1234.5678"),
        "S",
        Decimal(15),
    )


@pytest.mark.parametrize(
    ("field", "value"), [("price", "many"), ("price", "-1"), ("vat", "S:99"), ("unit", "stk")]
)
def test_wrong_value_keeps_the_form(client, member, field, value):
    answer = client.post(
        reverse("article-new", args=[member.merchant.slug]), typed(**{field: value})
    )

    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert not Article.objects.exists()


def test_edit_shows_the_price_as_it_is_typed(client, member):
    article = factories.ArticleFactory(merchant=member.merchant, price=Decimal("760.5"))

    page = client.get(reverse("article-edit", args=[member.merchant.slug, article.pk]))

    assert b'value="760.5"' in page.content


def test_other_merchants_article_is_not_found(client, member):
    stranger = factories.ArticleFactory()

    page = client.get(reverse("article-edit", args=[member.merchant.slug, stranger.pk]))

    assert page.status_code == 404


def test_list_finds_by_words(client, member):
    factories.ArticleFactory(merchant=member.merchant, description="Brake pads")
    factories.ArticleFactory(merchant=member.merchant, description="Chain")
    factories.ArticleFactory(description="Brake of another merchant")

    page = client.get(reverse("article-list", args=[member.merchant.slug]), {"q": "BRAKE"})

    assert [row.description for row in page.context["rows"]] == ["Brake pads"]
