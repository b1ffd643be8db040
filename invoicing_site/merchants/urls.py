"""Where staff land, and what owners set up about the merchant."""

from django.urls import include, path

from invoicing_site.merchants.views import home, issuers, members, profile

set_up = [
    path("profile/", profile.merchant_edit, name="merchant-edit"),
    path("issuers/", issuers.issuer_list, name="issuer-list"),
    path("issuers/new/", issuers.issuer_new, name="issuer-new"),
    path("issuers/<int:pk>/", issuers.issuer_edit, name="issuer-edit"),
    path("members/", members.member_list, name="member-list"),
    path("members/new/", members.member_new, name="member-new"),
    path("members/<int:pk>/", members.member_edit, name="member-edit"),
    path("members/<int:pk>/invite/", members.member_invite, name="member-invite"),
    path("members/<int:pk>/remove/", members.member_remove, name="member-remove"),
]

urlpatterns = [
    path("", home.home, name="home"),
    path("m/<slug:merchant>/", include(set_up)),
]
