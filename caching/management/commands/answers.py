"""`manage.py answers`: what a team is answered without a model, from the command line."""

from __future__ import annotations

import json
import math
import os
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.db.models import Avg, Count, F, Q, Sum

from caching import invalidation, meaning
from caching.errors import NoEmbedder, Unfit
from caching.faces import browsing, curating
from caching.imports import importing, pairs, rehearsing
from caching.imports.importing import Wanted
from caching.imports.pairs import Flaw
from caching.imports.rehearsing import Sample, Setting
from caching.invalidation import Criteria
from caching.models import Entry, Import
from caching.vectors import generations
from teams import audit
from teams.models import Team
from teams.values import Actor

OPERATOR = Actor(name="command line", operates=True)
ROW = "{:>8}  {:<11}  {:>6}  {:<22}  {}"
TRIED = "{:>5}  {:<8}  {:>6}  {:>6}  {:>6}  {}"
REFUSED = 3
"""The exit code where part of a file was refused."""
LOOK_EVERY_S = 0.3
DAY_S = 86_400.0
CHECKED = ("model", "backend", "tag", "pattern")

Options = Mapping[str, Any]


class Command(BaseCommand):
    help = "Imports, lists, tries out, drops, pins and quarantines a team's stored answers."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        _import(verbs.add_parser("import", help="take in questions and answers (CSV, JSONL)"))
        imports = verbs.add_parser("imports", help="what was imported, and how it went")
        undo = verbs.add_parser("undo", help="remove what one import brought")
        undo.add_argument("id", type=int, metavar="IMPORT")
        _list(listed := verbs.add_parser("list", help="the newest stored answers"))
        _try(tried := verbs.add_parser("try", help="what questions would be served; asks no model"))
        _drop(dropped := verbs.add_parser("drop", help="remove answers, by what they share"))
        pin = verbs.add_parser("pin", help="let answers stand: they do not expire")
        pin.add_argument("--undo", action="store_true", help="let them be judged and expire again")
        put = verbs.add_parser("quarantine", help="serve answers no more, and keep them")
        put.add_argument("--undo", action="store_true", help="serve them again")
        stats = verbs.add_parser("stats", help="how many there are, and what they serve")
        for each in (pin, put):
            each.add_argument("ids", type=int, nargs="+", metavar="ID")
            each.add_argument("--dry-run", action="store_true", help="only say which")
        for each in (imports, undo, listed, tried, dropped, pin, put, stats):
            each.add_argument("--team", required=True, help="the team's name")

    def handle(self, *_args: Any, verb: str, **options: Any) -> None:
        verbs: Mapping[str, Callable[[Team, Options], None]] = {
            "import": self._import,
            "imports": self._imports,
            "undo": self._undo,
            "list": self._list,
            "try": self._try,
            "drop": self._drop,
            "pin": self._pin,
            "quarantine": self._quarantine,
            "stats": self._stats,
        }
        try:
            verbs[verb](_team(options["team"]), options)
            self.stdout.flush()
        except BrokenPipeError:  # `| head` has read enough, and Python would complain at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except (Unfit, NoEmbedder) as error:
            raise CommandError(str(error) or str(error.__doc__)) from error
        except DatabaseError as error:
            raise CommandError("KORA's database does not answer. Start KORA.") from error
        except OSError as error:
            raise CommandError(f"{error.strerror}: {error.filename}") from error
        except KeyboardInterrupt:
            raise CommandError("stopped; what is begun goes on in the background") from None

    def _import(self, team: Team, options: Options) -> None:
        path = Path(options["file"])
        wanted = Wanted(
            name=options["name"] or path.name,
            content=path.read_bytes(),
            model=options["model"],
            system=options["system"],
        )
        if options["dry_run"]:
            importing.check(wanted)
            self._read(wanted.content)
            return
        row = self._brought(importing.begin(OPERATOR, team, wanted).pk)
        for flaw in row.rejected:
            self.stderr.write(f"line {flaw['line']} {flaw['why']}")
        if row.state != "done":
            raise CommandError(row.message or f"The import is {row.state}.")
        self.stdout.write(f"Import {row.pk}: {row.message}")
        if row.rejections:
            raise CommandError(f"{row.rejections} lines were refused.", returncode=REFUSED)

    def _brought(self, import_id: int) -> Import:
        """Here or in the background worker, whoever is first; each batch is taken once."""
        while True:
            importing.carry_on(import_id)
            row = Import.objects.get(pk=import_id)
            if row.state not in importing.OPEN:
                return row
            time.sleep(LOOK_EVERY_S)

    def _read(self, content: bytes) -> None:
        found = list(pairs.read(content))
        flaws = [each for each in found if isinstance(each, Flaw)]
        for flaw in flaws:
            self.stderr.write(f"line {flaw.line} {flaw.why}")
        self.stdout.write(f"{len(found) - len(flaws)} of {len(found)} lines are fit to be taken.")
        if flaws:
            raise CommandError(f"{len(flaws)} lines would be refused.", returncode=REFUSED)

    def _imports(self, team: Team, _options: Options) -> None:
        rows = Import.objects.filter(team=team).defer("content", "rejected")
        for row in rows:
            told = row.message or importing.told(row)
            self.stdout.write(f"{row.pk:>6}  {row.state:<8}  {row.name}: {told}")
        if not rows:
            self.stdout.write("Nothing was imported yet.")

    def _undo(self, team: Team, options: Options) -> None:
        row = Import.objects.filter(team=team, pk=options["id"]).defer("content").first()
        if row is None:
            raise CommandError(f"{team} has no import {options['id']}.")
        self.stdout.write(importing.undo(OPERATOR, row))

    def _list(self, team: Team, options: Options) -> None:
        asked = {name: options[name] for name in browsing.FILTERS if options.get(name)}
        rows = browsing.narrowed(browsing.seen(None, team.name), asked)[: options["limit"]]
        if not rows:
            self.stdout.write("No stored answer is like that.")
            return
        self.stdout.write(ROW.format("ID", "STATE", "HITS", "FROM", "QUESTION"))
        for entry in rows:
            state = browsing.state_of(entry)
            words = _short(entry.question)
            line = ROW.format(entry.pk, state, entry.hits, entry.backend[:22], words)
            self.stdout.write(line)

    def _try(self, team: Team, options: Options) -> None:
        meaning.use(generations.open_embedder)
        kept, setting = (
            browsing.terms_of(team),
            Setting(model=options["model"], system=options["system"]),
        )
        samples = []
        for sample in rehearsing.rehearse(team, kept, _questions(options), setting):
            samples.append(sample)
            if not options["json"]:
                self._tell(sample)
        if options["json"]:
            self.stdout.write(json.dumps([sample.as_json() for sample in samples], indent=2))
        else:
            self.stdout.write(rehearsing.told(samples))

    def _tell(self, sample: Sample) -> None:
        figures = (_figure(each) for each in (sample.similarity, sample.p, sample.lower))
        self.stdout.write(
            TRIED.format(sample.line, sample.tier or "-", *figures, _short(sample.question))
        )
        nearest = f" Nearest: {_short(sample.neighbour)}" if sample.neighbour else ""
        self.stdout.write(f"       {sample.words}{nearest}")

    def _drop(self, team: Team, options: Options) -> None:
        criteria = _criteria(options)
        found = invalidation.find([team.pk], criteria)
        for each in found.sample:
            self.stdout.write(f"{each.entry_id:>8}  {_short(each.question)}")
        if options["dry_run"]:
            self.stdout.write(f"{found.count} answers ({found.bytes:,} bytes) would be dropped.")
            return
        dropped = invalidation.drop([team.pk], criteria, found.as_of)
        said = {name: options[name] for name in (*CHECKED, "id", "older_than_days")}
        named = {name: value for name, value in said.items() if value}
        audit.record(OPERATOR, "invalidate", team, after={"invalidated": dropped, **named})
        self.stdout.write(f"{dropped} answers are dropped.")

    def _pin(self, team: Team, options: Options) -> None:
        self._each(team, options, "unpin" if options["undo"] else "pin")

    def _quarantine(self, team: Team, options: Options) -> None:
        self._each(team, options, "release" if options["undo"] else "quarantine")

    def _each(self, team: Team, options: Options, verb: str) -> None:
        """All of them or none: a wrong id is told before anything is done."""
        rows = list(Entry.objects.filter(team=team, pk__in=options["ids"]))
        unknown = set(options["ids"]) - {entry.pk for entry in rows}
        if unknown:
            raise CommandError(f"{team} has no answer {', '.join(map(str, sorted(unknown)))}.")
        for entry in rows:
            if not options["dry_run"]:
                curating.carry_out(OPERATOR, entry, verb)
            self.stdout.write(f"{verb} {entry.pk}  {_short(entry.question)}")

    def _stats(self, team: Team, _options: Options) -> None:
        known = Entry.objects.filter(team=team).aggregate(
            answers=Count("pk"),
            pinned=Count("pk", filter=Q(pinned_at__isnull=False)),
            quarantined=Count("pk", filter=Q(quarantined_at__isnull=False)),
            imported=Count("pk", filter=Q(imported__isnull=False)),
            bytes=Sum("bytes", default=0),
            usd_saved=Sum(F("cost") * F("hits"), default=0),
            hits=Sum("hits", default=0),
            usd_an_answer=Avg("cost", default=0),
        )
        known |= {name: f"{known[name]:.6f}" for name in ("usd_saved", "usd_an_answer")}
        for name, value in known.items():
            self.stdout.write(f"{name:<16} {value}")


