"""What is kept to answer without a model: answers and their vectors, what showed them right or
wrong, what was learned from that, and patterns."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from pgvector.django import HalfVectorField

from caching.pattern_models import (
    Intent,
    Pattern,
    PatternAction,
    PatternCheck,
    PatternState,
    PatternStep,
)

__all__ = [
    "CacheTerms", "Entry", "EntryVector", "Evidence", "Generation", "Import", "Intent", "Mind",
    "Pattern", "PatternAction", "PatternCheck", "PatternState", "PatternStep", "SharedGroup",
    "Sharing",
]  # fmt: skip


class CacheTerms(models.Model):
    """What a team has set; a team without a row has the defaults of `values.Terms`."""

    team = models.OneToOneField("teams.Team", on_delete=models.CASCADE, related_name="cache_terms")
    semantic = models.BooleanField(default=True)
    epsilon = models.FloatField(default=0.02)
    static_threshold = models.FloatField(default=0.97)
    shadow_share = models.FloatField(default=0.05)
    shadow_usd_a_day = models.DecimalField(max_digits=26, decimal_places=12, default="0.50")
    judge_model = models.TextField(blank=True, default="")
    scope = models.CharField(
        max_length=8, choices=[("team", "the team"), ("user", "each end user")], default="team"
    )
    ttl_s = models.FloatField(default=7 * 24 * 3600)
    rows = models.PositiveIntegerField(default=200_000)
    bytes = models.BigIntegerField(default=1_000_000_000)
    automatic_patterns = models.BooleanField(default=False)
    routes = models.JSONField(default=dict, blank=True)
    """By the model asked for (`auto:best`, an alias): terms that differ there, `epsilon` say."""
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(epsilon__gt=0, epsilon__lte=0.5), name="terms_epsilon"
            ),
            models.CheckConstraint(
                condition=Q(static_threshold__gte=0.5, static_threshold__lte=1.0),
                name="terms_static_threshold",
            ),
            models.CheckConstraint(
                condition=Q(shadow_share__gte=0, shadow_share__lte=1), name="terms_shadow_share"
            ),
            models.CheckConstraint(
                condition=Q(shadow_usd_a_day__gte=0), name="terms_shadow_not_negative"
            ),
            models.CheckConstraint(condition=Q(ttl_s__gt=0), name="terms_ttl"),
        ]

    def __str__(self) -> str:
        return f"answers of {self.team_id}"


class SharedGroup(models.Model):
    """Teams that may serve each other's answers; each joins by itself and by the owner's word."""

    organisation = models.ForeignKey("teams.Organisation", on_delete=models.CASCADE)
    name = models.SlugField(max_length=64)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["organisation", "name"], name="one_group_a_name")
        ]

    def __str__(self) -> str:
        return self.name


class Sharing(models.Model):
    """One team's part in a group: invited by one side, accepted by the other, or nothing."""

    group = models.ForeignKey(SharedGroup, on_delete=models.CASCADE, related_name="sharings")
    team = models.ForeignKey("teams.Team", on_delete=models.CASCADE, related_name="sharings")
    invited_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField(null=True)
    gives = models.BooleanField(default=False, db_default=False)
    """Whether what it asks from now on is kept for the group; else it is only served by it."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["group", "team"], name="one_sharing_a_team"),
            # An answer is kept in one place.
            models.UniqueConstraint(
                fields=["team"], condition=Q(gives=True), name="one_group_to_give_to"
            ),
            models.CheckConstraint(
                condition=Q(gives=False) | Q(accepted_at__isnull=False, invited_at__isnull=False),
                name="gives_only_inside",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.team_id} in {self.group_id}"


class Entry(models.Model):
    """A complete answer that may be served again inside its scope until it expires."""

    team = models.ForeignKey("teams.Team", on_delete=models.CASCADE, related_name="+")
    scope = models.TextField(db_default="")
    """`t:<team>`, `u:<team>:<user>` or `g:<group>`; it stands in every WHERE."""
    fingerprint = models.CharField(max_length=64)
    surroundings = models.CharField(max_length=64, blank=True, default="", db_default="")
    """All of the request but the question; empty: never compared by meaning."""
    shell = models.CharField(max_length=64, blank=True, default="", db_default="")
    """All of the request but the words of its last turn, exactly; patterns are mined within it."""
    turn = models.TextField(blank=True, default="", db_default="")
    """Those words as they came, where patterns may be mined from them."""
    model_asked = models.TextField()
    backend = models.TextField()
    question = models.TextField(blank=True, default="")
    answer = models.BinaryField()
    answer_class = models.BinaryField(default=b"", db_default=b"")
    """A hash of the answer as compared; entries that were found to say the same share one."""
    chunks = models.BinaryField(null=True)
    prompt_tokens = models.IntegerField(default=0)
    completion_tokens = models.IntegerField(default=0)
    cost = models.DecimalField(max_digits=26, decimal_places=12)
    latency_ms = models.FloatField(default=0, db_default=0)
    bytes = models.IntegerField(default=0, db_default=0)
    tags = models.JSONField(default=dict)
    exchange_id = models.UUIDField()
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(db_index=True)
    pinned_at = models.DateTimeField(null=True)
    """Pinned by a person or imported: its answer stands, and does not expire."""
    quarantined_at = models.DateTimeField(null=True)
    quarantine = models.TextField(blank=True, default="", db_default="")
    """Why: `complaint`, `shadow`, `changed`, `person`."""
    rights = models.FloatField(default=0, db_default=0)
    wrongs = models.FloatField(default=0, db_default=0)
    doubts = models.PositiveSmallIntegerField(default=0, db_default=0)
    """How often in a row what says the same was found wrong though it had seemed sure."""
    hits = models.IntegerField(default=0, db_default=0)
    last_hit_at = models.DateTimeField(null=True)
    intent = models.ForeignKey("Intent", null=True, on_delete=models.SET_NULL, related_name="+")
    imported = models.ForeignKey(
        "Import", null=True, on_delete=models.SET_NULL, related_name="entries", db_index=False
    )

    class Meta:
        verbose_name_plural = "entries"
        ordering = ["-id"]
        constraints = [
            # An end user's own answers have his name in their fingerprint.
            models.UniqueConstraint(fields=["team", "fingerprint"], name="one_answer_a_fingerprint")
        ]
        indexes = [
            # The exact tier's one question: the answer to this fingerprint in the caller's scopes.
            models.Index(fields=["fingerprint", "scope"], name="entry_exact"),
            # Those that say the same, when one of them was found wrong or right again.
            models.Index(fields=["team", "answer_class"], name="entry_class"),
            # The console's list, and the miner's walk over a team's newest.
            models.Index(fields=["team", "-id"], name="entry_team_newest"),
            # The answer that a request made, for complaints and for what was compared with it.
            models.Index(fields=["exchange_id"], name="entry_exchange"),
            # What an import brought, for its undoing; few entries were ever imported.
            models.Index(
                fields=["imported"], condition=Q(imported__isnull=False), name="entry_imported"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.fingerprint[:12]}"


class Generation(models.Model):
    """Vectors of one embedder; a new one is filled beside the live one and then takes its place."""

    embedder = models.TextField()
    dimensions = models.PositiveIntegerField()
    state = models.CharField(
        max_length=8,
        choices=[("filling", "filling"), ("live", "live"), ("retired", "retired")],
        default="filling",
    )
    created_at = models.DateTimeField(db_default=Now())
    live_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["state"], condition=Q(state="live"), name="one_live_generation"
            ),
            models.UniqueConstraint(
                fields=["embedder", "dimensions"],
                condition=~Q(state="retired"),
                name="one_generation_an_embedder",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.embedder} {self.state}"


class EntryVector(models.Model):
    """Where a stored question lies; `partition` hashes scope and surroundings."""

    entry = models.ForeignKey(Entry, on_delete=models.CASCADE, related_name="vectors")
    generation = models.ForeignKey(Generation, on_delete=models.CASCADE, db_index=False)
    partition = models.UUIDField()
    vector = HalfVectorField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entry", "generation"], name="one_vector_a_generation")
        ]
        indexes = [
            # Small partitions are read whole and compared exactly.
            models.Index(fields=["generation", "partition"], name="vector_partition"),
        ]

    def __str__(self) -> str:
        return f"{self.entry_id}/{self.generation_id}"


class Evidence(models.Model):
    """What showed whether a stored answer would be right for another question."""

    at = models.DateTimeField(db_default=Now())
    team = models.ForeignKey("teams.Team", on_delete=models.CASCADE, related_name="+")
    entry = models.ForeignKey(Entry, null=True, on_delete=models.SET_NULL, related_name="evidence")
    question = models.TextField()
    answer = models.BinaryField(null=True)
    """What was answered instead; compared in the background, then forgotten."""
    exchange_id = models.UUIDField()
    """The request that it comes from."""
    source = models.CharField(
        max_length=16,
        choices=[
            ("miss", "asked because it was not served"),
            ("shadow", "served and asked again"),
            ("feedback", "the caller's word"),
            ("person", "a person in the console"),
        ],
    )
    served = models.BooleanField(default=False, db_default=False)
    similarity = models.FloatField()
    score = models.FloatField(default=0, db_default=0)
    features = ArrayField(models.FloatField(), default=list)
    guard = models.TextField(blank=True, default="", db_default="")
    weight = models.FloatField(default=1, db_default=1)
    """One over the probability that this was looked at."""
    right = models.BooleanField(null=True)
    """Empty until it is compared."""
    judged_by = models.CharField(max_length=16, blank=True, default="", db_default="")
    """`equal`, `embedding`, `guard`, `model`, `person`, or `unsure` (which counts as wrong);
    `wanted`, `asked` and its word while a model compares."""

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["id"], condition=Q(right=None), name="evidence_undecided"),
            models.Index(fields=["team", "-id"], name="evidence_team_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.entry_id} {self.right}"


class Mind(models.Model):
    """What a team's judge has learned, as of one moment; the newest in force is used."""

    team = models.ForeignKey("teams.Team", on_delete=models.CASCADE, related_name="+")
    made_at = models.DateTimeField(db_default=Now())
    seen = models.PositiveIntegerField(default=0)
    """Pieces of evidence that it rests on."""
    learned = models.JSONField(default=dict)
    """`judging.Mind` as JSON."""
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["team", "-id"], name="mind_team_newest")]

    def __str__(self) -> str:
        return f"{self.team_id} {self.made_at:%F %T}"


