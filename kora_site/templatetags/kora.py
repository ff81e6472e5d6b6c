"""What templates say in KORA's way: money, time, counts, icons, and the way around."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from django import template
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from inference.store import sizes
from teams.models import Team

if TYPE_CHECKING:
    from django.template.context import RequestContext

register = template.Library()

PLACES = (
    ("overview", "Overview", "overview", "g o"),
    ("requests", "Requests", "requests", "g r"),
    ("answers", "Answers", "answers", "g n"),
    ("patterns", "Patterns", "patterns", "g p"),
    ("routing_rules", "Routing", "routing", "g d"),
    ("slas", "SLAs", "slas", "g s"),
    ("budgets", "Budgets", "budgets", "g u"),
    ("alerts", "Alerts", "alerts", "g l"),
    ("backends", "Models", "models", "g b"),
    ("model_files", "Model files", "files", "g m"),
    ("keys", "Keys", "keys", "g k"),
    ("team", "Team", "team", "g t"),
    ("audit", "Audit", "audit", "g a"),
)


ROOMS = {"routing_rules": "/routing/"}
"""Where all pages of a place begin, if that is not its own address."""
NOTHING = "\N{EN DASH}"
CENT = Decimal("0.01")
MINUS = "\N{MINUS SIGN}"
TIER_NAMES = {
    "rule": "Rule",
    "exact": "Exact",
    "semantic": "Semantic",
    "pattern": "Pattern",
    "local": "Local",
    "cloud": "Cloud",
    "judge": "Judge",
    "none": "Nobody",
}
CAPABILITIES = {
    "tools": "tools",
    "json_schema": "JSON schema",
    "vision": "images",
    "embeddings": "embeddings",
}
STATE_CLASSES = {
    "answered": "ok",
    "open": "warn",
    "cancelled": "warn",
    "failed": "bad",
    "lost": "bad",
    "healthy": "ok",
    "failing": "bad",
    "proposed": "",
    "canary": "warn",
    "active": "ok",
    "rolled-back": "bad",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """One line of the navigation."""

    name: str
    label: str
    icon: str
    keys: str
    address: str
    here: bool


@register.simple_tag(takes_context=True)
def places(context: RequestContext) -> list[Place]:
    """The rooms this KORA has; one whose address is not routed yet is not shown."""
    request = context.get("request")
    path = request.path if request else ""
    team = request.GET.get("team", "") if request else ""
    found = []
    for name, label, icon_name, keys in PLACES:
        address = _address(name)
        if address:
            room = ROOMS.get(name, address)
            here = path == address or (room != "/" and path.startswith(room))
            found.append(
                Place(
                    name=name,
                    label=label,
                    icon=icon_name,
                    keys=keys,
                    address=f"{address}?team={team}" if team else address,
                    here=here,
                )
            )
    return found


def _address(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


@register.simple_tag(takes_context=True)
def own_teams(context: RequestContext) -> list[Team]:
    """The teams the person on the page may look at."""
    request = context.get("request")
    if request is None or not getattr(request, "user", None) or not request.user.is_authenticated:
        return []
    if request.user.is_superuser:
        return list(Team.objects.all())
    return list(Team.objects.filter(memberships__member=request.user))


@register.simple_tag
def icon(name: str) -> SafeString:
    """One drawing of `kora/icons.svg`; always beside words, so hidden from screen readers."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        static("kora/icons.svg"),
        name,
    )


@register.simple_tag(takes_context=True)
def with_query(context: RequestContext, **changes: object) -> str:
    """This page's query with some of it changed; an empty value leaves it out."""
    query = context["request"].GET.copy()
    for name, value in changes.items():
        query.pop(name, None)
        if value not in {"", None}:
            query[name] = str(value)
    return f"?{query.urlencode()}"


@register.filter
def money(value: Decimal | float | str | None) -> str:
    """Dollars as a person reads them: cents when large, three significant digits when tiny."""
    if value is None or value == "":
        return NOTHING
    amount = Decimal(str(value))
    if amount == 0:
        return "$0.00"
    if abs(amount) >= 1:
        return _signed(amount, f"{abs(amount):,.2f}")
    places_needed = min(12, 2 - abs(amount).adjusted())
    return _signed(amount, f"{abs(amount):.{places_needed}f}".rstrip("0").ljust(4, "0"))


@register.filter
def millionths(value: float) -> str:
    """Dollars out of a chart, which counts whole millionths of them."""
    return money(Decimal(str(value)) / 1_000_000)


@register.filter
def exact_money(value: Decimal | float | str | None) -> str:
    """Every decimal the ledger keeps."""
    return NOTHING if value is None or value == "" else f"${Decimal(str(value)):,.12f}"


def _signed(amount: Decimal, digits: str) -> str:
    return f"{MINUS}${digits}" if amount < 0 else f"${digits}"


@register.filter
def price(value: Decimal | None) -> str:
    """USD per million tokens: cents at least, and whatever follows them."""
    if value is None:
        return NOTHING
    return f"${max(value.normalize(), value.quantize(CENT), key=_places):,f}"


def _places(value: Decimal) -> int:
    return -int(value.as_tuple().exponent)


@register.filter
def ms(value: float | str | None) -> str:
    """Milliseconds, or seconds from one second on."""
    if value is None or value == "":
        return NOTHING
    span = float(value)
    if span >= 60_000:
        return f"{span / 60_000:.1f} min"
    if span >= 1_000:
        return f"{span / 1_000:.2f} s"
    digits = 0 if span >= 100 else 1 if span >= 1 else 2
    return f"{span:.{digits}f} ms"


@register.filter
def count(value: float | str | None) -> str:
    """1,234 in full; 12.3k, 4.56M and 7.89B where figures would crowd."""
    if value is None or value == "":
        return NOTHING
    number = float(value)
    if number >= 1_000_000_000:
        return f"{number / 1_000_000_000:,.2f}B"
    if number >= 1_000_000:
        return f"{number / 1_000_000:.2f}M"
    if number >= 10_000:
        return f"{number / 1_000:.1f}k"
    return f"{number:,.0f}"


@register.filter
def size(value: float | None) -> str:
    """Bytes, in the decimal units of disks."""
    return NOTHING if value is None else sizes.told(value)


@register.filter
def percent(value: float | str | None) -> str:
    """A share of one as a percentage with one decimal."""
    return NOTHING if value is None or value == "" else f"{float(value) * 100:.1f}%"


@register.filter
def short(value: object) -> str:
    """The first block of an id; the whole stands in the title beside it."""
    return str(value)[:8]


@register.filter
def lookup(mapping: dict[str, object], name: str) -> object:
    return mapping.get(name, "")


@register.filter
def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


@register.filter
def iso_exact(moment: datetime) -> str:
    return moment.isoformat()


@register.filter
def capability(name: str) -> str:
    return CAPABILITIES.get(name, name)


@register.filter
def tier_name(tier: str) -> str:
    return TIER_NAMES.get(tier, tier)


@register.filter
def state_class(state: str) -> str:
    return STATE_CLASSES.get(state, "")


@register.filter
def when(moment: datetime | None) -> SafeString:
    """A moment in UTC that the page's script turns into the viewer's relative time."""
    if moment is None:
        return format_html("<span class='muted'>{}</span>", "never")
    exact = moment.astimezone(UTC)
    return format_html(
        '<time datetime="{}" data-relative>{}</time>',
        exact.isoformat(timespec="milliseconds"),
        f"{exact:%Y-%m-%d %H:%M:%S} UTC",
    )
