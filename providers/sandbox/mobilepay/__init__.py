"""MobilePay Invoice as its documentation describes it: portal, token service, API, phone."""
