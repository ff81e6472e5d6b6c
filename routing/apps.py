from django.apps import AppConfig


class RoutingConfig(AppConfig):
    name = "routing"

    def ready(self) -> None:
        """The engines know no settings: they are told once where the model files are."""
        from django.conf import settings

        from inference.store import models

        models.use(settings.KORA_MODELS)
