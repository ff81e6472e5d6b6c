from django.apps import AppConfig


class RoutingConfig(AppConfig):
    name = "routing"

    def ready(self) -> None:
        """The engines know no settings: they are told once where the model files are, and stored
        answers who opens the embedder and which backends could judge."""
        from django.conf import settings

        from caching import answering, meaning
        from inference.store import models
        from routing import embedders, roster

        models.use(settings.KORA_MODELS)
        meaning.use(embedders.house)
        answering.use(roster.answering)
