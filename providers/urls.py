"""Addresses of provider accounts and webhooks."""

from django.urls import include, path

from providers.views import accounts, consents, deliveries, issuers, webhooks

account_patterns = [
    path("", accounts.provider_list, name="provider-list"),
    path("new/<slug:slug>/", accounts.provider_new, name="provider-new"),
    path("consents/", consents.consent_list, name="consent-list"),
    path("consents/<int:attempt>/", consents.consent_returned, name="consent-returned"),
    path("<int:pk>/", accounts.provider_detail, name="provider-detail"),
    path("<int:pk>/edit/", accounts.provider_edit, name="provider-edit"),
    path("<int:pk>/probe/", accounts.provider_probe, name="provider-probe"),
    path("<int:pk>/pause/", accounts.provider_pause, name="provider-pause"),
    path("<int:pk>/resume/", accounts.provider_resume, name="provider-resume"),
    path("<int:pk>/consent/start/", consents.consent_start, name="consent-start"),
    path("<int:pk>/consent/withdraw/", consents.consent_withdraw, name="consent-withdraw"),
    path("<int:pk>/issuers/", issuers.provider_issuers, name="provider-issuers"),
    path("<int:pk>/issuers/sync/", issuers.provider_issuers_sync, name="provider-issuers-sync"),
    path("<int:pk>/issuers/by-hand/", issuers.provider_issuer_hand, name="provider-issuer-hand"),
    path(
        "<int:pk>/issuers/<int:remote>/map/",
        issuers.provider_issuer_map,
        name="provider-issuer-map",
    ),
    path("<int:pk>/webhooks/register/", deliveries.webhook_register, name="webhook-register"),
    path(
        "<int:pk>/webhooks/<int:registration>/delete/",
        deliveries.webhook_delete,
        name="webhook-delete",
    ),
    path("<int:pk>/deliveries/<int:delivery>/", deliveries.delivery_detail, name="delivery-detail"),
    path(
        "<int:pk>/deliveries/<int:delivery>/replay/",
        deliveries.delivery_replay,
        name="delivery-replay",
    ),
]

urlpatterns = [
    path("webhooks/<slug:provider>/<str:token>/", webhooks.webhook, name="webhook"),
    path("consents/<slug:provider>/callback/", consents.consent_callback, name="consent-callback"),
    path("m/<slug:merchant>/providers/", include(account_patterns)),
]
