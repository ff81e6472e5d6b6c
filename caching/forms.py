"""What people fill in about stored answers; the serializers know what of it is right."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms

from caching.models import CacheTerms

HUNDRED = 100
PERCENTS = ("epsilon", "static_threshold", "shadow_share")
DAY_S = 86_400.0
MEGABYTE = 1_000_000
LEAST_WRONG, MOST_WRONG = 0.01, 50
LEAST_ALIKE = 50
MOST_MEGABYTES = 10_000_000
REHEARSED = 50


def _percent(
    label: str, help_text: str, *, least: float = 0, most: float = HUNDRED
) -> forms.FloatField:
    """Its bounds are the serializer's, told in what people fill in here."""
    return forms.FloatField(label=label, help_text=help_text, min_value=least, max_value=most)


class TermsForm(forms.Form):
    """A team's terms in the units that people think in: per cent, days, megabytes."""

    semantic = forms.BooleanField(
        label="Answer by meaning",
        required=False,
        help_text="Off: only the very same request is answered again.",
    )
    epsilon = _percent(
        "Wrong answers accepted (%)",
        "Of the answers served by meaning, so many may be wrong. Smaller is stricter: fewer hits.",
        least=LEAST_WRONG,
        most=MOST_WRONG,
    )
    static_threshold = _percent(
        "Similarity before there is evidence (%)",
        "Until enough answers were compared, only questions at least this alike are answered.",
        least=LEAST_ALIKE,
    )
    shadow_share = _percent(
        "Looked at again (%)",
        "So many of the answers served by meaning are asked once more in the background, to see "
        "whether they were right.",
    )
    shadow_usd_a_day = forms.DecimalField(
        label="For looking again (USD a day)",
        min_value=0,
        max_digits=26,
        decimal_places=12,
        help_text="Beyond it nothing is asked again until midnight UTC.",
    )
    judge_model = forms.CharField(
        label="Judge",
        required=False,
        help_text="The backend that compares two answers where nothing cheaper decides; "
        "empty: none.",
    )
    scope = forms.ChoiceField(
        label="Answers belong to",
        choices=[("team", "the team"), ("user", "each end user alone")],
        help_text="“Each end user” goes by x-kora-user: nobody is served what another asked.",
    )
    ttl_days = forms.FloatField(
        label="Life of an answer (days)",
        min_value=0.001,
        max_value=3650,
        help_text="Questions about today, prices or the weather live shorter by themselves.",
    )
    rows = forms.IntegerField(
        label="Answers kept", min_value=0, help_text="Beyond it those that save least go first."
    )
    megabytes = forms.FloatField(label="Room (MB)", min_value=0, max_value=MOST_MEGABYTES)
    automatic_patterns = forms.BooleanField(
        label="Let proven patterns begin by themselves",
        required=False,
        help_text="As canaries, where the bound holds. Off: a person approves each.",
    )
    routes = forms.CharField(
        label="Other bounds for some models",
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text="One a line: the model asked for and the per cent of wrong answers accepted "
        "there, such as “auto:best 0.5”.",
    )

    @classmethod
    def of(cls, terms: CacheTerms, given: Mapping[str, Any] | None = None) -> TermsForm:
        initial: dict[str, Any] = {
            name: getattr(terms, name) for name in cls.base_fields if hasattr(terms, name)
        }
        initial |= {name: round(initial[name] * HUNDRED, 6) for name in PERCENTS}
        initial["shadow_usd_a_day"] = f"{Decimal(terms.shadow_usd_a_day).normalize():f}"
        initial |= {"ttl_days": terms.ttl_s / DAY_S, "megabytes": terms.bytes / MEGABYTE}
        initial["routes"] = "\n".join(
            f"{model} {said['epsilon'] * HUNDRED:g}"
            for model, said in sorted(terms.routes.items())
            if "epsilon" in said
        )
        form = cls(given, initial=initial)
        form.kept = terms.routes
        return form

    kept: Mapping[str, Any] = {}
    """What routes say besides, which this form does not show and must not lose."""

    def clean_routes(self) -> dict[str, Any]:
        found = {
            model: {k: v for k, v in said.items() if k != "epsilon"}
            for model, said in self.kept.items()
        }
        for line in self.cleaned_data["routes"].splitlines():
            if line.strip():
                model, share = self._read(line)
                found[model] = {**found.get(model, {}), "epsilon": share}
        return {model: said for model, said in found.items() if said}

    def _read(self, line: str) -> tuple[str, float]:
        model, _, percent = line.replace("=", " ").replace("%", " ").strip().rpartition(" ")
        try:
            share = float(percent)
        except ValueError as error:
            raise forms.ValidationError(f"“{line}” is not a model and a number.") from error
        if not LEAST_WRONG <= share <= MOST_WRONG:
            said = f"“{line}”: the per cent are from {LEAST_WRONG} to {MOST_WRONG}."
            raise forms.ValidationError(said)
        return model.strip(), round(share / HUNDRED, 8)

    def asked(self) -> dict[str, Any]:
        """What the serializer is to judge."""
        said = dict(self.cleaned_data)
        said["ttl_s"] = said.pop("ttl_days") * DAY_S
        said["bytes"] = round(said.pop("megabytes") * MEGABYTE)
        return said | {name: round(said[name] / HUNDRED, 8) for name in PERCENTS}

    def refuse(self, errors: Mapping[str, Any]) -> None:
        places = {"ttl_s": "ttl_days", "bytes": "megabytes"}
        for name, said in errors.items():
            field = places.get(name, name)
            sentences = [str(one) for one in (said if isinstance(said, list) else [said])]
            self.add_error(field if field in self.fields else None, sentences)


