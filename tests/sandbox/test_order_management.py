from .conftest import new_reference, receipt

BASE = "/order-management/v2/ecom"


def test_receipt_is_taken_once_and_read_back(api):
    reference = new_reference()

    answers = [api.send(f"{BASE}/receipts/{reference}", receipt()) for _ in range(2)]

    assert [a.status_code for a in answers] == [201, 409]
    assert isinstance(answers[0].json(), str)
    assert api.get(f"{BASE}/{reference}").json() == {"category": None, "receipt": receipt()}


def test_category_is_replaced(api):
    reference = new_reference()
    for url in ("https://billing.example.com/1", "https://billing.example.com/2"):
        body = {"category": "RECEIPT", "orderDetailsUrl": url}
        answer = api.send(f"{BASE}/categories/{reference}", body, method="put")
        assert answer.status_code == 200

    assert api.get(f"{BASE}/{reference}").json()["category"] == {
        "category": "RECEIPT",
        "orderDetailsUrl": "https://billing.example.com/2",
    }


def test_lines_of_create_are_read_back_here_only(api):
    reference = new_reference()
    api.create(reference=reference, receipt=receipt())

    assert "receipt" not in api.payment(reference)
    assert api.get(f"{BASE}/{reference}").json()["receipt"] == receipt()


def test_wrong_category_is_refused_with_invalid_params(api):
    body = {"category": "INVOICE", "orderDetailsUrl": "https://billing.example.com/1"}

    answer = api.send(f"{BASE}/categories/{new_reference()}", body, method="put")

    assert answer.status_code == 400
    assert answer.json()["invalidParams"][0]["name"] == "category"
    assert "extraDetails" not in answer.json()


def test_v3_categories(api):
    reference = new_reference()
    body = {
        "orderId": reference,
        "paymentType": "ECOM",
        "type": "GENERAL",
        "url": "https://billing.example.com/1",
    }
    made = api.send("/order-management/v3/categories", body)
    row = body | made.json()

    assert made.status_code == 201
    listed = api.get(f"/order-management/v3/categories?orderId={reference}").json()
    assert listed == {"categories": [row]}
    one = f"/order-management/v3/categories/{row['categoryId']}"
    assert api.get(one).json() == row
    assert [api.delete(one).status_code, api.get(one).status_code] == [200, 404]
