from django.apps import AppConfig


class KoraSiteConfig(AppConfig):
    name = "kora_site"
    verbose_name = "KORA"

    def ready(self) -> None:
        """A task asked for in any process and thread goes to KORA's broker, not to Celery's own."""
        from kora_site import celery

        celery.app.set_default()