def _import(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="CSV or JSON lines: question, answer")
    parser.add_argument("--team", required=True, help="the team's name")
    parser.add_argument("--name", default="", help="default: the file's; answers name it as source")
    parser.add_argument("--model", default="*", help="only where this is asked for (default: any)")
    parser.add_argument(
        "--system",
        default="",
        help="only under this system prompt (default: under none; *: under any)",
    )
    parser.add_argument("--dry-run", action="store_true", help="read the file, keep nothing")


def _list(parser: ArgumentParser) -> None:
    parser.add_argument("--q", default="", metavar="TEXT", help="questions with these words")
    parser.add_argument("--model", default="", help="the model asked for")
    parser.add_argument("--backend", default="", help="who answered, such as import:faq")
    parser.add_argument("--tag", default="", help="name or name=value")
    parser.add_argument("--state", default="", choices=["", *browsing.STATES])
    parser.add_argument("--limit", type=_above_zero, default=50)


def _try(parser: ArgumentParser) -> None:
    parser.add_argument("questions", nargs="*", metavar="QUESTION")
    parser.add_argument("--file", default="", help="CSV, JSON lines, or a question a line")
    parser.add_argument("--model", default="auto", help="as if this were asked for")
    parser.add_argument("--system", default="", help="as if under this system prompt")
    parser.add_argument("--json", action="store_true", help="all that is known of each")