class AnswerForm(forms.Form):
    answer = forms.CharField(
        label="The right answer",
        max_length=200_000,
        widget=forms.Textarea(attrs={"rows": 12}),
        help_text="It is pinned: it does not expire, and is served until somebody changes it.",
    )


class TrialForm(forms.Form):
    """A question as a program would ask it, without asking any model."""

    question = forms.CharField(
        max_length=4000, widget=forms.Textarea(attrs={"rows": 3}), label="Question"
    )
    model = forms.CharField(required=False, initial="auto", label="Model asked for", max_length=200)
    system = forms.CharField(
        required=False,
        max_length=20_000,
        label="System prompt",
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Answers are compared only where all but the question is the same.",
    )


class RehearsalForm(forms.Form):
    """Sample questions, to see what would come of each."""

    questions = forms.CharField(
        label="Questions",
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text=f"One a line, {REHEARSED} at most.",
    )
    model = forms.CharField(required=False, initial="auto", label="Model asked for", max_length=200)
    system = forms.CharField(
        required=False,
        max_length=20_000,
        label="System prompt",
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def clean_questions(self) -> list[str]:
        lines = str(self.cleaned_data["questions"]).splitlines()
        asked = [line.strip() for line in lines if line.strip()]
        if len(asked) > REHEARSED or any(len(line) > 4000 for line in asked):
            raise forms.ValidationError(f"At most {REHEARSED} questions of 4,000 characters.")
        return asked

    def clean_model(self) -> str:
        return str(self.cleaned_data["model"] or "auto")


class CriteriaForm(forms.Form):
    """All that is filled in has to hold; nothing filled in finds nothing."""

    pattern = forms.CharField(
        required=False,
        label="Question like",
        help_text="* stands for any characters, ? for one: “*refund*”.",
    )
    model = forms.CharField(required=False, label="Model asked for")
    backend = forms.CharField(required=False)
    tag = forms.CharField(required=False, help_text="name or name=value")
    intent = forms.CharField(required=False)
    older_than_days = forms.FloatField(required=False, min_value=0, label="Older than (days)")
    ids = forms.CharField(required=False, label="Ids", help_text="apart by commas or spaces")

    def clean_ids(self) -> list[int]:
        words = str(self.cleaned_data["ids"]).replace(",", " ").split()
        if not all(word.isdecimal() and len(word) < 19 for word in words):
            raise forms.ValidationError("Ids are whole numbers.")
        return [int(word) for word in words]

    def clean(self) -> dict[str, Any]:
        if not self.errors and not self.asked():
            raise forms.ValidationError("Fill in at least one field: nothing means nothing here.")
        return self.cleaned_data

    def asked(self) -> dict[str, Any]:
        said = {name: value for name, value in self.cleaned_data.items() if value not in ("", None)}
        if days := said.pop("older_than_days", None):
            said["older_than_s"] = days * DAY_S
        return {name: value for name, value in said.items() if value != []}


class CanaryForm(forms.Form):
    share = forms.FloatField(
        label="Share (%)", min_value=1, max_value=100, initial=10, required=False
    )
    why = forms.CharField(required=False, max_length=1000)
    mark = forms.CharField(required=False, max_length=64)
    """What stood on the page: a second click, or what was learned meanwhile, decides nothing."""


class ImportForm(forms.Form):
    """A file of questions and answers; what is on the page is told by `importing`."""

    file = forms.FileField(help_text="CSV or JSON lines with a question and an answer on each.")
    name = forms.CharField(required=False, max_length=200, help_text="Empty: the file's name.")
    model_asked = forms.CharField(
        label="For the model asked for",
        required=False,
        initial="*",
        help_text="* is any: every plain question of the team looks here.",
    )
    system_prompt = forms.CharField(
        label="For the system prompt",
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Empty: only questions that come without one. Most apps have one: paste it here. "
        "* is any, but for those that work on the user's text (translate, classify, …).",
    )


class WordForm(forms.Form):
    """What a team says of a group."""

    word = forms.CharField(max_length=16)
    group = forms.CharField(max_length=64)
    other = forms.CharField(required=False, max_length=64)
