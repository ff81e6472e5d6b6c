"""`manage.py models`: the model files of this machine, from the command line."""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from inference.local import layout
from inference.local.words import Settings
from inference.store import measuring, models, quantising, sizes
from inference.store.errors import DamagedModelError, ModelError
from inference.store.facts import Facts
from inference.store.measuring import Load
from inference.store.models import ModelFile
from routing import shelf
from routing.progress import Line
from routing.shelf import Pull
from teams import audit
from teams.values import Actor

OPERATOR = Actor(name="command line", operates=True)
ROW = "{:<32} {:>9} {:>9} {:>9} {:>9}  {}"


class Command(BaseCommand):
    help = "Lists, fetches, imports, inspects, measures, checks and removes model files (GGUF)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        verbs.add_parser("list", help="what is in the store")
        _pull(verbs.add_parser("pull", help="fetch from a hub or from a listed address"))
        _import(verbs.add_parser("import", help="take in a GGUF file of this machine"))
        quantize = verbs.add_parser("quantize", help="make a smaller variant of a model")
        quantize.add_argument("reference", metavar="NAME:VARIANT")
        quantize.add_argument("mix", metavar="MIX", help=", ".join(quantising.mixes()))
        inspect = verbs.add_parser("inspect", help="what a model, or any GGUF file, says of itself")
        inspect.add_argument("what", metavar="NAME:VARIANT|FILE")
        _bench(verbs.add_parser("bench", help="measure a model's speed on this machine"))
        check = verbs.add_parser("check", help="compare files with their checksums")
        check.add_argument("reference", nargs="?", default="", metavar="NAME:VARIANT")
        remove = verbs.add_parser("remove", help="delete a variant from the store")
        remove.add_argument("reference", metavar="NAME:VARIANT")
        remove.add_argument("--force", action="store_true", help="even if a backend uses it")

    def handle(self, *_args: Any, verb: str, **options: Any) -> None:
        verbs: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
            "list": self._list,
            "pull": self._pull,
            "import": self._import,
            "quantize": self._quantize,
            "inspect": self._inspect,
            "bench": self._bench,
            "check": self._check,
            "remove": self._remove,
        }
        try:
            verbs[verb](options)
            self.stdout.flush()
        except BrokenPipeError:  # `| head` has read enough, and Python would complain at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except ModelError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{error.strerror}: {error.filename or 'the store'}") from error
        except KeyboardInterrupt:
            raise CommandError("stopped") from None

    def _list(self, _options: Mapping[str, Any]) -> None:
        found = models.all_files()
        if not found:
            self.stdout.write("No model yet: `manage.py models pull` or `import` brings one.")
            return
        self.stdout.write(ROW.format("MODEL", "SIZE", "CONTEXT", "MEMORY", "TOKENS/S", "USED BY"))
        for model in found:
            self.stdout.write(
                ROW.format(
                    model.reference,
                    sizes.told(model.facts.bytes),
                    model.facts.usual_context() or "?",
                    sizes.told(model.facts.running_bytes()),
                    "damaged" if model.damaged else _speed(model),
                    ", ".join(_users(model)) or "-",
                )
            )

    def _pull(self, options: Mapping[str, Any]) -> None:
        wanted = ("what", "name", "variant", "revision", "sha256")
        asked = Pull(**{word: options[word] for word in wanted})
        with Line(self.stdout, sizes.told) as line:
            model = shelf.pull(asked, line.at)
        self._done("pull", model)

    def _import(self, options: Mapping[str, Any]) -> None:
        path = Path(options["file"])
        name = options["name"] or path.stem
        reference = f"{name}:{options['variant']}" if options["variant"] else name
        if mix := options["quantize"]:
            quantising.must_be_possible(path.name, models.inspect(path), mix)
        model = models.store().import_file(path, reference, move=options["move"])
        self._done("import", model)
        if options["quantize"]:
            self._make(model.reference, options["quantize"])

    def _quantize(self, options: Mapping[str, Any]) -> None:
        self._make(options["reference"], options["mix"])

    def _make(self, reference: str, mix: str) -> None:
        with Line(self.stdout, str) as line:
            model = quantising.quantise(models.store(), reference, mix, progress=line.at)
        self._done("quantize", model)

    def _inspect(self, options: Mapping[str, Any]) -> None:
        path = Path(options["what"])
        if path.is_file():
            self.stdout.write(json.dumps(_told(models.inspect(path)), indent=2))
            return
        model = models.find(options["what"])
        about = {"model": model.reference, "source": model.source, "sha256": model.sha256}
        speed = {"speed": dict(model.speed) or "not measured: manage.py models bench"}
        self.stdout.write(json.dumps({**about, **_told(model.facts), **speed}, indent=2))

    def _bench(self, options: Mapping[str, Any]) -> None:
        model = models.find(options["reference"])
        load = Load(**{word: options[word] for word in ("sequences", "prompt", "tokens")})
        speed = measuring.measure(model, load)
        models.store().note_speed(model.reference, speed)
        for name, value in speed.items():
            self.stdout.write(f"{name:<24} {value}")

    def _check(self, options: Mapping[str, Any]) -> None:
        """Remembered where it is wrong: no worker loads such a file, whatever its date says."""
        wanted = options["reference"]
        found = [models.look(wanted)] if wanted else models.all_files()
        wrong = 0
        for model in found:
            try:
                models.store().verify(model, anyway=True)
                self.stdout.write(f"{model.reference} is whole.")
            except DamagedModelError as error:
                wrong += 1
                self.stdout.write(str(error))
        if wrong:
            raise CommandError(f"{wrong} of {len(found)} files are damaged.")

    def _remove(self, options: Mapping[str, Any]) -> None:
        reference, force = options["reference"], options["force"]
        try:
            model = shelf.remove(reference, force=force)
        except DatabaseError as error:
            if not force:
                raise CommandError(
                    "KORA's database does not answer, so nobody can say which backends use this "
                    "model. Start KORA, or add --force."
                ) from error
            model = models.store().remove(reference)
        self._audit("remove", model)
        self.stdout.write(f"{model.reference} is removed.")

    def _done(self, verb: str, model: ModelFile) -> None:
        self._audit(verb, model)
        size, kind = sizes.told(model.facts.bytes), model.facts.quantisation
        self.stdout.write(f"{model.reference} is in the store ({size}, {kind}).")

    def _audit(self, verb: str, model: ModelFile) -> None:
        facts = {"source": model.source, "sha256": model.sha256}
        before, after = (facts, None) if verb == "remove" else (None, facts)
        try:
            audit.record_file(OPERATOR, verb, model.reference, before=before, after=after)
        except DatabaseError:
            self.stderr.write("KORA is not running, so its audit log knows nothing of this.")


