"""What KORA claims about speed, measured again on the machine at hand."""

from kora_site import environment as environment  # before numpy: as many threads as KORA has
