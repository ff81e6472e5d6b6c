from django.apps import AppConfig


class KoraSiteConfig(AppConfig):
    name = "kora_site"
    verbose_name = "KORA"