def _pull(parser: ArgumentParser) -> None:
    parser.add_argument(
        "what",
        metavar="WHAT",
        help="owner/name, owner/name:FILE, owner/name:QUANTISATION, or a listed https address",
    )
    _naming(parser)
    parser.add_argument("--revision", default="main", help="branch, tag or commit of the hub")
    parser.add_argument("--sha256", default="", help="for an address: what the file must have")


def _import(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE")
    _naming(parser)
    parser.add_argument("--move", action="store_true", help="take the file instead of a copy")
    parser.add_argument("--quantize", default="", metavar="MIX", help="make this variant too")


def _naming(parser: ArgumentParser) -> None:
    parser.add_argument("--name", default="", help="default: after the file or repository")
    parser.add_argument("--variant", default="", help="default: its quantisation")


def _bench(parser: ArgumentParser) -> None:
    parser.add_argument("reference", metavar="NAME:VARIANT")
    parser.add_argument("--sequences", type=int, default=4, help="at once (default 4)")
    parser.add_argument("--prompt", type=int, default=256, help="tokens to read (default 256)")
    parser.add_argument("--tokens", type=int, default=64, help="tokens to write (default 64)")


def _users(model: ModelFile) -> list[str]:
    try:
        return [row.name for row in shelf.users(model)]
    except DatabaseError:
        return ["? (KORA is not running)"]


def _speed(model: ModelFile) -> str:
    found = model.speed.get("decode_tps")
    return f"{found:.0f}" if isinstance(found, int | float) else "-"


def _told(facts: Facts) -> dict[str, Any]:
    usual = layout.room(facts, Settings())
    run = {"slots": usual.slots, "context": usual.context, "memory": sizes.told(usual.bytes)}
    return {**facts.as_json(), "size": sizes.told(facts.bytes), "runs_as": run}
