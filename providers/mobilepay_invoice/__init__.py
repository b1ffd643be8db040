"""MobilePay Invoice: requests to the app, links, batches and callbacks, by a merchant's consent."""