def _drop(parser: ArgumentParser) -> None:
    parser.add_argument("--id", type=int, action="append", default=[], help="may be repeated")
    parser.add_argument("--model", default="", help="the model asked for")
    parser.add_argument("--backend", default="", help="who answered")
    parser.add_argument("--tag", default="", help="name or name=value")
    parser.add_argument("--pattern", default="", help="the question; * and ? stand for any text")
    parser.add_argument("--older-than-days", type=_days)
    parser.add_argument("--dry-run", action="store_true", help="only say which")


def _above_zero(words: str) -> int:
    if not words.isdecimal() or not int(words):
        raise ArgumentTypeError("a whole number above zero")
    return int(words)


def _days(words: str) -> float:
    days = float(words)
    if not 0 <= days < math.inf:
        raise ArgumentTypeError("a number of days, not below zero")
    return days


def _criteria(options: Options) -> Criteria:
    days = options["older_than_days"]
    return Criteria(
        ids=tuple(options["id"]),
        older_than_s=None if days is None else days * DAY_S,
        **{name: options[name] for name in CHECKED},
    )


def _questions(options: Options) -> Sequence[tuple[int, str]]:
    said = list(enumerate(options["questions"], start=1))
    if options["file"]:
        said += list(pairs.questions(Path(options["file"]).read_bytes()))
    if not said:
        raise Unfit("Give questions, or a --file of them.")
    if len(said) > rehearsing.MOST:
        raise Unfit(f"{len(said)} are too many; {rehearsing.MOST} are the most.")
    return said


def _team(name: str) -> Team:
    found = Team.objects.filter(name=name).first()
    if found is None:
        raise CommandError(f"No team is called {name}.")
    return found


def _short(words: str) -> str:
    line = " ".join(words.split())
    return line if len(line) <= 70 else f"{line[:67]}..."


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