class Import(models.Model):
    """Questions and answers that were brought along: an FAQ, a help centre."""

    team = models.ForeignKey("teams.Team", on_delete=models.CASCADE, related_name="+")
    name = models.TextField()
    actor = models.TextField(blank=True, default="")
    model_asked = models.TextField(blank=True, default="*")
    """Its answers are served where this model is asked for; `*`: whichever is."""
    system_prompt = models.TextField(blank=True, default="")
    """And under this system prompt; empty: only without one; `*`: under whichever."""
    state = models.CharField(
        max_length=8,
        choices=[
            ("waiting", "waiting"),
            ("running", "running"),
            ("done", "done"),
            ("failed", "failed"),
            ("undone", "undone"),
        ],
        default="waiting",
    )
    content = models.BinaryField(default=b"")
    """What is still to be read; emptied when it is done."""
    lines = models.IntegerField(default=0)
    """Pairs that were looked at; where a killed worker's successor goes on."""
    total = models.IntegerField(null=True)
    """How many pairs there are; known when the file was read through."""
    taken = models.IntegerField(default=0)
    rejected = models.JSONField(default=list)
    """`{"line": n, "why": …}` of what could not be taken, the first thousand."""
    rejections = models.IntegerField(default=0)
    replaced = models.IntegerField(default=0, db_default=0)
    """Of those taken: questions that an earlier import had answered."""
    message = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name
