"""What llama.cpp prints of clients' grammars stays in the house, and nobody else's lines do."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

import pytest

from inference.local import aside, sampling
from inference.local.library import Model
from inference.local.words import Sampling, Settings
from inference.words import EngineError


@pytest.mark.parametrize("grammar", ['root ::= "SECRET\nLINE" [', "SECRET", "root ::= SECRET \0 x"])
def test_a_grammar_that_is_none_is_not_printed(
    tiny_model: Path,
    grammar: str,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    model = Model(tiny_model, Settings(context=64, threads=1))
    try:
        with pytest.raises(EngineError, match="no valid GBNF"):
            sampling.Sampler(model, Sampling(grammar=grammar), [])
    finally:
        model.free()
    assert capfd.readouterr().err == ""
    told = [record.getMessage() for record in caplog.records if "client's" in record.getMessage()]
    assert len(told) == 1
    assert len(told[0]) < 400
    assert "\n" not in told[0]


def test_what_others_write_meanwhile_is_not_lost(capfd: pytest.CaptureFixture[str]) -> None:
    def parse() -> int:
        os.write(2, b"one\n")
        os.write(2, b"parse: error parsing grammar: expecting ::= at bad\n\nbad\n")
        writer = threading.Thread(target=os.write, args=(2, b"two\n"))
        writer.start()
        writer.join()
        return 7

    assert aside.parsed(parse, b"bad") == 7
    os.write(2, b"three\n")
    assert capfd.readouterr().err == "one\ntwo\nthree\n"
