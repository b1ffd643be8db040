from django.apps import AppConfig


class SandboxConfig(AppConfig):
    """Stand-ins for the providers, installed only where ``SANDBOX=true``."""

    name = "providers.sandbox"
    label = "sandbox"
    verbose_name = "Provider sandbox"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from providers.sandbox import wire  # noqa: PLC0415 -- only once the apps are loaded
        from providers.sandbox.mobilepay import callbacks  # noqa: PLC0415 -- imports our models
        from providers.sandbox.vipps import webhooks  # noqa: PLC0415 -- imports our models

        wire.keep_headers_with_underscores()
        webhooks.register_protocol()
        callbacks.register_protocol()
